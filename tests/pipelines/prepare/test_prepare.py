import dataclasses
import json
import shutil

import h5py
import numpy as np
import pytest
from cli_runs import command, read_json, save, tree
from photographs import photo

import pipelines
from pipelines.prepare import prepare as preparing
from sr_keras import cli
from sr_keras.imaging import images
from sr_keras.imaging.resize import imresize


@pytest.fixture(autouse=True)
def only_this_command(monkeypatch):
    monkeypatch.setattr(cli, "COMMANDS", ("prepare",))


@pytest.fixture
def photos(tmp_path):
    save(tmp_path / "photos" / "a.png", photo(53, 49, 1))
    save(tmp_path / "photos" / "sub" / "b.jpg", photo(48, 70, 2))
    return tmp_path / "photos"


@pytest.fixture
def prepare(capfd, tmp_path):
    def run(*arguments, jobs=1):
        return command(capfd, "prepare", *arguments, "--jobs", jobs)

    return run


def pixels(path):
    return images.quantize(images.read(path).pixels, 8)


def test_lr_files_beside_their_hr_files_are_no_photos(
    photos, prepare, tmp_path
):
    for role, side in (("HR", 48), ("LR", 24)):
        name = photos / f"img_001_SRF_2_{role}.png"
        save(name, photo(side, side, 3))
    ended = prepare(photos, "--scale", 2, "--output", tmp_path / "out")
    assert ended.code == 0
    assert ended.out == f"3 HR images of 3 photos, in {tmp_path / 'out'}\n"
    assert "1 LR image beside their HR images" in ended.err


