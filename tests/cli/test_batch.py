"""A folder of photos, or a pattern."""

import functools
import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from cli_runs import command, read_json, save, scene, tree

from sr_keras.imaging import images
from sr_keras.support import progress
from sr_keras.training.zero_shot import batch

pytestmark = [
    pytest.mark.usefixtures("quick_plots"),
    pytest.mark.filterwarnings("error::UserWarning", "error::RuntimeWarning"),
]


@pytest.fixture
def album(tmp_path):
    """A photo, one of the same name below it, and another file."""
    folder = tmp_path / "album"
    save(folder / "a.png", scene(24, 20, seed=1))
    save(folder / "sub" / "a.png", scene(20, 24, 1, seed=3))
    (folder / "sub" / "notes.txt").write_text("no photo")
    return folder


RESULTS = {
    "a.png": "a_png/a_zssr_x2.png",
    "sub/a.png": "sub/a_png/a_zssr_x2.png",
}


@pytest.fixture
def train(train, monkeypatch):
    # Collecting garbage takes as long as one of these runs.
    monkeypatch.setattr(batch.gc, "collect", lambda: 0)
    return functools.partial(train, "--max-steps", 1, "--fusion", "none")


def states(ended):
    """{photo: what the table says of it}."""
    *rows, last = ended.out.splitlines()
    assert last.startswith("results are in ")
    rows = [r for r in rows if "; about" not in r and "wrote" not in r]
    return {r.split()[0]: r.split(maxsplit=1)[1] for r in rows}


def test_folder_is_mirrored_and_ends_with_a_table(album, train, place):
    save(album / "a.jpg", scene(24, 20, seed=2))
    ended = train("--image", album, "--scale", 2, "--output", "out")
    assert (ended.code, ended.err) == (0, "")
    found = {
        str(p.relative_to("out")) for p in Path("out").rglob("*_zssr_x2.png")
    }
    assert found == {*RESULTS.values(), "a_jpg/a_zssr_x2.png"}
    assert images.read("out/sub/a_png/a_zssr_x2.png").pixels.shape[2] == 1
    assert (
        Path("out/a_png/a_zssr_x2.png").read_bytes()
        != Path("out/a_jpg/a_zssr_x2.png").read_bytes()
    )
    for name, state in states(ended).items():
        assert name in (*RESULTS, "a.jpg")
        assert state.startswith("done, 1 step, ")
    assert ended.out.count("; about") == 3
    assert ended.out.splitlines()[-1] == "results are in out"


@pytest.mark.slow
def test_default_folder_and_trailing_slash(album, train, place):
    ended = train("--image", f"{album}/", "--scale", "1.5x2")
    assert ended.code == 0
    root = place / "runs/album_zssr_x1.5x2"
    assert (root / "sub/a_png/a_zssr_x1.5x2.png").is_file()
    again = train("--image", album, "--scale", "1.5x2")
    assert set(states(again).values()) == {"done before"}
    other = train("--image", album, "--scale", "1.5x2", "--max-steps", 3)
    assert other.out.endswith("results are in runs/album_zssr_x1.5x2-2\n")


def test_pattern(album, train, place):
    ended = train(
        "--image", f"{album}/**/*.png", "--scale", 2, "--output", "out"
    )  # fmt: skip
    assert ended.code == 0
    assert set(states(ended)) == {"a.png", "sub/a.png"}
    assert (place / "out/sub/a_png/a_zssr_x2.png").is_file()


def test_pattern_of_one_photo_is_a_batch_too(album, train, place):
    ended = train("--image", f"{album}/*.png", "--scale", 2)
    assert set(states(ended)) == {"a.png"}
    assert (place / "runs/photos_zssr_x2/a_png/metrics.json").is_file()


def test_what_is_done_is_skipped(album, train, place):
    job = ["--image", album, "--scale", 2, "--output", "out"]
    assert train(*job).code == 0
    before = tree(place)
    again = train(*job)
    assert again.code == 0
    assert states(again) == dict.fromkeys(RESULTS, "done before")
    assert tree(place) == before
    # So is what an older version did, which had fewer flags.
    record = place / "out/batch.json"
    settings, layers = read_json(record)
    settings.pop("log_every")
    record.write_text(json.dumps([settings, layers]))
    assert states(train(*job)) == states(again)


