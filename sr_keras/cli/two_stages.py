"""An adversarial training begins with one by pixels, in the same command.

It is a run of its own, in the folder of the other, and is gone on with like
any other.
"""

import dataclasses
import sys

from sr_keras.cli import EXIT_DONE, objectives, say
from sr_keras.cli.files import folder_for, has_result, save_json
from sr_keras.training import checkpoint

FOLDER = "stage1"


def epochs_before(run):
    """How many epochs by pixels come first.

    Args:
        run: cli.dataset_run.Run.

    Returns:
        int, 0 where there is a network to begin with already.
    """
    if run.begun:
        return 0
    return getattr(run.plan.own, "pretrain_epochs", 0)


def work(make, folder, begin):
    """Train by pixels where that comes first, and then as asked.

    Args:
        make: function (job=None, groups=None, init_from=None) -> Run with
            these settings, or the command's own.
        folder: Path, an existing folder; its checkpoints are gone on from.
        begin: function called when all is known to be right.

    Returns:
        The exit code.

    Raises:
        ValueError: a training or its images have gone wrong.
    """
    # What is wrong with the second stage is found before the first.
    run = make()
    begin()
    epochs = epochs_before(run)
    if not epochs or (folder / checkpoint.FILE).exists():
        return run.work(folder)
    save_json(folder / "config.json", run.config())
    settings = _first(run, epochs)
    del run
    first = folder / FOLDER
    if not has_result(first):
        say("stage 1 of 2: by pixels", sys.stderr)
        with folder_for(first):
            code = make(*settings).work(first)
        if code != EXIT_DONE:
            return code
    say("stage 2 of 2: against a discriminator", sys.stderr)
    return make(init_from=str(first)).work(folder)


def _first(run, epochs):
    """The settings of the first stage: those of the second, by pixels."""
    own, groups = run.plan.own, run.plan.to_dict()
    groups.pop(run.plan.objective)
    learning = {
        "epochs": epochs,
        "learning_rate": own.pretrain_rate,
        "schedule": own.pretrain_schedule,
        "final_rate": None,
    }
    groups["learning"] = {**dataclasses.asdict(run.plan.learning), **learning}
    job = {**run.job, "objective": objectives.PIXEL, "keep_every": 0}
    return job, groups
