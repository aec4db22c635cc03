"""ZSSR on one photo: trained, enlarged, written."""

import contextlib
import dataclasses
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sr_keras.imaging import images
from sr_keras.imaging.arrays import check_image
from sr_keras.support import signals
from sr_keras.support.console import EXIT_DONE, heard_by, load_keras, say
from sr_keras.support.folders import RUNS, folder_for, has_result
from sr_keras.training import config
from sr_keras.training.flags import SIZES, TOP, ZERO_SHOT
from sr_keras.training.zero_shot.photo import Photo

if TYPE_CHECKING:
    from sr_keras.models.network import Network


@dataclasses.dataclass(frozen=True, eq=False)
class ZeroShotRun:
    """A training on one photo that has ended.

    Attributes:
        image: the enlarged photo.
        network: the network that the photo has trained.
        folder: everything that was written; None if nothing was.
        losses: one value for each step.
        scores: what metrics.json has; empty if nothing was written.
        code: the command's exit code.
    """

    image: images.Image
    network: "Network"
    folder: Path | None
    losses: list[float]
    scores: dict
    code: int

    @property
    def pixels(self) -> np.ndarray:
        """The enlarged photo as `images.to_working` makes arrays."""
        return images.to_working(self.image)

    @property
    def is_interrupted(self) -> bool:
        """Whether Ctrl-C has ended the training early."""
        return self.code != EXIT_DONE


def zero_shot(
    image: str | os.PathLike | np.ndarray,
    scale: float | str | tuple[float, float] | None = None,
    *,
    width: int | None = None,
    height: int | None = None,
    recipe: str | None = None,
    output: str | os.PathLike | None = None,
    overwrite: bool = False,
    network: dict | None = None,
    report: Callable[[str], object] | None = None,
    **settings: object,
) -> ZeroShotRun:
    """Enlarge a photo with a network that learns from the photo alone: ZSSR.

    Args:
        image: a file; or an array (H, W, C), float in [0, 1]: grey, RGB, or
            either with alpha, its colours multiplied by alpha, as
            `images.to_working` makes them.
        scale: factor: 2, 2.37, a pair (y, x), or "1.5x2" for width by height.
        width: of the result in pixels, in place of a factor.
        height: the same.
        recipe: "default", "paper", "article" or "fast".
        output: folder for the result, the network and the plots; nothing is
            written if None.
        overwrite: whether to replace a result that is there.
        network: arguments of the network: {"num_layers": 6}.
        report: function that gets the lines that the command would print.
        **settings: any other setting of config.json by its name: max_steps,
            noise_std, time_budget (docs/zero-shot.md).

    Returns:
        The run: `pixels` is the enlarged photo.

    Raises:
        ValueError: a photo or settings that cannot be used.
        FileNotFoundError: there is no such photo.
        TypeError: an unknown setting, or an array of integers.
        KeyboardInterrupt: it was interrupted before the first step. Later
            the best so far is returned; `is_interrupted` tells.
    """
    if isinstance(image, np.ndarray):
        file, path = _image_of(check_image(image)), Path("image.png")
    else:
        file, path = None, Path(image)
    config.refuse("zero_shot", settings, "model", "image")
    if isinstance(scale, tuple):
        scale = "x".join(f"{s:g}" for s in scale[::-1])
    own = {"scale": scale, "width": width, "height": height, "recipe": recipe}
    given = {k: v for k, v in own.items() if v is not None}
    top, groups = config.sort_settings({**given, **settings}, ZERO_SHOT)
    whole_views(groups)
    if network:
        groups.setdefault("network", {}).update(network)
    job = job_of(top)
    with heard_by(report):
        photo = Photo(path, job, file=file)
        folder = output and free_folder(photo.name, str(output), overwrite)
        run = run_photo(photo, ({}, groups), folder or None)
    if run.code != EXIT_DONE and not run.losses:
        raise KeyboardInterrupt("stopped before the first step")
    return run


def job_of(given: dict) -> dict:
    """The top level of config.json.

    Args:
        given: what was said of it.

    Returns:
        All of it.

    Raises:
        ValueError: settings that do not fit each other.
    """
    job = {**TOP, **given}
    if job["warm_start"] and job["recipe"] == TOP["recipe"]:
        job["recipe"] = "warm"
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
    return job


def whole_views(groups: dict) -> None:
    """Learn from one view a step where views are not cropped.

    Whole views differ in size, and do not stack.

    Args:
        groups: the settings below the top level, changed in place.
    """
    if groups.get("augmentation", {}).get("crop_sizes") == []:
        groups.setdefault("learning", {}).setdefault("batch_size", 1)


def _image_of(array):
    """An array with its alpha apart, as a file would have it."""
    if array.shape[-1] not in (2, 4):
        return images.Image(array, bits=32)
    like = images.Image(array[..., :-1], array[..., -1:], bits=32)
    return images.from_working(array, like)


def run_photo(photo: Photo, layers: tuple, folder: Path | None) -> ZeroShotRun:
    """Train on one photo, and write what comes of it.

    Args:
        photo: the photo, and what is asked of it.
        layers: dicts of groups of settings, the later over the earlier.
        folder: made where it is missing; None to write nothing.

    Returns:
        The run.

    Raises:
        ValueError: settings that cannot be used, or a training gone wrong.
    """
    for note in photo.file.notes:
        say(f"{photo.path}: {note}", sys.stderr)
    with folder_for(folder) if folder else contextlib.nullcontext():
        load_keras()
        from sr_keras.training.zero_shot import outputs
        from sr_keras.training.zero_shot.run import Work

        follow = None
        if folder:
            outputs.check_apart(folder, photo)
        with Work(photo, layers) as work:
            signals.check()
            say(work.plan())
            with signals.patience():
                if folder:
                    follow = outputs.pair_writer(folder, photo, work)
                work.learn(follow)
                results = work.results()
            summary = {}
            if folder:
                with work.undisturbed():
                    summary = outputs.write(folder, photo, work, results)
                _say_written(folder, photo, summary)
            return ZeroShotRun(
                images.from_working(results["fused"], photo.file),
                work.zero_shot.network,
                folder,
                work.zero_shot.losses,
                summary,
                work.code,
            )


def _say_written(folder, photo, summary):
    from sr_keras.training.zero_shot import outputs

    kind = images.format_of(Path(summary["result"]))
    _, lost = images.metadata_for(kind, photo.file, photo.size)
    if lost:
        say(f"{photo.path}: {lost}", sys.stderr)
    scores = outputs.table(summary)
    if scores:
        say(scores)
    say(f"wrote {folder / summary['result']}")


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
