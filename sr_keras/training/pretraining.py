"""An adversarial training begins with one by pixels, in the same command.

It is a run of its own, in the folder of the other, and is gone on with like
any other.
"""

import dataclasses
import sys

from sr_keras.support.console import EXIT_DONE, say
from sr_keras.support.folders import folder_for, has_result, save_json
from sr_keras.training import checkpoint, objectives

FOLDER = "stage1"

# What is left to do: the one stage there is, the second, or both.
_LAST, _SECOND, _BOTH = b"last", b"second", b"both"


def epochs_before(run):
    """How many epochs by pixels come first.

    Args:
        run: training.run.Run.

    Returns:
        int, 0 where there is a network to begin with already.
    """
    if run.begun:
        return 0
    return getattr(run.plan.own, "pretrain_epochs", 0)


def work(make, folder, begin, team):
    """Train by pixels where that comes first, and then as asked.

    Args:
        make: function (job=None, groups=None, init_from=None) -> Run with
            these settings, or the command's own.
        folder: Path, an existing folder; its checkpoints are gone on from. Of
            workers only the chief has one.
        begin: function called when all is known to be right.
        team: training.distributed.team.Team, who trains.

    Returns:
        The exit code.

    Raises:
        ValueError: a training or its images have gone wrong.
    """
    # What is wrong with the second stage is found before the first.
    run = make()
    begin()
    epochs = epochs_before(run)
    # What there is already the chief alone can see.
    left = team.from_chief(_left(folder, epochs) if team.chief else b"")
    if left == _LAST:
        return run.work(folder)
    if team.chief:
        save_json(folder / "config.json", run.config())
    settings = _first(run, epochs)
    del run
    first = folder and folder / FOLDER
    if left == _BOTH:
        code = _work_first(make, settings, first)
        if code != EXIT_DONE:
            return code
    if team.chief:
        say("stage 2 of 2: against a discriminator", sys.stderr)
    return make(init_from=first and str(first)).work(folder)


def _left(folder, epochs):
    """Which stages are still to be trained."""
    if not epochs or (folder / checkpoint.FILE).exists():
        return _LAST
    return _SECOND if has_result(folder / FOLDER) else _BOTH


def _work_first(make, settings, folder):
    if folder is None:
        return make(*settings).work(None)
    say("stage 1 of 2: by pixels", sys.stderr)
    with folder_for(folder):
        return make(*settings).work(folder)


def _first(run, epochs):
    """The settings of the first stage: those of the second, by pixels."""
    own, groups = run.plan.own, run.plan.to_dict()
    groups.pop(run.plan.objective)
    learning = {
        "epochs": epochs,
        "learning_rate": own.pretrain_rate,
        "schedule": own.pretrain_schedule,
        "schedule_epochs": None,
        "final_rate": None,
    }
    groups["learning"] = {**dataclasses.asdict(run.plan.learning), **learning}
    job = {**run.job, "objective": objectives.PIXEL, "keep_every": 0}
    return job, groups
