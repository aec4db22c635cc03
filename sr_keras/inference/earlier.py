"""Recognising the results of earlier runs among image files."""

import functools
import json
import re
from pathlib import Path

from sr_keras.support.folders import BATCH, LAST, RECORD
from sr_keras.support.ledger import Ledger

# Pictures of a zero-shot run, besides those named after the photo.
_PICTURES = re.compile(r"(comparison|training|augmentation_\d+)\.png")


def outside(found, folder):
    """What is found, but for what lies in an output.

    Args:
        found: list of (Path, relative Path).
        folder: Path of the output.

    Returns:
        List of the same kind.

    Raises:
        ValueError: nothing is left.
    """
    inside = Path(folder).resolve()
    kept = [pair for pair in found if inside not in pair[0].resolve().parents]
    if not kept:
        raise ValueError(f"all photos lie in the output {folder}: give another")
    return kept


def photos_of(found, given):
    """What is found, but for results of earlier runs.

    Args:
        found: list of (Path, relative Path).
        given: str, what was searched.

    Returns:
        List of the same kind.

    Raises:
        ValueError: nothing is left.
    """
    earlier = Earlier()
    kept = [
        (path, name)
        for path, name in found
        if not earlier.wrote(path, earlier.searched(path, name))
    ]
    if not kept:
        raise ValueError(f"{given} has results of earlier runs only, no photos")
    return kept


class Earlier:
    """Knows the results of earlier runs; looks at every folder once."""

    def __init__(self):
        self.absolute = functools.cache(Path.absolute)
        self._ledger = functools.cache(Ledger)
        self.has_record = functools.cache(_has_record)
        self._is_filled = functools.cache(self._look_between)
        self._run = functools.cache(_run_of)
        self._has_results = functools.cache(self._look)

    def wrote(self, path, root):
        """Whether an earlier run has written a file.

        Args:
            path: Path of an image file.
            root: Path of the folder in which it was found; if this is itself
                a folder of results, it was meant so.

        Returns:
            bool.
        """
        folder = self.absolute(path.parent)
        if path.name in self._ledger(folder) or self._is_of_run(path, folder):
            return True
        return self._is_filled(folder, Path(root))

    def searched(self, path, name):
        """The folder in which a file was found.

        Args:
            path: Path.
            name: Path relative to that folder.

        Returns:
            Path, absolute.
        """
        folder = self.absolute(path.parent)
        depth = len(name.parts) - 1
        return folder.parents[depth - 1] if depth else folder

    def _is_of_run(self, path, folder):
        """Whether a file is one that the zero-shot run in its folder wrote."""
        run = self._run(folder)
        if run is None or "result" not in run:
            return False
        # photo_zssr_x2 is the result, photo_bicubic_x2 beside it
        stem = Path(run["result"]).stem
        photo, _, factor = stem.rpartition("_")
        photo = photo.rpartition("_")[0]
        return bool(
            path.name.startswith(stem)
            or path.stem == f"{photo}_bicubic_{factor}"
            or _PICTURES.fullmatch(path.name)
        )

    def _look_between(self, folder, root):
        """Whether a folder, or one between it and the root, has results."""
        top = root.absolute()
        below = [p for p in (folder, *folder.parents) if top in p.parents]
        return any(map(self._has_results, below))

    def _look(self, folder):
        """Whether all images in a folder are results."""
        if (folder / RECORD).exists() or (folder / BATCH).exists():
            return True
        run = self._run(folder)
        is_training = run is not None and "result" not in run
        return is_training or _is_prepared(folder)


def _has_record(folder):
    """Whether a folder, or one above it, has results of `upscale`."""
    places = (folder, *folder.parents)
    return any((place / RECORD).exists() for place in places)


def _is_prepared(folder):
    """Whether `prepare` has made a folder, or is making it."""
    index = _read(folder / "index.json") or {}
    return {"settings", "photos"} <= set(index) or (
        folder / ".index.jsonl"
    ).exists()


def _run_of(folder):
    """What is in the metrics.json of a run's folder; None for others."""
    found = _read(folder / LAST)
    return found if (folder / "config.json").exists() else None


def _read(path):
    """A dict from JSON; None where there is none."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
