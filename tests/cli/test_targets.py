"""Where the results of `upscale` go, and which are there already."""

import csv
import json
import os
import sys

import numpy as np
import pytest
from cli_runs import save, scene

from sr_keras.imaging import images


def test_results_of_other_settings(upscale, photos):
    assert upscale(photos, "-o", "out", "--scale", "2").code == 0
    wrong = upscale(photos, "-o", "out", "--scale", "2", "--self-ensemble")
    assert wrong.code == 2
    assert "other settings: add --overwrite" in wrong.err
    before = images.read("out/a_x2.png").pixels
    more = ("--self-ensemble", "--overwrite")
    assert upscale(photos, "-o", "out", "--scale", "2", *more).code == 0
    assert np.abs(images.read("out/a_x2.png").pixels - before).max() > 0


def test_a_newer_photo_is_done_again(upscale, photos):
    upscale(photos, "-o", "out")
    later = os.stat("out/a_x2.png").st_mtime + 10
    os.utime(photos / "a.png", (later, later))
    done = upscale(photos, "-o", "out")
    assert "a.png: out/a_x2.png" in done.out
    assert "sub/b.jpg: done before" in done.out


def test_what_is_there_is_not_replaced(upscale, photos):
    save("o.png", scene())
    before = images.read("o.png").pixels
    done = upscale(photos / "a.png", "-o", "o.png")
    assert done.code == 2
    assert "o.png is there already" in done.err
    assert "add --overwrite" in done.err
    np.testing.assert_array_equal(images.read("o.png").pixels, before)
    assert upscale(photos / "a.png", "-o", "o.png", "--overwrite").code == 0
    assert "done before" in upscale(photos / "a.png", "-o", "o.png").out


def test_a_single_photo_is_done_once(upscale, photos):
    photo = photos / "a.png"
    assert "done before" not in upscale(photo).out
    assert "a.png: done before" in upscale(photo).out
    # Another factor is another file, and another model not the same result.
    assert upscale(photo, "--scale", "3").code == 0
    assert (photos / "a_x3.png").exists()
    before = (photos / "a_x2.png").read_bytes()
    other = upscale(photo, model="bicubic")
    assert other.code == 2
    assert "a_x2.png is there already, of other settings" in other.err
    assert (photos / "a_x2.png").read_bytes() == before
    again = upscale(photo, "--overwrite", model="bicubic")
    assert again.code == 0
    assert (photos / "a_x2.png").read_bytes() != before
    later = os.stat(photos / "a_x2.png").st_mtime + 10
    os.utime(photo, (later, later))
    assert "done before" not in upscale(photo, model="bicubic").out


def test_a_missing_photo_does_not_stop_the_others(upscale, photos):
    done = upscale("missing.png", "no*.png", photos / "a.png", "--csv", "t.csv")
    assert done.code == 1
    assert (photos / "a_x2.png").exists()
    assert [line.partition(" ")[0] for line in done.lines] == [
        "missing.png", "no*.png"]  # fmt: skip
    with open("t.csv") as file:
        rows = {row["file"]: row["status"] for row in csv.DictReader(file)}
    assert rows.pop("missing.png") == rows.pop("no*.png") == "failed"
    assert list(rows.values()) == ["done"]
    assert upscale("missing.png", "no*.png").code == 2


@pytest.mark.slow
def test_settings_are_recorded(upscale, photos, espcn):
    upscale(photos, "-o", "out", "--back-projection", "1")
    record = json.loads((photos.parent / "place/out/upscale.json").read_text())
    assert record["back_projection"] == 1
    assert record["model"] == str(espcn)


def test_a_pipe_is_a_photo(upscale, photos):
    """As /dev/stdin and <( ) are."""
    content = (photos / "a.png").read_bytes()
    for output in ("o.png", "folder/"):
        read, write = os.pipe()
        os.write(write, content)
        os.close(write)
        done = upscale(f"/dev/fd/{read}", "-o", output)
        os.close(read)
        assert done.code == 0, done.err
    assert images.read("o.png").pixels.shape == (40, 48, 3)
    assert images.read(f"folder/{read}_x2.png").pixels.shape == (40, 48, 3)
    wrong = upscale("/dev/null", photos / "a.png")
    assert wrong.code == 2
    assert wrong.err.endswith("/dev/null is the only input where it is one\n")
    assert "is empty" in upscale("/dev/null", "-o", "n.png").err


def test_a_pipe_where_files_are_needed(place):
    os.mkfifo("pipe")
    with pytest.raises(ValueError, match="pipe is a pipe or a device, which"):
        images.find("pipe")


def test_stdin_that_is_closed(upscale, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    done = upscale("-", "-o", "o.png")
    assert done.code == 2
    assert done.lines == ["stdin is closed: give a file, or send a photo to it"]


def test_a_new_folder_with_a_dot(upscale, photos):
    for place in ("out.v2/", "out.png/"):
        assert upscale(photos / "a.png", "-o", place).code == 0
        assert images.read(f"{place}a_x2.png").pixels.shape == (40, 48, 3)
    done = upscale(photos / "a.png", "-o", "out.v3")
    assert done.code == 2
    assert "end a new folder's name with /" in done.err


def test_a_pattern_with_brackets(upscale, photos):
    photos.rename(photos.with_name("[2020] trip"))
    done = upscale(photos.with_name("[2020] trip") / "*.png", "-o", "out")
    assert done.code == 0, done.err
    assert images.read("out/a_x2.png").pixels.shape == (40, 48, 3)
