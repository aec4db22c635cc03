"""Match the names of image files: SR or LR files with HR files."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")

# "x2", "_x2", "-x2.37", "_x1.5x2" of upscaled and shrunk files; "x4d", "x4m"
# and "x4w3" of DIV2K's tracks difficult, mild and wild.
_FACTOR = re.compile(
    r"[_-]?x\d+(\.\d+)?(x\d+(\.\d+)?|[a-z]\d?)?$", re.IGNORECASE
)
# "_zssr" before that: the name of a network.
_NETWORK = re.compile(r"_[^_]+$")
# "_HR" and "_LR" where benchmark sets have both in one folder.
_ROLE = re.compile(
    r"(?:^|(?<=[_.\- ]))(?:(hr|gt)|(lr|lq))(?:$|(?=[_.\- ]))", re.IGNORECASE
)


def match(others: Sequence[Path], targets: Sequence[Path]) -> dict:
    """Find the targets that each of the other files belongs to.

    A file belongs to the target of its own name; else to one in its folder
    with the first of these stems that exists: its own, its own without a
    factor at the end, that without the network's name before it. The files
    left over belong to targets by one ending that all of them have, "_out".

    Args:
        others: relative paths of SR or LR files.
        targets: relative paths of HR files.

    Returns:
        {other: [targets]}, without those that belong to none.
    """
    exact, by_stem = set(targets), defaultdict(list)
    for target in targets:
        for stem in {target.stem, _without_role(target.stem)}:
            by_stem[target.with_name(stem)].append(target)
    found, rest = {}, []
    for other in others:
        stems = (other.with_name(stem) for stem in _stems(other.stem))
        stem = next((s for s in stems if s in by_stem), None)
        if other in exact:
            found[other] = [other]
        elif stem is not None:
            found[other] = by_stem[stem]
        else:
            rest.append(other)
    return found | _match_by_ending(rest, by_stem)


def split(
    found: Sequence[tuple[Item, Path]],
) -> tuple[list[tuple[Item, Path]], list[tuple[Item, Path]]]:
    """Tell HR files from LR files beside them, img_HR.png and img_LR.png.

    Args:
        found: pairs (anything, relative path).

    Returns:
        Two lists: HR files and all that have no part in such a pair, and the
        LR files.
    """
    roles = defaultdict(set)
    for _, name in found:
        roles[_key(name)].add(_role(name.stem))
    hr, lr = [], []
    for item, name in found:
        both = roles[_key(name)] >= {"hr", "lr"}
        (lr if both and _role(name.stem) == "lr" else hr).append((item, name))
    return hr, lr


def _match_by_ending(rest: list[Path], by_stem: dict) -> dict:
    """Match files that differ from their targets by one common ending."""
    possible = [_endings(other, by_stem) for other in rest]
    common = set.intersection(*possible) if possible else set()
    if not common:
        return {}
    length = len(min(common, key=len))
    return {
        other: by_stem[other.with_name(other.stem[:-length])] for other in rest
    }


def _endings(other: Path, by_stem: dict) -> set[str]:
    """Return what may follow a target's stem: a separator and more."""
    stem = other.stem
    return {
        stem[i:]
        for i in range(1, len(stem))
        if stem[i] in "_-. " and other.with_name(stem[:i]) in by_stem
    }


def _stems(stem: str) -> Iterator[str]:
    """Yield the stems that the target of a file may have, likeliest first."""
    yield stem
    shorter = _FACTOR.sub("", stem)
    if shorter and shorter != stem:
        yield shorter
        yield _NETWORK.sub("", shorter) or shorter
    yield _without_role(stem)


def _role(stem: str) -> str | None:
    """Return "hr" or "lr" if the last such word of a stem says it."""
    found = [*_ROLE.finditer(stem)]
    if not found:
        return None
    return "hr" if found[-1][1] else "lr"


def _without_role(stem: str) -> str:
    found = [*_ROLE.finditer(stem)]
    if not found:
        return stem
    start, end = found[-1].span()
    before, after = stem[:start].rstrip("_.- "), stem[end:].lstrip("_.- ")
    return "_".join(part for part in (before, after) if part) or stem


def _key(name: Path) -> Path:
    return name.with_name(_without_role(name.stem))
