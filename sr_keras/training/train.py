"""Training on many images, in one call."""

import csv
import dataclasses
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from sr_keras.support.console import EXIT_DONE, EXIT_SOME_FAILED, heard_by
from sr_keras.support.folders import LAST
from sr_keras.training import config, run_folder
from sr_keras.training.dataset_flags import DATASET

if TYPE_CHECKING:
    from sr_keras.models.network import Network


@dataclasses.dataclass(frozen=True, eq=False)
class TrainedRun:
    """A training that has ended.

    Attributes:
        folder: everything that it has written; `train(..., resume=True)`
            goes on from here.
        network: the best network.
        history: a dict for each epoch, as in history.csv.
        scores: what metrics.json has: `psnr` and `best_epoch` among it.
    """

    folder: Path
    network: "Network"
    history: list[dict[str, float]]
    scores: dict


def train(
    model: str | os.PathLike,
    data: str | os.PathLike | Iterable[str | os.PathLike],
    scale: int | None = None,
    *,
    recipe: str | None = None,
    output: str | os.PathLike | None = None,
    resume: bool = False,
    overwrite: bool = False,
    network: dict | None = None,
    report: Callable[[str], object] | None = None,
    **settings: object,
) -> TrainedRun | None:
    """Train a network on many images, as the command `train` does.

    Args:
        model: a name of `list_models`; or a `.keras` file or a run's folder,
            to go on from.
        data: "div2k", or folders or files of HR images.
        scale: whole factor.
        recipe: "default", "paper" or "article".
        output: the run's folder; one in runs/ if None.
        resume: whether to go on with the training in `output`.
        overwrite: whether to replace a training that is there.
        network: arguments of the network: {"num_blocks": 8}.
        report: function that gets the lines that the command would print.
        **settings: any other setting of config.json by its name: epochs,
            batch_size, learning_rate (docs/training.md). `seed` seeds
            Python's, NumPy's and Keras's generators.

    Returns:
        The run, with its best network; None for a worker that is not the
        chief of several machines.

    Raises:
        ValueError: settings or images that cannot be used.
        FileNotFoundError: a file or folder that is not there.
        TypeError: an unknown setting.
        RuntimeError: the other machines did not come, or were lost.
        KeyboardInterrupt: the training was interrupted; what it has written
            stays, and `resume` goes on.
    """
    config.refuse("train", settings, "sources")
    run_folder.check_model(os.fspath(model))
    sources = [data] if isinstance(data, str | os.PathLike) else data
    own = {
        "model": model,
        "sources": [os.fspath(source) for source in sources],
        "scale": scale,
        "recipe": recipe,
    }
    given = {k: v for k, v in own.items() if v is not None}
    top, groups = config.sort_settings({**given, **settings}, DATASET)
    if network:
        groups.setdefault("network", {}).update(network)
    if resume and not output:
        raise ValueError("resume needs output: the folder of a training")
    before = Path(output or "", "config.json")
    stored = str(before) if resume and before.is_file() else None
    with heard_by(report) as lines:
        code, folder = run_folder.run(
            config.Request(
                top,
                groups,
                stored,
                os.fspath(output) if output else None,
                overwrite,
                resume,
            )
        )
    if code == EXIT_SOME_FAILED:
        raise RuntimeError(lines[-1])
    if code != EXIT_DONE:
        raise KeyboardInterrupt(lines[-1])
    return folder and read_run(folder)


def read_run(folder: str | os.PathLike) -> TrainedRun:
    """Read what a training has written.

    Args:
        folder: the run's.

    Returns:
        The run.

    Raises:
        FileNotFoundError: the training has not ended, or is not there.
    """
    from sr_keras.inference.load import load_trainable

    folder = Path(folder)
    scores = json.loads((folder / LAST).read_text("utf-8"))
    text = (folder / "history.csv").read_text("utf-8")
    history = [
        {name: float(value or "nan") for name, value in row.items()}
        for row in csv.DictReader(text.splitlines())
    ]
    return TrainedRun(folder, load_trainable(folder), history, scores)
