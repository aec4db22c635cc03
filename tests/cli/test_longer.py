"""A training that is made longer: the learning rate does not jump."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from cli_runs import command, read_json, save, scene

from sr_keras.training import checkpoint

TINY = (
    *("--model", "espcn", "--scale", 2, "--model-arg", "num_filters=4,4"),
    *("--batch-size", 2, "--hr-patch-size", 8, "--steps-per-epoch", 2),
    *("--learning-rate", 1e-3, "--validation-split", 0),
)
COSINE = ("--schedule", "cosine", "--final-rate", 1e-5)

pytestmark = pytest.mark.usefixtures("quick_plots")


@pytest.fixture
def train(place, capfd, tmp_path):
    """Trains on four photos, to a folder."""
    for i in range(4):
        save(tmp_path / f"data/{i}.png", scene(36, 40, seed=i))

    def run(name, epochs, *arguments, network=TINY):
        return command(
            capfd, "train", *network, "--data", tmp_path / "data",
            "--output", name, "--epochs", epochs, *arguments,
        )  # fmt: skip

    return run


def column(folder, name="rate"):
    with open(Path(folder, "history.csv"), encoding="utf-8") as file:
        return [float(row[name]) for row in csv.DictReader(file)]


def record_of(folder):
    with np.load(Path(folder, checkpoint.FILE)) as stored:
        return json.loads(stored["record"].tobytes())


def assert_same(one, other):
    both = [np.load(Path(name, checkpoint.FILE)) for name in (one, other)]
    names = [sorted(set(stored.files) - {"record"}) for stored in both]
    assert names[0] == names[1]
    for name in names[0]:
        np.testing.assert_array_equal(*(stored[name] for stored in both))


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["sgd", "muon"])
def test_a_cosine_stays_at_its_last_rate(train, optimizer):
    given = (*COSINE, "--optimizer", optimizer)
    assert train("out", 2, *given).code == 0
    before = column("out")
    assert before[-1] == pytest.approx(1e-5)
    ended = train("out", 4, *given, "--resume")
    assert ended.code == 0, ended.err
    (line,) = [s for s in ended.err.splitlines() if "cosine" in s]
    assert "spread over 2 epochs" in line
    assert "stays at 1e-05" in line
    assert column("out") == pytest.approx([*before, 1e-5, 1e-5])
    assert read_json("out/config.json")["learning"]["schedule_epochs"] == 2
    # It is what a training with this schedule is from the start.
    assert train("whole", 4, *given, "--schedule-epochs", 2).code == 0
    assert_same("out", "whole")


@pytest.mark.slow
def test_longer_again_with_the_settings_of_the_folder(train):
    assert train("out", 1, *COSINE).code == 0
    for epochs in (2, 3):
        ended = train("out", epochs, "--resume", network=())
        assert ended.code == 0, ended.err
        assert record_of("out")["schedule_epochs"] == 1
    assert column("out") == pytest.approx([1e-5] * 3)


@pytest.mark.slow
def test_a_cosine_that_was_stopped_within(train):
    given = (*COSINE, "--schedule-epochs", 4)
    assert train("out", 2, *given).code == 0
    assert train("whole", 4, *COSINE).code == 0
    assert train("out", 4, *given, "--resume").code == 0
    assert_same("out", "whole")


@pytest.mark.slow
def test_a_rate_of_0_teaches_nothing(train):
    given = ("--schedule", "cosine", "--recipe", "paper")
    network = ("--model", "edsr", *TINY[2:4], "--model-arg", "num_blocks=1",
               "--model-arg", "num_filters=4", *TINY[6:])  # fmt: skip
    assert train("out", 1, *given, network=network).code == 0
    ended = train("out", 2, *given, "--resume", network=network)
    assert ended.code == 2
    assert len(ended.lines) == 1
    assert "ends at 0 after 1 epoch," in ended.err
    assert "--schedule-epochs 2" in ended.err
    assert len(column("out")) == 1
    given = (*given, "--schedule-epochs", 2, "--resume")
    ended = train("out", 2, *given, network=network)
    assert ended.code == 0, ended.err
    assert column("out") == pytest.approx([0, 0])


@pytest.mark.slow
@pytest.mark.parametrize(
    "schedule",
    [
        ("constant",),
        # The first drop is behind the end of the shorter one.
        ("step", "--step-every", 2, "--step-factor", 0.1),
    ],
)
def test_other_schedules_do_not_depend_on_the_end(train, schedule):
    given = ("--schedule", *schedule)
    assert train("out", 1, *given).code == 0
    ended = train("out", 3, *given, "--resume")
    assert ended.code == 0, ended.err
    assert "learning rate" not in ended.err
    assert train("whole", 3, *given).code == 0
    assert_same("out", "whole")
    last = 1e-4 if schedule[0] == "step" else 1e-3
    assert column("out")[1:] == pytest.approx([last, last])


@pytest.mark.slow
def test_a_checkpoint_that_does_not_say_how_it_began(train):
    """Of an older version: its config.json does."""
    assert train("out", 1, *COSINE).code == 0
    path = Path("out", checkpoint.FILE)
    with np.load(path) as stored:
        arrays = dict(stored)
    record = record_of("out")
    del record["schedule_epochs"]
    arrays["record"] = np.frombuffer(json.dumps(record).encode(), np.uint8)
    np.savez(path, **arrays)
    config = read_json("out/config.json")
    del config["learning"]["schedule_epochs"]
    Path("out/config.json").write_text(json.dumps(config))
    ended = train("out", 2, *COSINE, "--resume")
    assert ended.code == 0, ended.err
    assert "spread over 1 epoch," in ended.err
    assert column("out") == pytest.approx([1e-5, 1e-5])


class State:
    """As much of a trainer as a checkpoint needs."""

    def __init__(self, *arrays):
        self.arrays = [np.array(a, "float32") for a in arrays]

    def state(self):
        return self.arrays


def stored(record, *arrays):
    file = io.BytesIO()
    text = np.frombuffer(json.dumps(record).encode(), np.uint8)
    named = {f"{i:05d}": np.array(a) for i, a in enumerate(arrays)}
    np.savez(file, **named, record=text)
    return file.getvalue()


def test_older_checkpoints_have_the_rate_of_a_step_without_drops():
    class Assigned(np.ndarray):
        def assign(self, value):
            self[...] = value

    trainer = State([0.0], 0.0, [0.0, 0.0])
    trainer.arrays = [a.view(Assigned) for a in trainer.arrays]
    arrays = ([1.0], 2.0, 1e-3, [3.0, 4.0])
    checkpoint.load(stored({}, *arrays), trainer, "c.npz")
    assert [a.tolist() for a in trainer.arrays] == [[1], 2, [3, 4]]
    new = stored({"schedule_epochs": 1}, *arrays)
    with pytest.raises(ValueError, match="of another network or optimizer"):
        checkpoint.load(new, trainer, "c.npz")


TWO = {
    "adversarial": (
        *("--model", "srresnet", "--objective", "adversarial", "--scale", 2),
        *("--model-arg", "num_blocks=1", "--model-arg", "num_filters=4"),
        *("--hr-patch-size", 32, "--batch-size", 2, "--content-weight", 0),
        *("--discriminator-filters", 2, "--discriminator-units", 4),
        *("--discriminator-rate", 1e-2, "--steps-per-epoch", 1),
        *("--validation-split", 0),
    ),
    "dual": (
        *("--model", "drn-s", "--scale", 4, "--model-arg", "num_blocks=1"),
        *("--model-arg", "num_filters=2", "--hr-patch-size", 32),
        *("--batch-size", 2, "--dual-rate", 1e-2, "--steps-per-epoch", 1),
        *("--validation-split", 0),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TWO)
def test_both_optimizers_stay_at_their_last_rates(train, name):
    given = {"network": TWO[name]}
    assert train("out", 1, *COSINE, **given).code == 0
    ended = train("out", 2, *COSINE, "--resume", **given)
    assert ended.code == 0, ended.err
    whole = train("whole", 2, *COSINE, "--schedule-epochs", 1, **given)
    assert whole.code == 0, whole.err
    assert_same("out", "whole")
