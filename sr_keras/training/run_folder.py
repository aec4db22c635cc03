"""`train` on many images: with what settings, to which folder."""

import json
import os
import re
import shutil
import sys
from pathlib import Path

from sr_keras import models
from sr_keras.support import signals
from sr_keras.support.console import EXIT_SOME_FAILED, load_keras, say
from sr_keras.support.folders import folder_for, has_result
from sr_keras.support.suggest import unknown
from sr_keras.training import config, objectives, pretraining
from sr_keras.training.dataset_flags import DATASET
from sr_keras.training.distributed import meeting
from sr_keras.training.distributed.cluster import check, cluster

# Where results go unless they are told to.
_RUNS = Path("runs")

_CHECKPOINT, _CONFIG, _BEST = "checkpoint.npz", "config.json", "best.keras"

# What a run writes, and a new one in its place begins without.
_WRITTEN = (
    "metrics.json", _CHECKPOINT, _CONFIG, _BEST, "last.keras",
    "history.csv", "steps.csv", "curves.png", "samples", "tensorboard",
    "epochs",
)  # fmt: skip


def run(request):
    """Run the command.

    Args:
        request: training.config.Request.

    Returns:
        Tuple (exit code, Path of the run's folder or None).
    """
    job, layers = _settings(request)
    _check(job)
    machines = cluster()
    check(job["strategy"], job["gpus"], machines)
    load_keras()
    import tensorflow as tf

    try:
        team = _team(job, machines)
    except meeting.MissingWorkersError as e:
        say(str(e), sys.stderr)
        return EXIT_SOME_FAILED, None
    try:
        return _train(request, job, layers, team)
    except tf.errors.OpError as e:
        text = team.lost(e)
        if text is None:
            raise
        say(text, sys.stderr)
        return EXIT_SOME_FAILED, None


def _team(job, machines):
    """Who trains; where there are other machines, this waits for them."""
    from sr_keras.training.distributed.team import team_of

    if machines is not None and len(machines.addresses) > 1:
        limit = meeting.minutes()
        say(
            f"worker {machines.index} of {len(machines.addresses)}: waiting "
            f"for the others, {limit:g} min at most",
            sys.stderr,
        )
        meeting.meet(machines, 60 * limit)
    try:
        return team_of(job["strategy"], job["gpus"], machines)
    finally:
        signals.install()  # TensorFlow takes SIGTERM for itself


def _train(request, job, layers, team):
    from sr_keras.training.run import Run, resolve

    name, scale, network = resolve(job)

    def make(other=None, groups=None, init_from=None):
        own = layers if groups is None else (groups, {})
        start = name, scale, network
        run = Run(other or job, own, start, team, init_from)
        if job["held_out"] is None:  # a second stage has the same
            job["held_out"] = run.job["held_out"]
        return run

    if not team.chief:
        return pretraining.work(make, None, lambda: None, team), None
    folder = folder_of(f"{name}_x{scale}", request)
    if not request.resume:
        check_apart(folder, [job, *layers])
    with folder_for(folder):
        code = pretraining.work(
            make, folder, lambda: _begin(folder, request), team
        )
    return code, folder


def _settings(request):
    """The top level of config.json, and the layers of what is below it."""
    stored, stored_groups = {}, {}
    if request.config:
        stored, stored_groups = config.checked(
            config.read(request.config), DATASET, request.config
        )
    if "validation_split" in request.given:
        stored["held_out"] = stored.get("held_out") and []
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
    if not job["sources"]:
        raise ValueError(
            f"no images for {name} to learn from: give --data div2k, a "
            "folder, or a file"
        )
    held_out, split = job["held_out"], job["validation_split"]
    if held_out is not None and not _are_texts(held_out):
        raise ValueError(
            f"held_out must be a list of names of images, not {held_out!r}"
        )
    if split is not None and split >= 1:
        raise ValueError(
            f"--validation-split must be from 0 to less than 1, not {split:g}"
        )


def _are_texts(value):
    return isinstance(value, list) and all(isinstance(v, str) for v in value)


def folder_of(name, request):
    """The folder of a run; it is not made yet.

    Args:
        name: str, what it is called where nothing is said.
        request: Request.

    Returns:
        Path.

    Raises:
        ValueError: it is a file, or has a training already.
    """
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


def _begin(folder, request):
    for place in (folder, folder / pretraining.FOLDER):
        _sweep(place)
    if not request.resume:
        clear(folder)
    elif not _is_begun(folder):
        say(
            f"there is no checkpoint in {folder} yet: starting afresh",
            sys.stderr,
        )


def _is_of_run(folder):
    """Whether a folder's config.json is a training's."""
    try:
        stored = json.loads((folder / _CONFIG).read_text("utf-8-sig"))
        return {"model", "scale"} <= set(stored)
    except (OSError, ValueError, TypeError):
        return False


def _is_used(folder):
    return has_result(folder) or _is_begun(folder)


def _is_begun(folder):
    places = (folder, folder / pretraining.FOLDER)
    return any((place / _CHECKPOINT).exists() for place in places)


def _sweep(folder):
    """Remove the halves of files that a run which was killed has left."""
    for path in (p for n in ("", "epochs/", "samples/")
                 for p in folder.glob(f"{n}.*")):  # fmt: skip
        # .NAME.PROCESS, .STEM.PROCESS.SUFFIX, or a picture's
        name = re.sub(r"^\.(.+)\.\d+(\.\w+)?$", r"\1\2", path.name)
        ours = name in _written() or re.fullmatch(
            r"epoch_\d+\.keras|\.[0-9a-f]{16}\.tmp", name
        )
        if ours and path.is_file():
            path.unlink(missing_ok=True)


def check_apart(folder, read):
    """Refuse a folder of which `clear` would remove what is read, or others'.

    Args:
        folder: Path.
        read: settings, among which paths are looked for: dict, list or str.

    Raises:
        ValueError: a new training cannot begin in it.
    """
    there = [folder / name for name in _written()]
    there = [path for path in there if path.exists()]
    if there and not (_is_used(folder) or _is_of_run(folder)):
        raise ValueError(
            f"{there[0]} is of no training, and would be replaced: give "
            "another --output"
        )
    removed = {path.resolve(): path for path in there}
    for path in _paths_in(read):
        file = path / _BEST if path.is_dir() else path
        for place in {*path.resolve().parents, path.resolve(), file.resolve()}:
            if place in removed:
                raise ValueError(
                    f"{removed[place]} is read, and would be replaced: give "
                    "another --output"
                )


def _paths_in(settings):
    """The files and folders that settings name."""
    if isinstance(settings, dict):
        settings = list(settings.values())
    if isinstance(settings, list | tuple):
        return [path for value in settings for path in _paths_in(value)]
    is_path = isinstance(settings, str) and os.path.exists(settings)
    return [Path(settings)] if is_path and settings else []


def clear(folder):
    """Remove what an earlier run has written, and nothing else.

    Args:
        folder: Path.
    """
    for name in _written():
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _written():
    parts = [n for f in objectives.with_flags().values() for n in f.WRITTEN]
    return (*_WRITTEN, *parts)