@pytest.mark.slow
def test_what_is_not_whole_or_not_new_is_redone(album, train, place):
    for name in ("b.png", "d.png"):
        save(album / name, scene(20, 20))
    job = ["--image", album, "--scale", 2, "--output", "out"]
    assert train(*job).code == 0
    record = place / "out/a_png/metrics.json"
    record.write_text(record.read_text().replace("false", "true"))
    (place / "out/sub/a_png/a_zssr_x2.png").unlink()
    (place / "out/d_png/metrics.json").write_text("[]")
    later = os.stat(place / "out/b_png/metrics.json").st_mtime + 10
    os.utime(album / "b.png", (later, later))
    save(album / "c.png", scene(20, 20))
    ended = states(train(*job))
    assert len(ended) == 5
    assert all(state.startswith("done, ") for state in ended.values())
    assert not read_json(record)["interrupted"]
    os.utime(place / "out/b_png/metrics.json", (later, later))
    assert set(states(train(*job)).values()) == {"done before"}


@pytest.mark.slow
def test_overwrite_does_all_again(album, train):
    job = ["--image", album, "--scale", 2, "--output", "out"]
    assert train(*job).code == 0
    ended = states(train(*job, "--overwrite"))
    assert all(state.startswith("done, ") for state in ended.values())


@pytest.mark.slow
def test_other_settings_need_another_folder(album, train, place):
    job = ["--image", album, "--scale", 2, "--output", "out"]
    assert train(*job).code == 0
    before = tree(place)
    ended = train(*job, "--seed", 5)
    assert ended.code == 2
    assert len(ended.lines) == 1
    assert "results of other settings: add --overwrite" in ended.err
    assert tree(place) == before
    assert train(*job, "--seed", 5, "--overwrite").code == 0


def test_goes_on_after_a_bad_file(album, train, place):
    (album / "ab.png").write_text("no picture")
    job = ["--image", album, "--scale", 2, "--output", "out"]
    ended = train(*job)
    assert ended.code == 1
    (line,) = ended.lines
    assert line.startswith(str(album / "ab.png"))
    table = states(ended)
    assert set(table) == {"a.png", "ab.png", "sub/a.png"}
    assert table["ab.png"].startswith("failed: ")
    assert table["sub/a.png"].startswith("done, ")
    assert not list(Path("out").glob("ab*"))
    again = train(*job)
    assert again.code == 1
    assert states(again)["a.png"] == "done before"
    save(album / "ab.png", scene())
    assert train(*job).code == 0


def test_nothing_but_bad_files(tmp_path, train, place):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.png").write_text("no picture")
    ended = train("--image", tmp_path / "bad", "--scale", 2)
    assert ended.code == 2
    assert states(ended)["a.png"].startswith("failed: ")
    assert tree(place) == {}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--scale", "0"],
        ["--scale", "2", "--activation", "none such"],
        ["--scale", "2", "--recipe", "none such"],
        ["--scale", "2", "--layers", "1"],
        ["--scale", "2", "--batch-size", "0"],
        ["--scale", "2", "--batch-size", "2", "--no-crop"],
        ["--scale", "2", "--kernel", "none.npy"],
        ["--scale", "2", "--output", "file"],
        ["--scale", "2", "--ground-truth", "file"],
        ["--scale", "2", "--ground-truth", "none"],
    ],
)
def test_what_is_wrong_for_all_is_said_once(album, train, place, arguments):
    (place / "file").write_text("")
    before = tree(place)
    ended = train("--image", album, *arguments)
    assert ended.code == 2
    assert len(ended.lines) == 1
    assert ended.err.startswith("sr-keras train: error: ")
    assert tree(place) == before


@pytest.mark.slow
def test_results_within_the_folder_are_no_photos(album, train, monkeypatch):
    monkeypatch.chdir(album)
    job = ["--image", ".", "--scale", 2]
    assert set(states(train(*job))) == set(RESULTS)
    assert set(states(train(*job)).values()) == {"done before"}
    # Other settings, another folder; a single photo's result beside them.
    train("--image", "a.png", "--scale", 3, "--output", "single")
    ended = train(*job, "--seed", 3, "--output", "sub/more")
    assert set(states(ended)) == set(RESULTS)


