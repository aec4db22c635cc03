"""A training that is killed, at any moment, and goes on."""

import json
import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from cli_runs import command, read_json, save, scene, tree
from workers import COMMAND, configurations, finished, start, wait_for

from sr_keras.training import checkpoint

DATA = "the photos"

# name -> what makes `train` train so, on tiny images.
TRAINERS = {
    "pixel": (
        *("--model", "srresnet", "--scale", 2, "--model-arg", "num_blocks=1"),
        *("--model-arg", "num_filters=4", "--hr-patch-size", 16),
    ),
    # In two stages. The discriminator's last layer normalises what is left of
    # a patch, which must be more than a pixel.
    "adversarial": (
        *("--model", "srgan", "--scale", 2, "--model-arg", "num_blocks=1"),
        *("--model-arg", "num_filters=4", "--hr-patch-size", 32),
        *("--content-weight", 0, "--pretrain-epochs", 1),
        *("--discriminator-filters", 2, "--discriminator-units", 4),
        *("--discriminator-lead", 3),
    ),
    "noise": (
        *("--model", "vae", "--scale", 2, "--model-arg", "num_blocks=1"),
        *("--model-arg", "num_filters=4", "--model-arg", "latent_channels=2"),
        *("--hr-patch-size", 16),
    ),
    "dual": (
        *("--model", "drn-s", "--scale", 4, "--model-arg", "num_blocks=1"),
        *("--model-arg", "num_filters=2", "--hr-patch-size", 32),
        *("--unpaired", DATA),
    ),
}

COMMON = (
    *("--batch-size", 4, "--steps-per-epoch", 40, "--epochs", 6),
    *("--ema", 0.9, "--output", "out"),
)


@pytest.fixture
def data(tmp_path):
    """A folder of eight photos."""
    folder = tmp_path / "data"
    for i in range(8):
        save(folder / f"{i}.png", scene(36, 40, seed=i))
    return folder


@pytest.fixture
def go(tmp_path, data):
    """Starts the command in a folder."""

    def begin(name, *arguments, folder="", config=None):
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        given = (*TRAINERS[name], *COMMON, "--data", DATA, *arguments)
        given = [data if x is DATA else x for x in given]
        return start([*COMMAND, "train", *given], config, place)

    return begin


def state(folder, name="out"):
    """Everything in a checkpoint but the clock."""
    with np.load(folder / name / checkpoint.FILE) as stored:
        arrays = [stored[n] for n in sorted(stored.files) if n != "record"]
        record = json.loads(stored["record"].tobytes())
    rows = [{**row, "seconds": 0} for row in record["rows"]]
    return arrays, rows, record["best"]


def same(one, other):
    assert one[1:] == other[1:]
    for a, b in zip(one[0], other[0], strict=True):
        np.testing.assert_array_equal(a, b)


# --- writing a checkpoint ----------------------------------------------------


class Numbers:
    """As much of a trainer as a checkpoint needs."""

    def __init__(self, value):
        self.value = np.full(300_000, value)

    def state(self):
        return [self.value]


