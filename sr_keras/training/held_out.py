"""Held-out images: by name the same ones when a training goes on."""

import os
from pathlib import Path

from sr_keras.support.progress import counted


def names_of(source):
    """Names that mean the same from every folder.

    Args:
        source: pipelines.sources.Source.

    Returns:
        List of str.
    """
    return [_anywhere(name) for name in source.names]


def places_of(source, names):
    """Find images by their names.

    Args:
        source: pipelines.sources.Source.
        names: list of str, as `names_of` gives them.

    Returns:
        Pair of lists of int: the images of these names, in their order, and
        the others.
    """
    places = {name: i for i, name in enumerate(names_of(source))}
    there = [places[name] for name in names if name in places]
    others = sorted({*range(len(source))} - {*there})
    return there, others


def change(before, source, limit):
    """Say that scores are of other images than before.

    Args:
        before: list of str, the names of those before; None if not known.
        source: pipelines.sources.Source, those of now, or None.
        limit: int, how many are scored.

    Returns:
        str; None if they are the same, or there are none.
    """
    if before is None or source is None:
        return None
    now = names_of(source)
    if before[:limit] == now[:limit]:
        return None
    text = "the held-out images are others than before"
    if gone := [name for name in before if name not in now]:
        text = f"{counted(len(gone), 'held-out image')} gone, {gone[0]} for one"
    return f"{text}: PSNRs of before and after cannot be compared"


def _anywhere(name):
    """A path that means the same from every folder; other names stay."""
    first = Path(name).parts[:1]
    return os.path.abspath(name) if first and os.path.exists(*first) else name
