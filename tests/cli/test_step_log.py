"""`train --log-every`: a row every so many steps, none of them twice."""

import csv
from pathlib import Path

import numpy as np
import pytest
from cli_runs import command
from test_resume import TINY, Killed

from sr_keras.support import progress
from sr_keras.training.step_log import StepLog


class Events:
    """What TensorBoard is given."""

    def __init__(self):
        self.found = []

    def scalar(self, name, value, step):
        self.found.append((name, value, step))

    def flush(self):
        pass


def steps(folder="."):
    with open(Path(folder, "steps.csv")) as file:
        return list(csv.DictReader(file))


def test_every_so_many_steps(tmp_path):
    log = StepLog(tmp_path, 3, Events())
    assert [n for n in range(1, 10) if log.is_due(n)] == [3, 6, 9]
    assert not StepLog(tmp_path, 0, Events()).is_due(3)
    assert not StepLog(None, 3, Events()).is_due(3)


def test_rows_behind_a_checkpoint_are_left_out(tmp_path):
    events = Events()
    log = StepLog(tmp_path, 1, events)
    log.go_back(0)  # there is nothing yet
    for step in (1, 2):
        log.add({"step": step, "epoch": 1, "loss": step / 2})
    assert events.found == []
    log.commit()
    log.commit()
    assert events.found == [("step/loss", 0.5, 1), ("step/loss", 1.0, 2)]
    log.add({"step": 3, "epoch": 1, "loss": 1.5})
    with open(tmp_path / "steps.csv", "a") as file:
        file.write("4,1")  # and then it was killed
    log = StepLog(tmp_path, 1, events)
    log.go_back(2)
    log.add({"step": 3, "epoch": 1, "loss": 1.5})
    assert [row["step"] for row in steps(tmp_path)] == ["1", "2", "3"]
    log.commit()
    assert [step for _, _, step in events.found] == [1, 2, 3]
    log.go_back(0)
    assert not (tmp_path / "steps.csv").exists()


def shown(folder):
    """Steps and losses that TensorBoard has, in order."""
    import tensorflow as tf

    return sorted(
        (event.step, float(tf.make_ndarray(value.tensor)))
        for file in Path(folder, "tensorboard").iterdir()
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
        if value.tag == "step/loss"
    )


@pytest.mark.slow
@pytest.mark.usefixtures("quick_plots")
def test_killed_and_gone_on_with(place, capfd, data, monkeypatch):
    given = ("train", *TINY, "--data", data, "--log-every", 1, "--output")
    own, calls = progress.Epochs.__call__, [0]

    def kill(*args):
        calls[0] += 1
        if calls[0] == 5:
            raise Killed
        return own(*args)

    with monkeypatch.context() as patch:
        patch.setattr(progress.Epochs, "__call__", kill)
        with pytest.raises(Killed):
            command(capfd, *given, "out")
    assert [row["step"] for row in steps("out")] == list("12345")
    # The settings are in the run's folder.
    ended = command(capfd, "train", "--resume", "--output", "out")
    assert ended.code == 0, ended.err
    assert command(capfd, *given, "never").code == 0
    rows = steps("out")
    assert rows == steps("never")
    assert list(rows[0]) == ["step", "epoch", "loss", "rate", "skipped"]
    assert [row["epoch"] for row in rows] == list("111222")
    assert shown("out") == shown("never")
    wanted = [(int(row["step"]), float(row["loss"])) for row in rows]
    np.testing.assert_allclose(shown("out"), wanted, rtol=1e-5)
    # An epoch's loss is the mean of its steps'.
    with open("out/history.csv") as file:
        epochs = [float(row["loss"]) for row in csv.DictReader(file)]
    losses = np.array(wanted)[:, 1].reshape(2, 3)
    np.testing.assert_allclose(losses.mean(1), epochs, rtol=1e-5)