def test_killed_while_a_checkpoint_is_written(tmp_path):
    path = tmp_path / checkpoint.FILE
    checkpoint.save(path, Numbers(1.0), {"rows": [1]})
    whole = path.read_bytes()
    child = os.fork()
    if not child:  # writes half of it
        write = np.lib.format.write_array

        def stop(file, array, *args, **kwargs):
            write(file, array[: array.size // 2], *args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)

        np.lib.format.write_array = stop
        checkpoint.save(path, Numbers(2.0), {"rows": [2]})
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert len(tree(tmp_path)) == 2  # half of another one
    assert path.read_bytes() == whole
    checkpoint.save(path, Numbers(3.0), {})
    assert path.read_bytes() != whole


def test_a_checkpoint_that_is_none(tmp_path):
    path = tmp_path / checkpoint.FILE
    assert checkpoint.read(path) == b""
    path.touch()
    with pytest.raises(ValueError, match=r"empty\): delete it"):
        checkpoint.read(path)
    with pytest.raises(ValueError, match=r"c.npz is no checkpoint .*delete"):
        checkpoint.load(b"PK what", Numbers(1.0), "c.npz")


# --- one machine -------------------------------------------------------------

TINY = (
    *("--model", "espcn", "--scale", 2, "--model-arg", "num_filters=4,4"),
    *("--batch-size", 2, "--hr-patch-size", 8, "--optimizer", "sgd"),
    *("--epochs", 2, "--steps-per-epoch", 3),
)


class Killed(BaseException):
    """Ends everything as SIGKILL does: nobody is prepared for it."""


@pytest.mark.usefixtures("quick_plots")
@pytest.mark.parametrize(
    "where",
    ["history", *(pytest.param(n, marks=pytest.mark.slow)
                  for n in ("step", "best"))],
)  # fmt: skip
def test_goes_on_from_the_last_epoch(place, capfd, data, monkeypatch, where):
    """Killed within an epoch, or while its end is written."""
    from sr_keras.support import progress
    from sr_keras.training import loop
    from sr_keras.training.history import Logbook

    targets = {
        "step": (progress.Epochs, "__call__", 5),
        "best": (loop.Course, "_save_last", 2),
        "history": (Logbook, "write", 2),
    }
    target, name, at = targets[where]
    own, calls = getattr(target, name), [0]

    def kill(*args, **kwargs):
        calls[0] += 1
        if calls[0] == at:
            raise Killed
        return own(*args, **kwargs)

    given = ("train", *TINY, "--data", data, "--output")
    with monkeypatch.context() as patch:
        patch.setattr(target, name, kill)
        with pytest.raises(Killed):
            command(capfd, *given, "out")
    left = Path("out/.checkpoint.1.npz"), Path("out/.own.1.npz")
    for path in left:
        path.touch()
    ended = command(capfd, *given, "out", "--resume")
    assert ended.code == 0, ended.err
    done = 2 if where == "history" else 1
    assert f"going on after {done} epoch" in ended.out
    assert [path.exists() for path in left] == [False, True]
    rows = Path("out/history.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "1", "2"]
    if where != "history":
        return
    assert command(capfd, *given, "never").code == 0
    same(state_of("out"), state_of("never"))


def state_of(name):
    folder = Path(name)
    with np.load(folder / checkpoint.FILE) as stored:
        return ([stored[n] for n in sorted(stored.files) if n != "record"],)


def written(folder):
    """When a checkpoint was written last, in whichever stage."""
    files = folder.rglob(checkpoint.FILE)
    return max((file.stat().st_mtime_ns for file in files), default=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINERS)
def test_stopped_at_random_moments(name, go, tmp_path):
    """By SIGTERM, which saves, and by SIGKILL, which nobody sees coming."""
    rng, out = random.Random(name), tmp_path / "out"

    def begun():
        before = written(out)
        running = go(name, "--resume")
        wait_for(lambda: written(out) != before, running)
        time.sleep(rng.random() / 2)
        return running

    never = go(name, folder="never")
    with begun() as running:
        running.terminate()
        ended = finished(running)
    assert ended.code == 143, ended.err
    assert "add --resume to go on" in ended.err
    for _ in range(2):
        with begun() as running:
            running.kill()
        if running.returncode == 0:  # it was faster
            break
    ended = finished(go(name, "--resume"))
    assert ended.code == 0, ended.err
    ended = finished(never)
    assert ended.code == 0, ended.err
    same(state(tmp_path), state(tmp_path / "never"))
    assert not [n for n in tree(out) if n.startswith(".")]


# --- two machines ------------------------------------------------------------


@pytest.fixture
def workers(go, tmp_path):
    """Starts two workers; the second has no folder to write to."""
    (tmp_path / "other").mkdir()

    def begin(name, *arguments):
        places = configurations(2)
        return [
            go(name, *arguments, folder=folder, config=place)
            for folder, place in zip(("", "other"), places, strict=True)
        ]

    return begin


def close(one, other):
    """Numbers that are equal but for rounding."""
    for a, b in zip(one[0], other[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


# So slow that rounding does not grow: see strategies.py.
SGD = (
    *("--optimizer", "sgd", "--learning-rate", 1e-3, "--loss", "l2"),
    *("--steps-per-epoch", 10),
)


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINERS)
def test_two_workers_from_the_command_line(name, workers, go, tmp_path):
    given = (*SGD, "--epochs", 2)
    chief, other = map(finished, workers(name, *given))
    assert (chief.code, other.code) == (0, 0), chief.err + other.err
    assert "on 2 workers with 2 devices" in chief.out
    assert other.out == ""
    assert other.err == (
        "worker 1 of 2: waiting for the others, 10 min at most\n"
    )
    assert tree(tmp_path / "other") == {}
    assert finished(go(name, *given, folder="one")).code == 0
    close(state(tmp_path), state(tmp_path / "one"))
    assert read_json(tmp_path / "out/config.json")["strategy"] == "auto"


@pytest.mark.slow
def test_workers_go_on_with_the_second_stage(workers, tmp_path):
    """That the first is done the chief alone can see."""
    given = (*SGD, "--epochs", 1)
    for ended in map(finished, workers("adversarial", *given)):
        assert ended.code == 0, ended.err
    before = state(tmp_path)
    for name in (checkpoint.FILE, "metrics.json"):
        (tmp_path / "out" / name).unlink()
    both = workers("adversarial", *given, "--resume")
    chief, other = map(finished, both)
    assert (chief.code, other.code) == (0, 0), chief.err + other.err
    assert "stage 1 of 2" not in chief.err
    assert "stage 2 of 2" in chief.err
    same(state(tmp_path), before)


@pytest.mark.slow
def test_the_chief_alone_reads_what_is_begun_with(workers, go, tmp_path):
    given = (*SGD, "--epochs", 1)
    assert finished(go("pixel", *given, "--seed", 3)).code == 0
    given += ("--init-from", "out", "--output", "next")
    for ended in map(finished, workers("pixel", *given)):
        assert ended.code == 0, ended.err
    assert finished(go("pixel", *given, "--output", "one")).code == 0
    close(*(state(tmp_path, name) for name in ("next", "one")))


@pytest.mark.slow
@pytest.mark.parametrize("dead", [0, 1])
def test_a_worker_that_dies(dead, workers, tmp_path):
    history = tmp_path / "out/history.csv"
    both = workers("pixel")
    wait_for(history.exists, *both)
    time.sleep(0.3)
    both[dead].kill()
    left = finished(both[1 - dead])
    both[dead].communicate()
    assert left.code == 1
    last = left.err.splitlines()[-1]
    assert last.startswith(f"worker {dead} (127.0.0.1:")
    assert last.endswith("with the same command and --resume")
    assert "Traceback" not in left.err
    for ended in map(finished, workers("pixel", "--resume")):
        assert ended.code == 0, ended.err
    for ended in map(finished, workers("pixel", "--output", "never")):
        assert ended.code == 0, ended.err
    same(state(tmp_path), state(tmp_path, "never"))


@pytest.mark.slow
@pytest.mark.parametrize("asked", [0, 1])
def test_one_worker_is_asked_to_stop(asked, workers, tmp_path):
    """All stop at the same step, and what is done is kept."""
    both = workers("pixel")
    wait_for((tmp_path / "out/history.csv").exists, *both)
    time.sleep(0.3)
    both[asked].terminate()
    chief, other = map(finished, both)
    assert (chief.code, other.code) == (143, 143), chief.err + other.err
    assert "stopped after" in chief.err
    steps = [
        x for x in state(tmp_path)[0] if x.dtype == np.int64 and not x.ndim
    ]
    assert any(0 < int(x) < 240 for x in steps)
    for ended in map(finished, workers("pixel", "--resume")):
        assert ended.code == 0, ended.err
