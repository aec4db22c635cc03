"""Images that are held out stay the same when a training goes on."""

import os
import re
from pathlib import Path

import pytest
from cli_runs import read_json, save, scene

TINY = (
    *("--model", "espcn", "--scale", "2", "--model-arg", "num_filters=4,4"),
    *("--batch-size", "2", "--hr-patch-size", "8", "--steps-per-epoch", "1"),
)


@pytest.fixture
def run(learn):
    return lambda *arguments: learn(*TINY, *arguments)


def held():
    return read_json("out/config.json")["held_out"]


def bicubic(ended):
    return re.search(r"\(bicubic: (.+?) dB\)", ended.out)[1]


@pytest.mark.slow
def test_other_photos_may_come_and_go(run, data, monkeypatch):
    begun = run("--epochs", 1, "--validation-split", 0.4)
    before = held()
    assert len(before) == 3
    assert all(os.path.isabs(name) for name in before)
    others = sorted({str(p) for p in data.iterdir()} - {*before})
    os.remove(others[0])
    for name in ("00.png", "new.png", "z.png"):
        save(data / name, scene(26, 30, seed=len(name)))
    ended = run("--epochs", 2, "--resume")
    assert ended.code == 0, ended.err
    assert held() == before
    assert "cannot be compared" not in ended.err
    assert bicubic(ended) == bicubic(begun)
    assert f"{8 - 3 - 1 + 3} images to learn from" in ended.out


@pytest.mark.slow
def test_one_that_is_gone_is_named(run, data):
    begun = run("--epochs", 1, "--validation-split", 0.4)
    gone, *rest = held()
    os.remove(gone)
    ended = run("--epochs", 2, "--resume")
    assert ended.code == 0
    line = (
        f"1 held-out image gone, {gone} for one: PSNRs of before and after "
        "cannot be compared"
    )
    assert line in ended.lines
    assert held() == rest
    assert bicubic(ended) != bicubic(begun)
    again = run("--epochs", 3, "--resume")
    assert "cannot be compared" not in again.err


@pytest.mark.slow
def test_a_folder_for_validation_that_has_grown(run, data):
    folder = Path("held")
    for i in range(3):
        save(folder / f"b{i}.png", scene(26, 30, seed=30 + i))
    job = ("--validation", folder, "--validation-limit", 2)
    begun = run("--epochs", 1, *job)
    save(folder / "a.png", scene(26, 30, seed=40))
    ended = run("--epochs", 2, "--resume", *job)
    assert bicubic(ended) == bicubic(begun)
    assert "cannot be compared" not in ended.err
    other = ("--validation", data, "--validation-limit", 2)
    ended = run("--epochs", 3, "--resume", *other)
    assert "3 held-out images gone" not in ended.out
    assert "held-out images gone, " in ended.err


@pytest.mark.slow
def test_a_split_that_is_asked_for_anew(run):
    run("--epochs", 1, "--validation-split", 0.4)
    ended = run("--epochs", 2, "--resume", "--validation-split", 0.2)
    assert len(held()) == 2
    assert "the held-out images are others than before: PSNRs" in ended.err


@pytest.mark.slow
def test_a_run_of_before_there_were_names(run):
    run("--epochs", 1)
    config = Path("out/config.json")
    before = held()
    text = config.read_text().replace('"held_out"', '"held_out_"')
    config.write_text(re.sub(r'"held_out_": \[[^]]*\],?\s*', "", text))
    ended = run("--epochs", 2, "--resume")
    assert ended.code == 0, ended.err
    assert "cannot be compared" not in ended.err
    assert held() == before


def test_held_out_by_hand(run, data):
    Path("c.json").write_text('{"held_out": "0.png"}')
    ended = run("--config", "c.json", "--epochs", 1)
    assert ended.code == 2
    assert "held_out must be a list of names of images" in ended.err
