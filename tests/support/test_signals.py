"""Ctrl-C, SIGTERM and a time budget: the best so far is written."""

import signal
import time
from pathlib import Path

import numpy as np
import pytest
from cli_runs import SMALL, read_json, tree
from workers import COMMAND, finished, start

from sr_keras import cli
from sr_keras.imaging import images
from sr_keras.support import progress, signals

pytestmark = [
    pytest.mark.usefixtures("quick_plots"),
    pytest.mark.filterwarnings("error::UserWarning", "error::RuntimeWarning"),
]

BOTH = pytest.mark.parametrize(
    "number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
WHOLE = {
    "a_zssr_x2.png", "a_bicubic_x2.png", "metrics.json", "config.json",
    "training.png", "comparison.png", "best.keras", "history.csv",
    "tensorboard",
}  # fmt: skip


@pytest.fixture(autouse=True)
def handlers():
    """Those of an ordinary process, whatever the tests were started by."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.fixture
def run(train, photo):
    def go(*arguments):
        return train(
            "--image", photo, "--scale", 2, "--output", "out", *arguments
        )

    return go


def whole(folder="out"):
    """Check that a result is all there; gives its metrics."""
    assert {p.name for p in Path(folder).iterdir()} == WHOLE
    assert images.read(f"{folder}/a_zssr_x2.png").pixels.shape == (48, 48, 3)
    return read_json(f"{folder}/metrics.json")


@BOTH
def test_while_it_trains(run, interrupt, number, code):
    interrupt(progress.Steps, "__call__", number, at=3)
    ended = run("--max-steps", 50)
    assert ended.code == code
    assert ended.lines == ["stopped after 3 steps: writing the best so far"]
    assert ended.out.endswith("wrote out/a_zssr_x2.png\n")
    summary = whole()
    assert summary["interrupted"]
    assert summary["steps"] == 3


def test_views_that_take_too_long_are_left_out(run, interrupt, monkeypatch):
    from sr_keras.training.zero_shot import run as learning

    monkeypatch.setattr(learning, "_LAST_VIEWS", 0)
    interrupt(progress.Steps, "__call__", at=3)
    ended = run("--max-steps", 50)
    assert ended.code == 130
    assert ended.lines == [
        "stopped after 3 steps: writing the best so far in a single pass, "
        "which takes about 1 s"
    ]
    assert whole()["fusion"] == "single"


def test_before_the_first_step(run, interrupt):
    from sr_keras.training import callbacks

    interrupt(callbacks.LearningRate, "on_train_batch_begin")
    ended = run()
    assert ended.code == 130
    assert ended.lines == ["stopped after 0 steps: writing the best so far"]
    assert whole()["steps"] == 0
    result, bicubic = (
        images.read(f"out/a_{name}_x2.png").pixels
        for name in ("zssr", "bicubic")
    )
    assert np.array_equal(result, bicubic)


@BOTH
def test_while_the_views_are_made(run, interrupt, number, code):
    from sr_keras.imaging import dihedral

    interrupt(dihedral, "restored", number, at=4)
    ended = run("--save-views")
    assert ended.code == code
    assert ended.lines == ["stopped: writing a single pass"]
    result = Path("out/a_zssr_x2.png").read_bytes()
    assert result == Path("out/a_zssr_x2_single.png").read_bytes()
    assert read_json("out/metrics.json")["interrupted"]
    assert read_json("out/metrics.json")["fusion"] == "single"


@pytest.mark.parametrize("at", [1, 2, 3])
def test_while_the_files_are_written(run, interrupt, at):
    interrupt(images, "write", at=at)
    ended = run()
    assert ended.code == 130
    assert ended.lines == ["stopped: everything is written"]
    assert not whole()["interrupted"]


def test_second_time_gives_up(run, interrupt, place):
    from sr_keras.imaging import dihedral

    interrupt(progress.Steps, "__call__", at=1)
    interrupt(dihedral, "restored", at=4)
    ended = run()
    assert ended.code == 130
    assert ended.lines[-1] == "stopped"
    assert len(ended.lines) == 2
    assert "wrote" not in ended.out
    assert tree(place) == {}


def test_second_time_while_the_files_are_written(run, interrupt):
    interrupt(progress.Steps, "__call__", at=1)
    interrupt(images, "write", signal.SIGTERM, at=2)
    ended = run()
    assert ended.code == 130
    assert len(ended.lines) == 2
    assert ended.lines[-1] == "stopped"
    # Each file is whole; without metrics.json the result counts as undone.
    assert {p.name for p in Path("out").iterdir()} == {"a_zssr_x2.png"}


@BOTH
def test_before_there_is_anything(run, interrupt, place, number, code):
    from sr_keras.training.zero_shot import run as learning

    interrupt(learning, "build", number)
    ended = run()
    assert ended.code == code
    assert ended.lines == ["stopped"]
    assert tree(place) == {}


def test_ignored_signals_stay_ignored(run, interrupt):
    """As for a command that a script has put in the background."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interrupt(images, "write", at=1)
    interrupt(progress.Steps, "__call__", at=1)
    ended = run()
    assert (ended.code, ended.err) == (0, "")
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def test_handlers_are_given_back(run):
    before = signal.getsignal(signal.SIGTERM)
    assert cli.main(["models", "nearest"]) == 0
    with signals.handled(), signals.patience():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
    assert signal.getsignal(signal.SIGINT) == signal.default_int_handler


def test_gradual_scales_are_interrupted(run, interrupt):
    interrupt(progress.Steps, "__call__", at=2)
    ended = run("--scaling-steps", 2, "--max-steps", 8)
    assert ended.code == 130
    assert whole()["steps"] == 2


def test_augmentations_are_interrupted(run, interrupt):
    interrupt(images, "write", at=2)
    ended = run("--save-augmentations", 5, "--max-steps", 50)
    assert ended.code == 130
    assert ended.lines == ["stopped after 11 steps: writing the best so far"]
    names = {p.name for p in Path("out").iterdir()}
    assert names - WHOLE == {f"augmentation_00{i}.png" for i in range(2)}
    assert read_json("out/metrics.json")["steps"] == 11


def test_time_budget_ends_the_training(run):
    began = time.monotonic()
    ended = run("--max-steps", 50_000, "--time-budget", 4)
    assert ended.code == 0
    # Far less than the steps would take, however busy the machine is.
    assert time.monotonic() - began < 20
    assert not whole()["interrupted"]
    assert "about 4 s and" in ended.out


def test_time_budget_lowers_the_rate_in_time(run, monkeypatch):
    from sr_keras.training.zero_shot import run as learning

    made, results = [], learning.Work.results

    def spied(self):
        made.append(self.zero_shot)
        return results(self)

    monkeypatch.setattr(learning.Work, "results", spied)
    run("--max-steps", 50_000, "--time-budget", 4, "--schedule", "cosine")
    rates = made[0].rates
    if len(rates) < 20:
        pytest.skip("the machine is too busy")
    assert rates[-1] < 0.1 * max(rates)
    assert read_json("out/config.json")["time_budget"] == 4


@pytest.mark.slow
@pytest.mark.parametrize("budget", [12, 20])
def test_time_budget_of_a_real_process(photo, place, budget):
    """From pressing Enter to the last file; much later only if busy."""
    began = time.monotonic()
    ended = finished(process(
        "--image", photo, "--scale", 2, "--max-steps", 1_000_000,
        "--time-budget", budget,
    ))  # fmt: skip
    assert ended.code == 0
    # A slow machine has no time for 8 views, and says so.
    slow = f"{budget} s leave no time for 8 views: one pass\n"
    assert ended.err in ("", slow)
    assert 0.5 * budget < time.monotonic() - began < 3 * budget + 10


def test_time_budget_too_short_for_views(run, monkeypatch):
    from sr_keras.training.zero_shot import run as learning

    monkeypatch.setattr(learning, "_speed", lambda network: 2000.0)
    ended = run("--time-budget", 12, "--max-steps", 3)
    assert ended.code == 0
    assert ended.lines == ["12 s leave no time for 8 views: one pass"]
    assert ", 1 view;" in ended.out
    assert read_json("out/metrics.json")["fusion"] == "single"
    assert read_json("out/config.json")["finish"]["fusion"] == "mean"


def test_time_budget_that_is_over_at_once(run):
    ended = run("--time-budget", 0.01, "--max-steps", 50)
    assert ended.code == 0
    assert 1 <= read_json("out/metrics.json")["steps"] < 5


def test_long_runs_are_heard_of_without_a_terminal(run, monkeypatch):
    monkeypatch.setattr(progress, "_EVERY", 0.0)
    ended = run("--max-steps", 3)
    assert ended.code == 0
    assert len(ended.lines) == 3
    for i, line in enumerate(ended.lines):
        assert line.startswith(f"step {i + 1} of 3, loss 0.")
        assert ", rate " in line


def process(*arguments):
    """The command in a process of its own, which minds Ctrl-C."""
    return start([*COMMAND, "train", *SMALL, *arguments])


@pytest.mark.slow
def test_a_real_process_in_the_middle(photo, place):
    running = process(
        "--image", photo, "--scale", 2, "--output", "out",
        "--max-steps", 1_000_000,
    )  # fmt: skip
    assert "about" in running.stdout.readline()
    time.sleep(1.5)
    running.send_signal(signal.SIGINT)
    ended = finished(running)
    assert ended.code == 130
    assert ended.out == "wrote out/a_zssr_x2.png\n"
    assert ended.err.startswith("stopped after ")
    assert len(ended.lines) == 1
    assert whole()["interrupted"]


# Functions of the command's run, at whose first call the signal comes.
PHASES = {
    "imports": ("importlib", "import_module", "keras"),
    "graph building": (
        "sr_keras.training.zero_shot.trainer.ZeroShotTrainer",
        "call",
    ),
    "a step": ("sr_keras.support.progress.Steps", "__call__"),
    "the last views": ("sr_keras.imaging.dihedral", "restored"),
}
INJECTION = """
import importlib, os, pkgutil, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
place, name, number, *told = sys.argv[1:6]
del sys.argv[1:6]
from sr_keras.support import signals
signals.watch()
def arm():
    target = pkgutil.resolve_name(place)
    function = getattr(target, name)
    def wrapper(*args, **kwargs):
        if not told[0] or told[0] in args:
            setattr(target, name, function)
            os.kill(os.getpid(), int(number))
        return function(*args, **kwargs)
    setattr(target, name, wrapper)
from sr_keras import cli
from sr_keras.support import console
if told[1]:
    load, console.load_keras = console.load_keras, lambda: (load(), arm())
    from sr_keras.training.zero_shot import zero_shot
    zero_shot.load_keras = console.load_keras
else:
    arm()
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("phase", PHASES)
def test_a_real_process_in_each_phase(photo, place, number, code, phase):
    """Nothing swallows the signal, whatever is at work."""
    target, name, *told = PHASES[phase]
    after_keras = "" if told else "yes"
    ended = finished(start([
        *("-c", INJECTION, target, name, number, *(told or [""])),
        *(after_keras, "train", *SMALL, "--image", photo, "--scale", 2),
        *("--output", "out", "--max-steps", 20),
    ]))  # fmt: skip
    assert ended.code == code, ended.err
    assert len(ended.lines) == 1
    assert ended.err.startswith("stopped")
    if phase == "imports":
        assert not Path("out").exists()
    else:
        assert whole()["interrupted"]


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("after", [0.5, 1, 2, 3, 4, 6])
def test_a_real_process_at_any_time(photo, place, number, code, after):
    running = process(
        "--image", photo, "--scale", 2, "--output", "out",
        "--max-steps", 1_000_000, "--crop-size", 64, "--batch-size", 8,
    )  # fmt: skip
    time.sleep(after)
    running.send_signal(number)
    ended = finished(running)
    assert ended.code == code, ended.err
    assert ended.err.startswith("stopped")
    assert len(ended.lines) == 1
    if Path("out").exists():
        assert whole()["interrupted"]
        assert ended.out.endswith("wrote out/a_zssr_x2.png\n")