def test_results_that_match_the_pattern_are_no_photos(
    photo, train, monkeypatch
):
    monkeypatch.chdir(photo.parent)
    job = ["--image", "**/*.png", "--scale", 2]
    assert set(states(train(*job))) == {"a.png"}
    assert states(train(*job)) == {"a.png": "done before"}


@pytest.mark.slow
@pytest.mark.parametrize("image", ["album", "album/**/*.png"])
@pytest.mark.parametrize("output", [".", "album"])
def test_results_around_and_beside_the_photos(
    train, tmp_path, monkeypatch, image, output
):
    monkeypatch.chdir(tmp_path)
    save("album/sub/a.png", scene(20, 20))
    job = ["--image", image, "--scale", 2, "--output", output]
    assert set(states(train(*job))) == {"sub/a.png"}
    assert states(train(*job)) == {"sub/a.png": "done before"}


@pytest.mark.slow
def test_folder_of_results_only(album, train, place):
    train("--image", album, "--scale", 2, "--output", "all/out")
    ended = train("--image", "all", "--scale", 2)
    assert ended.code == 2
    assert "results of earlier runs only" in ended.err


def test_compares_with_a_folder(album, train, place, tmp_path):
    truth = tmp_path / "truth"
    save(truth / "a.png", scene(48, 40, seed=1))
    save(truth / "sub/a.png", scene(40, 48, 1, seed=3))
    others = tmp_path / "others"
    shutil.copytree(truth, others)
    job = ["--image", album, "--scale", 2, "--output", "out"]
    ended = train(*job, "--ground-truth", truth, "--baseline", others)
    assert ended.code == 0
    for name, state in states_of_scored(ended).items():
        record = read_json(Path("out", RESULTS[name]).parent / "metrics.json")
        assert f"{record['scores']['single']['psnr']:.3f} dB" in state
        assert record["scores"]["baseline"]["psnr"] is None  # infinite


def states_of_scored(ended):
    lines = ended.out.splitlines()[:-1][-2:]
    return {line.split()[0]: line for line in lines}


def test_photos_without_a_partner(album, train, place, tmp_path):
    save(tmp_path / "truth" / "a.png", scene(48, 40))
    ended = train(
        "--image", album, "--scale", 2, "--ground-truth", tmp_path / "truth"
    )
    assert ended.code == 2
    assert len(ended.lines) == 1
    assert "sub/a.png" in ended.err
    assert tree(place) == {}


@pytest.mark.slow
def test_interrupted_photo_is_redone(album, train, place, monkeypatch):
    """The second one is; the third is not begun."""
    save(album / "b.png", scene(20, 20))
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    show, count = progress.Steps.__call__, [0]

    def interrupted(self, run):
        show(self, run)
        count[0] += 1
        if count[0] == 3:
            os.kill(os.getpid(), signal.SIGINT)

    job = ["--image", album, "--scale", 2, "--output", "out"]
    job += ["--max-steps", 2]
    with monkeypatch.context() as patch:
        patch.setattr(progress.Steps, "__call__", interrupted)
        ended = train(*job)
    signal.signal(signal.SIGINT, former)
    assert ended.code == 130
    assert ended.lines == ["stopped after 1 step: writing the best so far"]
    table = states(ended)
    assert list(table) == ["a.png", "b.png"]
    assert table["a.png"].startswith("done, 2 steps")
    assert table["b.png"].startswith("interrupted, 1 step")
    again = states(train(*job))
    assert again["a.png"] == "done before"
    assert again["b.png"].startswith("done, 2 steps")
    assert again["sub/a.png"].startswith("done, 2 steps")


def test_config_of_one_photo_for_a_folder(album, train, capfd, place):
    train("--image", album / "a.png", "--scale", 2)
    ended = command(
        capfd, "train", "--config", "runs/a_zssr_x2/config.json",
        "--image", album, "--output", "out",
    )  # fmt: skip
    assert ended.code == 0
    assert {s.split(",")[1] for s in states(ended).values()} == {" 1 step"}
