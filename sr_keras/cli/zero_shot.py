"""`train --model zssr`: which photos, with what settings, to which folder."""

import glob
import os
import sys
from pathlib import Path

from sr_keras.cli import batch, config
from sr_keras.cli.files import RUNS, find_images, folder_for, has_result
from sr_keras.cli.flags import SIZES, TOP, ZERO_SHOT
from sr_keras.cli.photo import Photo
from sr_keras.imaging import images
from sr_keras.support import signals
from sr_keras.support.console import load_keras, say


def run(request, started):
    """Run the command.

    Args:
        request: cli.config.Request.
        started: time.monotonic() at which the command began.

    Returns:
        The exit code.
    """
    job, layers = _settings(request)
    _check(job)
    found = find_images(job["image"])
    if _is_many(job["image"]):
        return batch.run(found, job, layers, request, run_photo)
    photo = Photo(found[0][0], job, started)
    folder = free_folder(photo.name, request.output, request.overwrite)
    return run_photo(photo, layers, folder)[1]


def run_photo(photo, layers, folder):
    """Train on one photo and write what comes of it.

    Args:
        photo: cli.photo.Photo.
        layers: dicts of groups of settings, the later over the earlier.
        folder: Path, made where it is missing.

    Returns:
        Tuple (dict as in metrics.json, exit code).
    """
    for note in photo.file.notes:
        say(f"{photo.path}: {note}", sys.stderr)
    with folder_for(folder):
        load_keras()
        from sr_keras.cli import learning, outputs

        outputs.check_apart(folder, photo)
        with learning.Work(photo, layers) as work:
            signals.check()
            say(work.plan())
            with signals.patience():
                work.learn(outputs.pair_writer(folder, photo, work))
                results = work.results()
            with work.undisturbed():
                summary = outputs.write(folder, photo, work, results)
    kind = images.format_of(Path(summary["result"]))
    _, lost = images.metadata_for(kind, photo.file, photo.size)
    if lost:
        say(f"{photo.path}: {lost}", sys.stderr)
    scores = outputs.table(summary)
    if scores:
        say(scores)
    say(f"wrote {folder / summary['result']}")
    return summary, work.code


def free_folder(name, output, overwrite):
    """The folder for a new result; it is not made yet.

    Args:
        name: str, what the run is called.
        output: str, the folder asked for, or None for one in runs/.
        overwrite: bool, whether there may be a result in it already.

    Returns:
        Path.

    Raises:
        ValueError: the folder asked for is a file, or has a result.
    """
    if not output:
        folder, count = RUNS / name, 1
        while folder.exists() and not overwrite:
            count += 1
            folder = RUNS / f"{name}-{count}"
        return folder
    folder = Path(output)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"--output {folder} is a file: give a folder")
    if not overwrite and has_result(folder):
        raise ValueError(
            f"{folder} has a result already: add --overwrite, or give "
            "another --output"
        )
    return folder


def _settings(request):
    """The top level of config.json, and the layers of what is below it."""
    stored, stored_groups = {}, {}
    if request.config:
        stored, stored_groups = config.checked(
            config.read(request.config), ZERO_SHOT, request.config
        )
    if any(key in request.given for key in SIZES):
        stored = {k: v for k, v in stored.items() if k not in SIZES}
    if "recipe" in request.given:
        stored_groups = {}
    # An empty flag, --crop '', takes back what a config.json says.
    given = {
        key: None if value == "" and TOP[key] is None else value
        for key, value in request.given.items()
    }
    job = {**TOP, **stored, **given}
    if job["warm_start"] and job["recipe"] == TOP["recipe"]:
        job["recipe"] = "warm"
    return job, (stored_groups, request.groups)


def _is_many(image):
    return os.path.isdir(image) or (
        not os.path.exists(image) and glob.has_magic(image)
    )


def _check(job):
    if not job["image"]:
        raise ValueError("no photo: give --image FILE, FOLDER or 'PATTERN*'")
    sizes = [key for key in SIZES if job[key] is not None]
    if len(sizes) != 1:
        which = ", ".join(f"--{key} {job[key]}" for key in sizes) or "none"
        raise ValueError(
            f"give one of --scale, --width and --height, not {which}"
        )
    if job["baseline"] and not job["ground_truth"]:
        raise ValueError(
            "--baseline is scored against the true result: give "
            "--ground-truth too"
        )
