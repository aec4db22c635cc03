"""Pairing the files of two folders by their names."""

from collections import Counter, defaultdict

from sr_keras.imaging import match_files

_MOST_LISTED = 8


def pair(others, targets, kind: str):
    """Find the partner of each target.

    Args:
        others: list of (path, relative path), the SR or the LR files.
        targets: list of (path, relative path), the HR files.
        kind: "SR" or "LR", for messages.

    Returns:
        List of (other's path, target's path, target's relative path), in the
        order of the targets.

    Raises:
        ValueError: where a file has no partner, or several; it lists them.
    """
    paths = {name: path for path, name in others}
    partners = defaultdict(list)
    matched = match_files.match(list(paths), [name for _, name in targets])
    for name, found in matched.items():
        for target in found:
            partners[target].append(paths[name])
    mine = {r: len(partners[r]) for _, r in targets}
    theirs = Counter({name: len(found) for name, found in matched.items()})
    troubles = [
        (f"no {kind} image for", [r for _, r in targets if not mine[r]]),
        ("no HR image for", [r for _, r in others if not theirs[r]]),
        (
            f"more than one {kind} image for",
            [r for _, r in targets if mine[r] > 1],
        ),
        ("more than one HR image for", [r for _, r in others if theirs[r] > 1]),
    ]
    problems = [f"{say} {_listed(names)}" for say, names in troubles if names]
    if problems:
        raise ValueError(
            f"{'; '.join(problems)}: rename or remove them (--help has the "
            "rules)"
        )
    return [(partners[name][0], path, name) for path, name in targets]


def _listed(names):
    text = ", ".join(str(name) for name in names[:_MOST_LISTED])
    more = len(names) - _MOST_LISTED
    return f"{text} and {more} more" if more > 0 else text
