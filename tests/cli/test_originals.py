"""No command writes over a file that it reads."""

import io
import os
import sys
from pathlib import Path

import pytest
from checks import randomized
from cli_runs import SMALL, command, save, scene, tree

from sr_keras import models
from sr_keras.models import artifact
from sr_keras.support.atomic import Originals

LINKS = {"itself": None, "symlink": os.symlink, "hard link": os.link}


@pytest.fixture
def refuses(place, capfd):
    """Runs a command that must change nothing, for the sake of an input."""

    def run(*arguments, code=2, text="would be lost"):
        before = tree(place)
        ended = command(capfd, *arguments)
        assert ended.code == code, ended
        assert text in ended.lines[-1]
        assert "Traceback" not in ended.err
        assert tree(place) == before
        return ended

    return run


@pytest.fixture
def linked(place):
    """Another name for a file, by a link."""

    def make(kind, original, name):
        if LINKS[kind] is None:
            return original
        LINKS[kind](os.path.abspath(original), name)
        return name

    return make


UPSCALE = ("upscale", "--scale", 2, "--model", "bicubic")


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("more", [(), ("--overwrite",)])
def test_a_photo_is_not_its_own_result(refuses, linked, link, more):
    save("a.png", scene(12, 10))
    output = linked(link, "a.png", "b.png")
    refuses(*UPSCALE, "a.png", "-o", output, *more)


def test_names_that_the_disk_takes_for_one(place, monkeypatch):
    save("a.png", scene(12, 10))
    real = os.stat

    def stat(path, *more, **flags):
        lower = path.lower() if isinstance(path, str) else path
        return real(lower, *more, **flags)

    monkeypatch.setattr(os, "stat", stat)
    with pytest.raises(ValueError, match=r"A\.PNG is an input itself, a\.png,"):
        Originals(["a.png"]).check("A.PNG")


@pytest.mark.parametrize("link", ["symlink", "hard link"])
def test_a_name_in_the_results_folder_is_a_photo(refuses, linked, capfd, link):
    save("in/a.png", scene(12, 10))
    Path("out").mkdir()
    linked(link, "in/a.png", "out/a_x2.png")
    refuses(*UPSCALE, "in/a.png", "-o", "out", "--overwrite")
    kept = Path("in/a.png").read_bytes()
    ended = command(capfd, *UPSCALE, "in", "-o", "out", "--overwrite")
    assert ended.code == 2
    assert "is an input itself, in/a.png, and would be lost" in ended.err
    assert Path("in/a.png").read_bytes() == kept


def test_another_input_is_no_place_for_a_result(place, capfd):
    save("a.png", scene(12, 10))
    save("a_x2.png", scene(12, 10, seed=2))
    kept = Path("a_x2.png").read_bytes()
    ended = command(capfd, *UPSCALE, "a.png", "a_x2.png", "--overwrite")
    assert ended.code == 1
    assert "a_x2.png is an input itself" in ended.lines[-1]
    assert Path("a_x2.png").read_bytes() == kept
    assert Path("a_x2_x2.png").exists()


def test_a_folder_behind_a_link_is_that_of_the_photos(place, capfd):
    save("in/a.png", scene(12, 10))
    save("in/a_x2.png", scene(12, 10, seed=2))
    kept = Path("in/a_x2.png").read_bytes()
    os.symlink("in", "out")
    ended = command(capfd, *UPSCALE, "in", "-o", "out", "--overwrite")
    assert ended.code == 1
    assert Path("in/a_x2.png").read_bytes() == kept


@pytest.mark.parametrize("flag", ["--csv", "--compare"])
def test_a_table_or_page_is_no_photo(refuses, flag):
    save("a.png", scene(12, 10))
    refuses(*UPSCALE, "a.png", flag, "a.png")


def test_a_trust_map_is_no_photo(refuses):
    save("a_trust.png", scene(12, 10))
    job = ("a_trust.png", "-o", "a.png", "--trust-map", "--overwrite")
    refuses(*UPSCALE, *job)


