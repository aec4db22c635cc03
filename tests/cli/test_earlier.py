"""Results of earlier runs are no photos, wherever they lie."""

import shutil
from pathlib import Path

import pytest
from cli_runs import SMALL, command, save, scene, tree

from sr_keras.inference.earlier import Earlier


@pytest.fixture
def enlarge(place, capfd):
    def run(*arguments, scale=2):
        job = ("--scale", scale, "--model", "bicubic")
        return command(capfd, "upscale", *arguments, *job)

    return run


@pytest.fixture
def adapt_to_one(place, capfd):
    """Zero-shot training on a photo, of a step."""

    def run(*arguments):
        job = ("train", "--model", "zssr", "--scale", 2, *SMALL)
        job += ("--max-steps", 1, "--fusion", "none")
        return command(capfd, *job, *arguments)

    return run


def everything():
    """The shell's `*`: names of files."""
    return sorted(p.name for p in Path().glob("[!.]*") if p.is_file())


@pytest.mark.parametrize(
    "flags", [(), ("--trust-map",), ("--format", "jpg"), ("--overwrite",)]
)
def test_a_star_means_photos_the_second_time_too(place, enlarge, flags):
    save("a.jpg", scene(12, 10))
    save("b.png", scene(12, 10))
    assert enlarge(*everything(), *flags).code == 0
    before = set(tree(place))
    again = enlarge(*everything(), *flags)
    assert again.code == 0
    assert set(tree(place)) == before
    if "--overwrite" not in flags:
        assert again.out == "a.jpg: done before\nb.png: done before\n"
    assert "of earlier runs left out" in again.err
    # Another factor is of the photos, not of the results.
    assert enlarge(*everything(), *flags, scale=3).code == 0
    assert len(list(place.glob("*_x3.*"))) == 2
    assert not list(place.glob("*_x2_x*"))


def test_a_folder_or_pattern_with_results_beside_the_photos(place, enlarge):
    save("in/a.png", scene(12, 10))
    assert enlarge("in/a.png", "--trust-map").code == 0
    assert enlarge("in", "-o", "out").code == 0
    assert enlarge("in/*.png", "-o", "out2").code == 0
    for out in ("out", "out2"):
        assert [p.name for p in Path(out).glob("*.png")] == ["a_x2.png"]


def test_one_result_alone_can_be_enlarged_again(place, enlarge):
    save("a.png", scene(12, 10))
    enlarge("a.png")
    assert enlarge("a_x2.png").code == 0
    assert Path("a_x2_x2.png").exists()
    ended = enlarge("a_x2.png", "a_x2_x2.png")
    assert ended.code == 2
    assert "are results of earlier runs: give one alone" in ended.err


@pytest.mark.slow
def test_zero_shot_results_are_no_photos_of_upscale(
    place, enlarge, adapt_to_one
):
    save("in/sub/a.png", scene(24, 20))
    save("in/sub/b.png", scene(24, 20, seed=2))
    run = ("--image", "in/sub/a.png", "--save-augmentations", 1)
    assert adapt_to_one(*run, "--output", "in/sub").code == 0
    assert adapt_to_one(*run, "--output", "in/run").code == 0
    batch = ("--image", "in/sub/*.png", "--output", "in/many")
    ended = adapt_to_one(*batch)
    assert ended.code == 0
    assert "b.png  done" in ended.out
    for given in ("in", "in/**/*.png"):
        ended = enlarge(given, "-o", "out")
        assert ended.code == 0
        found = sorted(p.name for p in Path("out").rglob("*.png"))
        assert found == ["a_x2.png", "b_x2.png"]
        shutil.rmtree("out")


@pytest.mark.slow
def test_enlarged_photos_are_none_of_zero_shot(place, enlarge, adapt_to_one):
    save("in/a.png", scene(24, 20))
    enlarge("in/a.png", "--trust-map")
    enlarge("in", "-o", "in/larger")
    job = ("--image", "in", "--output", "out")
    assert adapt_to_one(*job).code == 0
    assert [p.name for p in Path("out").iterdir() if p.is_dir()] == ["a_png"]
    # What a run has left that was killed before its metrics.json.
    job = ("--image", "in", "--output", "in")
    assert adapt_to_one(*job).code == 0
    Path("in/a_png/metrics.json").unlink()
    assert adapt_to_one(*job).code == 0
    folders = sorted(p.name for p in Path("in").iterdir() if p.is_dir())
    assert folders == ["a_png", "larger"]


def test_a_trainings_pictures_are_no_photos(place):
    run = place / "runs" / "espcn_x2"
    save(run / "samples" / "0001.png", scene(8, 8))
    for name in ("metrics.json", "config.json"):
        (run / name).write_text("{}")
    assert Earlier().wrote(run / "samples/0001.png", place)
    assert not Earlier().wrote(run / "samples/0001.png", run)


def test_a_prepared_folder_is_no_photos_of_another(place, enlarge, capfd):
    save("in/a.png", scene(24, 20))
    enlarge("in/a.png")
    for name in ("one", "two"):
        job = ("--scale", 2, "--jobs", 1, "--output", f"in/{name}")
        ended = command(capfd, "prepare", "in", *job)
        assert ended.code == 0
        assert ended.out.startswith("1 HR image of 1 photo, ")
    assert enlarge("in", "-o", "out").out.startswith("1 photo; a.png: ")


@pytest.mark.parametrize("album", ["in", "in/sr"])
def test_saved_images_are_not_evaluated(place, capfd, album):
    save("in/a.png", scene(24, 20))
    job = ("--model", "bicubic", "--data", "in", "--scale", 2)
    for _ in range(2):
        ended = command(capfd, "evaluate", *job, "--save-images", album)
        assert ended.code == 0
        assert not list(Path("in").rglob("*_x2_x2*"))
