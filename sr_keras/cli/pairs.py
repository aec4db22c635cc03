"""Pairing the files of two folders by their names."""

import re
from collections import Counter, defaultdict
from pathlib import Path

# "x2", "_x2", "-x2.37", "_x1.5x2": what upscaled and shrunk files end with.
_FACTOR = re.compile(r"[_-]?x\d+(\.\d+)?(x\d+(\.\d+)?)?$", re.IGNORECASE)
# "_zssr" before that: the name of a network.
_NETWORK = re.compile(r"_[^_]+$")

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
    partners = _match(others, targets)
    mine = {p: len(partners.get(p, ())) for p, _ in targets}
    theirs = Counter(p for paths in partners.values() for p in paths)
    troubles = [
        (f"no {kind} image for", [r for p, r in targets if not mine[p]]),
        ("no HR image for", [r for p, r in others if not theirs[p]]),
        (
            f"more than one {kind} image for",
            [r for p, r in targets if mine[p] > 1],
        ),
        ("more than one HR image for", [r for p, r in others if theirs[p] > 1]),
    ]
    problems = [f"{say} {_listed(names)}" for say, names in troubles if names]
    if problems:
        raise ValueError(
            f"{'; '.join(problems)}: rename or remove them (--help has the "
            "rules)"
        )
    return [(partners[path][0], path, name) for path, name in targets]


def _match(others, targets):
    """{target's path: [paths of the others that fit it best]}."""
    exact = {name: path for path, name in targets}
    by_stem = defaultdict(list)
    for path, name in targets:
        by_stem[name.with_suffix("")].append(path)
    partners = defaultdict(list)
    rest = []
    for path, name in others:
        if name in exact:
            partners[exact[name]].append(path)
        else:
            rest.append((path, name))
    for path, name in rest:
        for candidate in _stems(name):
            if candidate in by_stem:
                for target in by_stem[candidate]:
                    partners[target].append(path)
                break
    return dict(partners)


def _stems(name: Path):
    """What the partner of a file may be called, likeliest first."""
    stem = name.stem
    yield name.with_name(stem)
    shorter = _FACTOR.sub("", stem)
    for text in (shorter, _NETWORK.sub("", shorter)):
        if text and shorter != stem:
            yield name.with_name(text)


def _listed(names):
    text = ", ".join(str(name) for name in names[:_MOST_LISTED])
    more = len(names) - _MOST_LISTED
    return f"{text} and {more} more" if more > 0 else text
