"""`train --model zssr` on a folder or a pattern: one photo after another."""

import dataclasses
import gc
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from sr_keras.evaluation.pair_files import pair
from sr_keras.imaging import resize
from sr_keras.imaging.listing import find_images
from sr_keras.inference.earlier import Earlier, photos_of
from sr_keras.models.recipes import RENAMED
from sr_keras.support import signals
from sr_keras.support.console import (
    EXIT_BAD_INPUT,
    EXIT_DONE,
    EXIT_SOME_FAILED,
    describe,
    exit_code,
    load_keras,
    say,
)
from sr_keras.support.folders import (
    BATCH,
    LAST,
    RUNS,
    folder_for,
    has_result,
    save_json,
)
from sr_keras.support.progress import counted
from sr_keras.training.config import anywhere
from sr_keras.training.flags import SIZES, TOP
from sr_keras.training.zero_shot.photo import Photo


def run(found, job, layers, request, run_photo):
    """Work through the photos; what is done already is skipped.

    Args:
        found: list of (Path, Path relative to where all of them are).
        job: dict, the top level of config.json.
        layers: dicts of groups of settings, the later over the earlier.
        request: training.config.Request, for the results' folder.
        run_photo: function (Photo, layers, folder) for one of them, which
            returns a ZeroShotRun.

    Returns:
        The exit code.
    """
    settings = json.loads(json.dumps([anywhere(job), layers]))
    root = _root(job, settings, request)
    found = _photos(found, root, job["image"])
    partners = _partners(job, found)
    _check_settings(job, layers)
    with folder_for(root):
        save_json(root / BATCH, settings)
        album = _Album(
            job, layers, root, request.overwrite, partners, run_photo
        )
        code = album.work_through(found)
        if code == EXIT_BAD_INPUT:  # there is nothing to go on with
            (root / BATCH).unlink()
    album.print()
    return code


@dataclasses.dataclass
class _Album:
    """The photos of a run, and what has become of each."""

    job: dict
    layers: tuple
    root: Path
    overwrite: bool
    partners: dict
    run_photo: Callable
    rows: list = dataclasses.field(default_factory=list)

    def work_through(self, found):
        """Take one photo after another; return the exit code."""
        for path, relative in found:
            try:
                signals.check()
                code = self._take(path, relative)
            except KeyboardInterrupt as e:
                self._note(relative, "stopped")
                code = exit_code(e)
            except Exception as e:
                if os.environ.get("SR_KERAS_TRACEBACK"):
                    raise
                self._fail(path, relative, describe(e))
                code = EXIT_DONE
            finally:
                gc.collect()  # one photo's memory before the next
            if code:
                return code
        return self._code()

    def print(self):
        """Print the table."""
        width = max(len(str(name)) for name, _, _ in self.rows)
        for name, status, summary in self.rows:
            line = f"{name!s:<{width}}  {status}"
            if summary:
                line += f", {counted(summary['steps'], 'step')}"
                line += f", {summary['seconds']:.0f} s"
                line += _score(summary)
            say(line)
        say(f"results are in {self.root}")

    def _take(self, path, relative):
        folder = self.root / relative.parent / _name_of(relative)
        if not self.overwrite and _is_done(folder, path):
            self._note(relative, "done before")
            return EXIT_DONE
        own = {name: of[path] for name, of in self.partners.items()}
        photo = Photo(path, {**self.job, **own})
        run = self.run_photo(photo, self.layers, folder)
        status = "interrupted" if run.scores["interrupted"] else "done"
        self._note(relative, status, run.scores)
        return run.code

    def _fail(self, path, relative, reason):
        named = str(path) in reason
        say(reason if named else f"{path}: {reason}", sys.stderr)
        self._note(relative, f"failed: {reason}")

    def _note(self, relative, status, summary=None):
        self.rows.append((relative, status, summary))

    def _code(self):
        failed = [status.startswith("failed") for _, status, _ in self.rows]
        if all(failed):
            return EXIT_BAD_INPUT
        return EXIT_SOME_FAILED if any(failed) else EXIT_DONE


def _photos(found, root, given):
    """Those found that are no results: their folder may lie among them."""
    home, earlier = root.absolute(), Earlier()
    # What a killed run has left in its folder is no photo, either.
    homes = {home / name.parent / _name_of(name) for _, name in found}
    outside = []
    for path, name in found:
        parents = path.absolute().parents
        top = earlier.searched(path, name)
        is_below = home in parents and top in home.parents
        if not is_below and parents[0] not in homes:
            outside.append((path, name))
    return photos_of(outside, given)


def _root(job, settings, request):
    """The results' folder; one of the same settings is gone on with."""
    if request.output:
        root = Path(request.output)
        if root.exists() and not root.is_dir():
            raise ValueError(f"--output {root} is a file: give a folder")
        if not request.overwrite and not _is_free(root, settings):
            raise ValueError(
                f"{root} has results of other settings: add --overwrite, or "
                "give another --output"
            )
        return root
    name, count = _called(job), 1
    root = RUNS / name
    while not (request.overwrite or _is_free(root, settings)):
        count += 1
        root = RUNS / f"{name}-{count}"
    return root


def _is_free(root, settings):
    """Whether a folder has nothing yet, or a part of the same results."""
    try:
        job, layers = json.loads((root / BATCH).read_text("utf-8"))
        # One of an older version lacks what had no flag then.
        job = {**TOP, **job}
        job["recipe"] = RENAMED.get(job["recipe"], job["recipe"])
        return [job, layers] == settings
    except (OSError, ValueError, TypeError):
        return not has_result(root)


def _called(job):
    """What the results' folder is called, unless it is told."""
    image = job["image"]
    name = Path(os.path.abspath(image)).name
    name = name if os.path.isdir(image) else "photos"
    size = next(f"{key[0]}{job[key]}" for key in SIZES if job[key] is not None)
    return f"{name}_{job['model']}_{size.replace('s', 'x')}"


def _name_of(relative):
    """A folder's name that equal stems of two formats do not share."""
    return f"{relative.stem}_{relative.suffix.lstrip('.')}"


def _is_done(folder, path):
    """Whether there is a whole result, and the photo is not newer."""
    try:
        record = folder / LAST
        summary = json.loads(record.read_text("utf-8"))
        newer = path.stat().st_mtime > record.stat().st_mtime
        there = (folder / summary["result"]).is_file()
        return there and not summary["interrupted"] and not newer
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _partners(job, found):
    """For each of the folders to compare with, {photo: its own file}."""
    partners = {}
    for name in ("ground_truth", "baseline"):
        if not job[name]:
            continue
        if not os.path.isdir(job[name]):
            flag = name.replace("_", "-")
            raise ValueError(
                f"--{flag} must be a folder, as --image is, not {job[name]}"
            )
        pairs = pair(found, find_images(job[name]), "input")
        partners[name] = {photo: str(theirs) for photo, theirs, _ in pairs}
    return partners


def _check_settings(job, layers):
    """Raise ValueError once for what would be wrong for every photo."""
    if job["scale"] is not None:
        resize.parse_scale(job["scale"])
    kernel = resize.load_kernel(job["kernel"]) if job["kernel"] else None
    load_keras()
    from sr_keras.training.zero_shot.run import build, settings_of

    settings = settings_of(job, layers, kernel)
    build(job["model"], (2.0, 2.0), 3, settings.network)


def _score(summary):
    """The PSNR of the result, where it is known."""
    score = summary.get("scores", {}).get(summary["fusion"])
    return f", {score['psnr']:.3f} dB" if score else ""
