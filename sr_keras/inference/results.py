"""Results of `upscale` that are there already, and what made them."""

import collections
import contextlib
import json
import os
from pathlib import Path

from sr_keras.imaging import scale
from sr_keras.inference.target import label
from sr_keras.support.atomic import Originals
from sr_keras.support.folders import RECORD, save_json
from sr_keras.support.ledger import Ledger, dumped

# Settings that decide what a result looks like.
_DECIDING = (
    *("scale", "width", "height", "model", "self_ensemble", "back_projection"),
    *("color_guard", "crop", "format", "precision", "trust_map", "samples"),
)


class Results:
    """The results that are there: folders are listed once, ledgers read once.

    Args:
        args: argparse.Namespace of `upscale`.
        todo: list of inference.outputs.Target, all of this run.

    Raises:
        ValueError: a file that was named for a result is a photo.
    """

    def __init__(self, args, todo):
        self._args = args
        # 0: stdin, which may come from a file
        read = [target.source or 0 for target in todo if not target.problem]
        self._originals = Originals([*read, args.model])
        named = (target.file for target in todo)
        self._originals.check(*named, args.csv, args.compare)
        self._settings = dumped(settings(args))
        self._ledgers, self._listings = {}, {}

    def is_done(self, target):
        """Whether a photo has a result that is not older than it.

        Args:
            target: inference.outputs.Target.

        Returns:
            bool.

        Raises:
            ValueError: a file of another origin has the result's name.
        """
        if self._args.overwrite or not (target.source and target.folder):
            return False
        if target.root:
            found = self._mirrored(target)
        else:
            if target.file:
                self.check_free(target, [target.file])
            found = self._single(target)
        return any(_is_newer(path, target.source) for path in found)

    def check_free(self, target, paths):
        """Refuse to replace a photo, or what was made otherwise.

        Args:
            target: inference.outputs.Target.
            paths: list of Path, its result and what belongs to it.

        Raises:
            ValueError: something else is there.
        """
        self._originals.check(*paths)
        if self._args.overwrite or target.root:
            return
        ledger, (result, *_) = self._ledger(target.folder), paths
        for path in filter(os.path.lexists, paths):
            ours = path in self._single(target) or (
                path != result and path.name in ledger
            )
            if not ours:
                raise ValueError(
                    f"{path} is there already, of other settings or another "
                    "origin: add --overwrite, or give another --output"
                )

    def making(self, target, paths):
        """A context in which results are written; single ones are recorded.

        Args:
            target: inference.outputs.Target.
            paths: list of Path, its result and what belongs to it.

        Returns:
            Context manager.
        """
        if target.root or not (target.source and paths):
            return contextlib.nullcontext()
        ledger = self._ledger(target.folder)
        return ledger.making(target.source, self._settings, paths)

    def _single(self, target):
        """The results of a photo with these settings, by the ledger."""
        ledger = self._ledger(target.folder)
        names = ledger.made(target.source, self._settings)
        paths = [target.folder / name for name in names]
        return [path for path in paths if target.file in (None, path)]

    def _mirrored(self, target):
        """The results of a photo in a folder whose record has the settings.

        The factor may depend on the photo: any will do, unless one is given.
        """
        names = self._listing(target.folder)[target.stem]
        paths = [target.folder / name for name in names]
        if self._args.scale is None:
            return paths
        factor = label(scale.parse_scale(self._args.scale))
        return [path for path in paths if path.stem.endswith(f"_{factor}")]

    def _ledger(self, folder):
        return self._ledgers.setdefault(folder, Ledger(folder))

    def _listing(self, folder):
        """{stem of a photo: names of its results}, of a folder."""
        if folder not in self._listings:
            listing = collections.defaultdict(list)
            with contextlib.suppress(OSError):
                for name in os.listdir(folder):
                    stem, _, factor = Path(name).stem.rpartition("_")
                    if factor.startswith("x"):
                        listing[stem].append(name)
            self._listings[folder] = listing
        return self._listings[folder]


def settings(args):
    """What decides how a result looks: a dict for JSON."""
    return json.loads(
        json.dumps({name: getattr(args, name) for name in _DECIDING})
    )


def check_record(folder, args):
    """Keep results of other settings apart.

    Args:
        folder: Path of results.
        args: argparse.Namespace of `upscale`.

    Raises:
        ValueError: the folder has results of other settings.
    """
    stored = _read(folder / RECORD)
    if stored == settings(args):
        return
    if stored is not None and not args.overwrite:
        raise ValueError(
            f"{folder} has results of other settings: add --overwrite, or "
            "give another --output"
        )
    folder.mkdir(parents=True, exist_ok=True)
    save_json(folder / RECORD, settings(args))


def drop_record(folder):
    """Take away a record that has no results, and its folders.

    Args:
        folder: Path of results.
    """
    if any(p.is_file() and p.name != RECORD for p in folder.rglob("*")):
        return
    (folder / RECORD).unlink(missing_ok=True)
    for path in sorted([folder, *folder.rglob("*")], reverse=True):
        with contextlib.suppress(OSError):  # somebody has put something there
            path.rmdir()


def _is_newer(path, source):
    """Whether there is a result that is not older than its photo."""
    try:
        return path.stat().st_mtime >= source.stat().st_mtime
    except OSError:
        return False


def _read(path):
    """A dict from JSON; None where there is none."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