def test_stdin_is_a_file(refuses, monkeypatch):
    save("a.png", scene(12, 10))
    kept = os.dup(0)
    with open("a.png", "rb") as file:
        os.dup2(file.fileno(), 0)
        try:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file))
            refuses(*UPSCALE, "-", "-o", "a.png", "--overwrite")
        finally:
            os.dup2(kept, 0)
            os.close(kept)


@pytest.mark.parametrize(
    "name", ["comparison", "training", "augmentation_000", "b_bicubic_x2"]
)
def test_pictures_of_a_zero_shot_run(refuses, name):
    save(f"out/{name}.png", scene(24, 20))
    photo = f"out/{name}.png"
    if name.startswith("b"):
        save("b.png", scene(24, 20))
        Path(photo).unlink()
        os.link("b.png", photo)
        photo = "b.png"
    job = ("--image", photo, "--scale", 2, "--output", "out")
    job += ("--save-augmentations", 1, "--overwrite")
    refuses("train", "--model", "zssr", *job, *SMALL)


@pytest.mark.parametrize("flag", ["--csv", "--json", "--markdown"])
@pytest.mark.parametrize("link", LINKS)
def test_evaluate_keeps_its_images(refuses, linked, flag, link):
    save("hr/a.png", scene(48, 40))
    save("lr/a.png", scene(24, 20))
    job = ("evaluate", "--model", "bicubic", "--scale", 2, "--data", "hr")
    for original in ("hr/a.png", "lr/a.png"):
        Path("b.png").unlink(missing_ok=True)
        output = linked(link, original, "b.png")
        refuses(*job, "--lr", "lr", flag, output)
    job = ("evaluate", "--sr", "hr/a.png", "--hr", "hr/a.png", "--scale", 2)
    refuses(*job, flag, "hr/a.png")


def test_saved_images_of_evaluate_replace_none(refuses):
    save("hr/a.png", scene(48, 40))
    Path("sr/hr").mkdir(parents=True)
    os.symlink("../../hr/a.png", "sr/hr/a_x2.png")
    job = ("--model", "bicubic", "--scale", 2, "--data", "hr")
    refuses("evaluate", *job, "--save-images", "sr")


def test_export_and_convert_keep_what_they_read(refuses, place):
    network = randomized(models.build("espcn", 2))
    artifact.save(network, "a.keras")
    os.symlink("a.keras", "a.tflite")
    refuses("export", "a.keras", "--output", "a.tflite", "--overwrite")
    os.symlink("a.keras", "b.keras")
    job = ("--model", "srcnn", "--scale", 2, "--overwrite")
    refuses("convert", "a.keras", "b.keras", *job)


TRAIN = ("--scale", 2, "--data", "photos", "--epochs", 1, "--batch-size", 1)


def test_a_training_keeps_what_it_begins_with(refuses):
    for i in range(2):
        save(f"photos/{i}.png", scene(48, 48, seed=i))
    Path("run").mkdir()
    artifact.save(randomized(models.build("espcn", 2)), "run/best.keras")
    Path("run/config.json").write_text('{"model": "espcn", "scale": 2}')
    job = (*TRAIN, "--output", "run", "--overwrite")
    for model in ("run", "run/best.keras"):
        refuses("train", "--model", model, *job, text="is read, and would be")
        refuses("adapt", "--model", model, "--images", "photos", "--output",
                "run", "--overwrite", text="is read, and would be")  # fmt: skip
    refuses("train", "--model", "espcn", "--init-from", "run", *job,
            text="is read, and would be")  # fmt: skip


@pytest.mark.parametrize("name", ["samples/a.png", "config.json"])
def test_a_training_removes_nothing_of_others(refuses, name):
    for i in range(2):
        save(f"photos/{i}.png", scene(48, 48, seed=i))
    place = Path("photos", name)
    place.parent.mkdir(exist_ok=True)
    place.write_text("{}")
    job = ("--model", "espcn", *TRAIN, "--output", "photos")
    refuses("train", *job, text="of no training, and would be replaced")
