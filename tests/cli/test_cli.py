"""The command as such: help, start-up, streams, exit codes."""

import argparse
import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from checks import ROOT
from cli_runs import SMALL, command, tree

from sr_keras import __version__, cli
from sr_keras.support.console import describe
from sr_keras.training import config

WAYS = {
    "train.py": [str(ROOT / "train.py")],
    "module": ["-m", "sr_keras", "train"],
}


def python(*arguments, **options):
    options = {"capture_output": True, "text": True, **options}
    return subprocess.run([sys.executable, *arguments], **options)


@pytest.mark.parametrize("name", [None, *cli.COMMANDS])
def test_help_does_not_wait_for_tensorflow(name):
    arguments = [*([name] if name else []), "--help"]
    code = (
        "import sys; from sr_keras.cli import main\n"
        f"assert main({arguments}) == 0\n"
        "print(*{'tensorflow', 'keras', 'scipy', 'matplotlib', 'cv2'}"
        " & {*sys.modules}, file=sys.stderr)"
    )
    done = python("-c", code, cwd=ROOT)
    assert done.returncode == 0
    assert done.stdout.startswith("usage: sr-keras")
    assert not done.stderr.strip()


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_scale_has_the_same_two_names_everywhere(name):
    parser = argparse.ArgumentParser()
    import_module(f"sr_keras.cli.{name}").add_arguments(parser)
    named = [a.option_strings for a in parser._actions]
    for names in named:
        assert ("--scale" in names) == ("--sr-factor" in names), names


def test_importing_the_package_loads_neither_keras_nor_tensorflow():
    code = (
        "import sys, sr_keras; dir(sr_keras); sr_keras.__version__\n"
        "print(*{'tensorflow', 'keras'} & {*sys.modules})"
    )
    assert not python("-c", code, cwd=ROOT).stdout.strip()


def test_all_ways_of_calling_it_are_the_same(tmp_path):
    texts = [
        python(*way, "--help", cwd=tmp_path, env=environment()).stdout
        for way in WAYS.values()
    ]
    installed = shutil.which("sr-keras", path=str(Path(sys.executable).parent))
    if installed:
        done = subprocess.run(
            [installed, "train", "--help"], capture_output=True, text=True
        )
        texts.append(done.stdout)
    assert "--sr-factor" in texts[0]
    assert len(set(texts)) == 1


def environment(**added):
    """A bare environment: no HOME, no caches."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG")}
    return {**kept, "PYTHONPATH": str(ROOT), **added}


def test_nothing_but_our_own_lines(photo, place):
    """From another folder, without a home, in an ordinary process."""
    done = python(
        *WAYS["train.py"], *SMALL, "--image", str(photo), "--scale", "2",
        env=environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    plan, wrote = done.stdout.splitlines()
    assert plan.startswith("a.png: 24x24 -> 48x48 (x2), ")
    assert " views; about " in plan
    assert plan.endswith(" GB")
    assert wrote == f"wrote {Path('runs/a_zssr_x2/a_zssr_x2.png')}"
    assert (place / "runs/a_zssr_x2/a_zssr_x2.png").is_file()


@pytest.mark.slow
def test_closed_streams_do_not_get_into_the_files(photo, place):
    line = " ".join(
        [sys.executable, *WAYS["module"], *SMALL, "--scale 2 --output out"]
    )
    done = subprocess.run(
        ["sh", "-c", f"{line} --image '{photo}' <&- >&- 2>&-"],
        env=environment(KERAS_BACKEND="jax"),
    )
    assert done.returncode == 0
    assert (place / "out/metrics.json").is_file()
    assert not [f for f, content in tree(place).items() if content == b""]


def test_goes_on_where_nobody_reads(photo, train, place, monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as broken:
        monkeypatch.setattr(sys, "stdout", broken)
        monkeypatch.setattr(sys, "stderr", broken)
        ended = train("--image", photo, "--scale", 2, "--output", "out")
    assert ended.code == 0
    assert (place / "out/metrics.json").is_file()


def test_list_of_networks_into_a_closed_pipe(monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as broken:
        monkeypatch.setattr(sys, "stdout", broken)
        assert cli.main(["models", "nearest"]) == 0


def test_version(capfd):
    ended = command(capfd, "--version")
    assert (ended.code, ended.out.strip()) == (0, __version__)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["tarin"],
        ["train", "--nonsense"],
        ["train", "--max-step", "3"],  # no abbreviations
        ["train", "extra"],
        ["train", "--seed"],
        ["train", "--scale", "2\n3", "--nonsense\n"],
    ],
)
def test_bad_usage_is_one_line(capfd, arguments):
    ended = command(capfd, *arguments)
    assert ended.code == 2
    assert not ended.out
    assert len(ended.lines) == 1
    assert ended.err.startswith("sr-keras")
    assert "error: " in ended.err


def test_a_pattern_that_the_shell_has_opened(capfd, photo):
    ended = command(capfd, "train", "--image", photo, photo)
    assert ended.code == 2
    assert "quote a pattern" in ended.err


@pytest.mark.parametrize(
    "error, text",
    [
        (ValueError("two\nlines  here"), "two lines here"),
        (OSError(28, "No space left", "f.png"), "No space left: f.png"),
        (OSError("plain"), "plain"),
        (ModuleNotFoundError("No module", name="scipy"), "scipy is missing"),
        (KeyError("x"), "KeyError: 'x' (set SR_KERAS_TRACEBACK=1 to see where"),
        (ValueError("long " * 1000), "long long"),
    ],
)
def test_errors_are_described_in_one_line(error, text):
    described = describe(error)
    assert described.startswith(text)
    assert len(described) < 600
    assert "\n" not in described


def test_unexpected_errors_are_one_line_too(capfd, monkeypatch):
    from sr_keras import models

    def fail():
        raise RuntimeError("odd")

    monkeypatch.setattr(models, "list_models", fail)
    ended = command(capfd, "models")
    assert ended.code == 2
    assert ended.lines == [
        "sr-keras models: error: RuntimeError: odd "
        "(set SR_KERAS_TRACEBACK=1 to see where)"
    ]
    monkeypatch.setenv("SR_KERAS_TRACEBACK", "1")
    with pytest.raises(RuntimeError):
        cli.main(["models"])


def test_runs_outside_the_main_thread(capfd):
    import threading

    codes = []
    thread = threading.Thread(
        target=lambda: codes.append(cli.main(["models", "nearest"]))
    )
    thread.start()
    thread.join()
    assert codes == [0]


def test_resume_of_what_is_not_there(tmp_path, capfd):
    job = ("train", "--resume", "--output", tmp_path / "typo")
    ended = command(capfd, *job)
    assert ended.code == 2
    assert ended.lines == [
        f"sr-keras train: error: {tmp_path / 'typo'} has no training to go on "
        "with: give the folder of one, or --model and --data to begin one there"
    ]
    assert not (tmp_path / "typo").exists()
    ended = command(capfd, "train", "--resume")
    assert ended.lines == [
        "sr-keras train: error: --resume needs --output: the folder of a "
        "training"
    ]


def test_a_config_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "c.json"
    path.write_text('{"model": "espcn", "scale": 2}', "utf-8-sig")
    assert config.read(path) == {"model": "espcn", "scale": 2}