def test_lr_folders(photos, prepare, tmp_path):
    out = tmp_path / "out"
    ended = prepare(photos, "--scale", 2, 3, "--output", out, jobs=2)
    assert ended.code == 0
    assert ended.out == f"2 HR images of 2 photos, in {out}\n"
    hr = pixels(out / "HR" / "a.png")
    np.testing.assert_array_equal(hr, pixels(photos / "a.png")[:48, :48])
    for scale in (2, 3):
        lr = pixels(out / "LR_bicubic" / f"X{scale}" / f"a{'x'}{scale}.png")
        np.testing.assert_array_equal(lr, imresize(hr, 1 / scale))
        source = pipelines.open_source(out, scale, "dataset")
        assert len(source) == 2
        assert source.sizes(1) == ((48, 66), (48 // scale, 66 // scale))
    index = read_json(out / "index.json")
    assert index["settings"]["scales"] == [2, 3]
    entry = index["photos"][1]["files"][0]
    assert entry["hr"]["file"] == "HR/sub/b.png"
    assert entry["lr_x3"]["size"] == [22, 16]
    path = out / entry["lr_x3"]["file"]
    assert entry["lr_x3"]["sha256"] == preparing.digest(path)
    assert not any(p.name.startswith(".") for p in out.iterdir())


def test_it_goes_on_where_it_was(photos, prepare, tmp_path):
    out = tmp_path / "out"
    flags = (photos, "--scale", 2, "--output", out)
    assert prepare(*flags).code == 0
    before = tree(out)
    kept = (out / "HR" / "a.png").stat().st_mtime_ns
    (out / "LR_bicubic/X2/sub/bx2.png").write_bytes(b"broken")
    # As after an interruption: some notes, the last one cut off.
    index = read_json(out / "index.json")
    lines = [index["settings"], *index["photos"]]
    journal = "\n".join(map(json.dumps, lines)) + '\n{"source": "x'
    (out / ".index.jsonl").write_text(journal)
    (out / "index.json").unlink()
    assert prepare(*flags).code == 0
    assert tree(out) == before
    assert (out / "HR" / "a.png").stat().st_mtime_ns == kept
    save(photos / "c.png", photo(8, 8, 3))
    assert prepare(*flags).out.startswith("3 HR images of 3 photos")
    ended = prepare(*flags, "--degradation", "area")
    assert ended.code == 2
    assert "made with degradation bicubic, not area" in ended.err


def test_an_interruption_is_noted(photos, tmp_path):
    found = images.find(photos)
    settings = preparing.Settings((2,))
    (tmp_path / "out").mkdir()
    steps = preparing.run(found, settings, tmp_path / "out", 1)
    next(steps)
    steps.close()
    notes = (tmp_path / "out" / ".index.jsonl").read_text().splitlines()
    assert len(notes) == 2
    assert json.loads(notes[1])["source"] == "a.png"


def test_crops(photos, prepare, tmp_path):
    out = tmp_path / "out"
    flags = ("--crop-size", 24, "--stride", 16, "--scale", 2, "--output", out)
    ended = prepare(photos, *flags)
    whole = pixels(photos / "a.png")
    names = sorted(p.name for p in (out / "HR").glob("a_*"))
    assert names == [f"a_s{n:03}.png" for n in range(1, 10)]
    corners = [(y, x) for y in (0, 16, 29) for x in (0, 16, 25)]
    for name, (y, x) in zip(names, corners, strict=True):
        crop = pixels(out / "HR" / name)
        np.testing.assert_array_equal(crop, whole[y : y + 24, x : x + 24])
    assert ended.out.startswith("21 HR images of 2 photos")
    lr = pixels(out / "LR_bicubic/X2/a_s005x2.png")
    crop = pixels(out / "HR/a_s005.png")
    np.testing.assert_array_equal(lr, imresize(crop, 0.5))


@pytest.mark.parametrize(("border", "count"), [(True, 54), (False, 40)])
def test_crops_of_a_photo_of_div2k(border, count):
    """8 x 5 on the grid; with what ends at the edge 9 x 6."""
    photo = np.zeros((1356, 2040, 3), "uint8")
    settings = preparing.Settings((4,), "bicubic", 480, 200)
    settings = dataclasses.replace(settings, border_crops=border)
    found = preparing.pieces(photo, settings)
    assert len(found) == count
    assert {piece.shape for _, piece in found} == {(480, 480, 3)}
    exact = preparing.pieces(photo[:1280, :1880], settings)
    assert len(exact) == 40  # nothing is left over


def test_no_border_crops(photos, prepare, tmp_path):
    out = tmp_path / "out"
    flags = ("--crop-size", 24, "--stride", 16, "--output", out)
    ended = prepare(photos, *flags, "--no-border-crops")
    whole = pixels(photos / "a.png")
    names = sorted(p.name for p in (out / "HR").glob("a_*"))
    corners = [(y, x) for y in (0, 16) for x in (0, 16)]
    for name, (y, x) in zip(names, corners, strict=True):
        crop = pixels(out / "HR" / name)
        np.testing.assert_array_equal(crop, whole[y : y + 24, x : x + 24])
    ended = prepare(photos, *flags)
    assert ended.code == 2
    assert "made with border_crops False, not True" in ended.err


def test_an_index_of_before_border_crops_is_gone_on_with(
    photos, prepare, tmp_path
):
    flags = ("--crop-size", 24, "--output", tmp_path / "out")
    first = prepare(photos, *flags)
    index = tmp_path / "out" / "index.json"
    content = json.loads(index.read_text())
    content["settings"].pop("border_crops")
    index.write_text(json.dumps(content))
    again = prepare(photos, *flags)
    assert (again.code, again.out) == (0, first.out)


def test_flat_crops_are_left_out(prepare, tmp_path):
    picture = photo(32, 64, 0)
    picture[:, :40] = 0.5
    save(tmp_path / "photos" / "a.png", picture)
    out = tmp_path / "out"
    prepare(tmp_path / "photos", "--crop-size", 32, "--skip-flat",
            "--output", out)  # fmt: skip
    assert [p.name for p in (out / "HR").iterdir()] == ["a_s002.png"]


def test_photos_are_made_smaller_first(photos, prepare, tmp_path):
    out = tmp_path / "out"
    flags = ("--shrink", 1, 0.5, "--scale", 2, "--output", out)
    ended = prepare(photos, *flags)
    assert ended.out.startswith("4 HR images of 2 photos")
    whole = pixels(photos / "a.png")
    assert sorted(p.name for p in (out / "HR").glob("a_*")) == [
        "a_0.5.png",
        "a_1.png",
    ]
    smaller = pixels(out / "HR/a_0.5.png")
    height, width = smaller.shape[:2]
    np.testing.assert_array_equal(
        smaller, imresize(whole, 0.5)[:height, :width]
    )
    lr = pixels(out / "LR_bicubic/X2/a_0.5x2.png")
    np.testing.assert_array_equal(lr, imresize(smaller, 0.5))


def test_a_degradation(photos, prepare, tmp_path):
    spec = "bicubic,noise=9"
    flags = (photos, "--scale", 2, "--degradation", spec, "--output")
    for name in "xy":
        assert prepare(*flags, tmp_path / name).code == 0
    first = pixels(tmp_path / "x/LR/X2/ax2.png")
    np.testing.assert_array_equal(first, pixels(tmp_path / "y/LR/X2/ax2.png"))
    hr = pixels(tmp_path / "x/HR/a.png")
    error = first - imresize(hr, 0.5).astype(float)
    assert error.std() == pytest.approx(9, rel=0.2)
    assert pipelines.open_source(tmp_path / "x", 2, "dataset").has_lr


@pytest.mark.parametrize("form", ["tfrecord", "hdf5"])
def test_one_file(photos, prepare, tmp_path, form):
    plain, out = tmp_path / "plain", tmp_path / "out"
    flags = (photos, "--scale", 2, 4, "--output")
    prepare(*flags, plain)
    ended = prepare(*flags, out, "--to", form)
    assert ended.code == 0
    name = {"tfrecord": "images-00000-of-00001.tfrecord", "hdf5": "images.h5"}
    assert sorted(p.name for p in out.iterdir()) == [name[form], "index.json"]
    packed = read_json(out / "index.json")["packed"]
    assert packed[0]["sha256"] == preparing.digest(out / name[form])
    for scale in (2, 4):
        mine = pipelines.open_source(out / name[form], scale, "dataset")
        theirs = pipelines.open_source(plain, scale, "dataset")
        for i in range(2):
            np.testing.assert_array_equal(mine.hr(i), theirs.hr(i))
            np.testing.assert_array_equal(mine.lr(i), theirs.lr(i))
    if form == "hdf5":
        with h5py.File(out / "images.h5") as file:
            assert list(file) == ["hr", "lr_x2", "lr_x4"]
    before = {p: p.stat().st_mtime_ns for p in out.iterdir()}
    ended = prepare(*flags, out, "--to", form)
    assert ended.code == 0
    assert ended.out == f"2 HR images of 2 photos, in {out} already\n"
    assert {p: p.stat().st_mtime_ns for p in out.iterdir()} == before
    for more, reason in (
        (("--seed", 1), "was made with seed 0, not 1"),
        (("--to", {"tfrecord": "hdf5"}.get(form, "tfrecord")), "holds images"),
    ):
        ended = prepare(*flags, out, "--to", form, *more)
        assert (ended.code, reason in ended.err) == (2, True)
    (out / name[form]).write_bytes(b"cut off")
    ended = prepare(*flags, out, "--to", form)
    assert (ended.code, "is damaged" in ended.err) == (2, True)
    (photos / "a.png").touch()
    ended = prepare(*flags, out, "--to", form)
    assert (ended.code, "made of other photos" in ended.err) == (2, True)


def test_bad_photos_are_named(photos, prepare, tmp_path):
    (photos / "bad.png").write_bytes((photos / "a.png").read_bytes()[:99])
    out = tmp_path / "out"
    ended = prepare(photos, "--scale", 2, "--output", out)
    assert ended.code == 1
    assert "bad.png cannot be read as PNG" in ended.lines[0]
    assert "2 HR images of 2 photos, 1 failed" in ended.out
    ended = prepare(photos, "--crop-size", 50, "--output", tmp_path / "out2")
    assert ended.code == 2
    assert "48x70" not in ended.err
    assert "70x48 pixels are too few for crops of 50x50" in ended.err
    assert not (tmp_path / "out2").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("nowhere", "--scale", 2, "--output", "x"), "nowhere does not exist"),
        ((), "PHOTOS is missing"),
        (("PHOTOS",), "nothing to make"),
        (("PHOTOS", "--scale", 3, "--crop-size", 25), "25 pixels"),
        (("PHOTOS", "--scale", 2, "--skip-flat"), "give --crop-size as well"),
        (("PHOTOS", "--scale", 2, "--no-border-crops"), "border-crops is for"),
        (("PHOTOS", "--scale", 2, "--degradation", "cubic"), "use bicubic, "),
        (("PHOTOS", "--shrink", 1.5), "over 0 and up to 1, not 1.5"),
        (("PHOTOS", "--shrink", 0), "takes a number above 0, not 0"),
        (("PHOTOS", "--scale", 0), "takes a whole number from 1 up"),
        (("PHOTOS", "--check", "x"), "not both"),
        (("PHOTOS", "--scale", 2, "--output", "full"), "is not empty"),
        (("--check", "PHOTOS"), "no layout"),
        (("--check", "a", "b", "c"), "one folder, or HR and LR"),
    ],
)
def test_bad_usage(photos, prepare, place, flags, message):
    save("full/x.png", photo(4, 4, 0))
    flags = [photos if flag == "PHOTOS" else flag for flag in flags]
    ended = prepare(*flags)
    assert ended.code == 2
    assert len(ended.lines) == 1
    assert message in ended.err
    assert not photos.with_name("photos_prepared").exists()


