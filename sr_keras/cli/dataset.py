"""`train` on many images: with what settings, to which folder."""

import shutil
import sys
from pathlib import Path

from sr_keras import models
from sr_keras.cli import config, load_keras, objectives, say
from sr_keras.cli.dataset_flags import DATASET
from sr_keras.cli.files import folder_for, has_result
from sr_keras.names import unknown

# Where results go unless they are told to.
_RUNS = Path("runs")

_CHECKPOINT = "checkpoint.npz"

# What a run writes, and a new one in its place begins without.
_WRITTEN = (
    "metrics.json", _CHECKPOINT, "config.json", "best.keras", "last.keras",
    "history.csv", "curves.png", "samples", "tensorboard", "epochs",
)  # fmt: skip


def run(request):
    """Run the command.

    Args:
        request: cli.config.Request.

    Returns:
        The exit code.
    """
    job, layers = _settings(request)
    _check(job)
    load_keras()
    from sr_keras.cli.dataset_run import Run, resolve

    name, scale, network = resolve(job)
    folder = _folder(f"{name}_x{scale}", request)
    with folder_for(folder):
        made = Run(job, layers, (name, scale, network))
        if not request.resume:
            _clear(folder)
        elif not (folder / _CHECKPOINT).exists():
            say(
                f"there is no checkpoint in {folder} yet: starting afresh",
                sys.stderr,
            )
        return made.work(folder)


def _settings(request):
    """The top level of config.json, and the layers of what is below it."""
    stored, stored_groups = {}, {}
    if request.config:
        stored, stored_groups = config.checked(
            config.read(request.config), DATASET, request.config
        )
    if "recipe" in request.given and not request.resume:
        stored_groups = {}
    given = {k: None if v == "" else v for k, v in request.given.items()}
    return {**DATASET.top, **stored, **given}, (stored_groups, request.groups)


def check_model(name):
    """Refuse a network that cannot be trained on many images.

    Args:
        name: str, what --model said.

    Raises:
        ValueError: it has nothing to learn, or is not there.
    """
    if name in models.CLASSICAL:
        raise ValueError(f"{name} has nothing to learn: evaluate it as it is")
    if name not in models.list_models() and not Path(name).exists():
        text = unknown("no network is called", name, models.list_models())
        raise ValueError(f"{text}, a .keras file or the folder of a run")


def _check(job):
    name = job["model"]
    if not job["data"]:
        raise ValueError(
            f"no images for {name} to learn from: give --data div2k, a "
            "folder, or a file"
        )
    split = job["validation_split"]
    if split is not None and split >= 1:
        raise ValueError(
            f"--validation-split must be from 0 to less than 1, not {split:g}"
        )


def _folder(name, request):
    """The folder of the run; it is not made yet."""
    if request.output:
        folder = Path(request.output)
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"--output {folder} is a file: give a folder")
        if _is_used(folder) and not (request.resume or request.overwrite):
            raise ValueError(
                f"{folder} has a training already: add --resume to go on with "
                "it, --overwrite to replace it, or give another --output"
            )
        return folder
    folder, count = _RUNS / name, 1
    earlier = []
    while folder.exists():
        earlier.append(folder)
        count += 1
        folder = _RUNS / f"{name}-{count}"
    if earlier and (request.resume or request.overwrite):
        return earlier[-1]
    return folder


def _is_used(folder):
    return has_result(folder) or (folder / _CHECKPOINT).exists()


def _clear(folder):
    """Remove what an earlier run has written, and nothing else."""
    parts = [n for f in objectives.with_flags().values() for n in f.WRITTEN]
    for name in (*_WRITTEN, *parts):
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
