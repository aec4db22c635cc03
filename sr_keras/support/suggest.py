"""What is said of a name that there is not."""

import difflib


def unknown(what, name, known, where=""):
    """A sentence that names the nearest of the names there are.

    Args:
        what: str, "no loss" for one.
        name: what was given.
        known: the names that there are, of str.
        where: str, what follows the name.

    Returns:
        str, "no loss 'l3': did you mean l1, l2? use one of l1, l2".
    """
    known = list(known)
    return (
        f"{what} {name!r}{where}: {meant(name, known)}use one of "
        f"{', '.join(known)}"
    )


def meant(name, known):
    """A question that names the nearest of the names there are.

    Args:
        name: what was given.
        known: the names that there are, of str.

    Returns:
        str, "did you mean l1 or l2? "; "" where none is near.
    """
    near = difflib.get_close_matches(str(name).lower(), list(known), 3, 0.5)
    return f"did you mean {' or '.join(near)}? " if near else ""