def test_two_photos_of_one_name(photos, prepare, tmp_path):
    save(photos / "a.jpg", photo(30, 30, 0))
    ended = prepare(photos, "--scale", 2, "--output", tmp_path / "out")
    assert ended.code == 2
    assert "would both become a.png" in ended.err


def test_a_photo_called_like_a_folder(photos, prepare, tmp_path):
    save(photos / "sub.png", photo(30, 30, 0))
    flags = (photos, "--output", tmp_path / "out", "--to")
    ended = prepare(*flags, "hdf5")
    assert ended.code == 2
    assert len(ended.lines) == 1
    assert "sub.png would have the name of the folder" in ended.err
    assert not (tmp_path / "out").exists()
    assert prepare(*flags, "folder", "--scale", 2).code == 0


def test_check(photos, prepare, tmp_path):
    out = tmp_path / "out"
    prepare(photos, "--scale", 2, 3, "--output", out)
    ended = prepare("--check", out)
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert lines[0] == f"{out}/LR_bicubic/X2: 2 pairs, x2"
    assert lines[1].startswith("  recipe: bicubic (MATLAB's imresize")
    assert "in 2 of 2; 0.00 levels off" in lines[1]
    assert lines[2] == "  shift: none"
    assert lines[5] == f"{out}/LR_bicubic/X3: 2 pairs, x3"
    assert prepare("--check", out, "--scale", 3).out.count("recipe") == 1
    shutil.move(out / "LR_bicubic" / "X3", tmp_path / "LR3")
    ended = prepare("--check", out / "HR", tmp_path / "LR3")
    assert ended.out.splitlines()[0] == f"{tmp_path}/LR3: 2 pairs, x3"
    save(tmp_path / "LR3" / "ax3.png", photo(16, 17, 0))
    ended = prepare("--check", out / "HR", tmp_path / "LR3")
    assert ended.code == 1
    assert "ax3.png has 17x16 pixels and" in ended.out
    ended = prepare("--check", tmp_path / "LR3", out / "HR")
    assert ended.code == 2
