"""Which SR image `evaluate` compares with which HR image."""

import json
from pathlib import Path

import numpy as np
import pytest
from evaluate_runs import bicubic, hr_folder, picture, run, save

from sr_keras.evaluation import pair_files
from sr_keras.evaluation.metrics import score
from sr_keras.imaging.resize import imresize

pytestmark = pytest.mark.usefixtures("only_evaluate")


def names(*texts):
    return [(Path("/f") / text, Path(text)) for text in texts]


@pytest.mark.parametrize(
    "sr, hr",
    [
        ("a.png", "a.png"),
        ("sub/a.png", "sub/a.png"),
        ("a.png", "a.jpg"),
        ("ax2.png", "a.png"),
        ("a_x2.png", "a.png"),
        ("a-x2.png", "a.png"),
        ("a_x2.37.png", "a.png"),
        ("a_zssr_x1.5x2.png", "a.png"),
        ("a_zssr_x2.png", "a_zssr.png"),
        ("0001x4.png", "0001.png"),
        ("sub/a_zssr_x2.tif", "sub/a.png"),
        ("box2.png", "box2.jpg"),
        ("0001x4d.png", "0001.png"),
        ("0001x4m.png", "0001.png"),
        ("0001x4w3.png", "0001.png"),
        ("img_001_SRF_2_LR.png", "img_001_SRF_2_HR.png"),
        ("img_001_LR.png", "img_001.png"),
        ("lr-a.png", "gt-a.png"),
    ],
)
def test_pairs_by_name(sr, hr):
    others, targets = names(sr, "other.png"), names(hr, "other.png")
    assert pair_files.pair(others, targets, "SR") == [
        (others[0][0], targets[0][0], Path(hr)),
        (others[1][0], targets[1][0], Path("other.png")),
    ]


@pytest.mark.parametrize(
    "sr, hr, message",
    [
        (["a.png"], ["a.png", "b.png"], "^no SR image for b.png: rename"),
        (["a.png", "b.png"], ["a.png"], "^no HR image for b.png: rename"),
        (["azssr.png"], ["a.png"], "no SR image for a.png; no HR image for"),
        (["sub/a.png"], ["a.png"], "no HR image for sub/a.png"),
        (["a.png", "a_x2.png"], ["a.png"], "more than one SR image for a.png"),
        (["ax2.png", "ax4.png"], ["a.png"], "more than one SR image for a.png"),
        (["a.png"], ["a.bmp", "a.jpg"], "more than one HR image for a.png"),
        ([f"{i}.png" for i in range(10)], ["x.png"], "7.png and 2 more"),
    ],
)
def test_lists_what_cannot_be_paired(sr, hr, message):
    with pytest.raises(ValueError, match=message):
        pair_files.pair(names(*sr), names(*hr), "SR")


@pytest.mark.parametrize("ending", ["_out", "_x4plus", "-sr.final", " (1)"])
def test_one_ending_of_all_files(ending):
    stems = ("0801", "0801_2", "b")
    sr = names(*(f"{stem}{ending}.png" for stem in stems))
    hr = names(*(f"{stem}.jpg" for stem in stems))
    assert pair_files.pair(sr, hr, "SR") == [
        (s[0], h[0], h[1]) for s, h in zip(sr, hr, strict=True)
    ]


def test_two_endings_are_none():
    sr, hr = names("a_out.png", "b_new.png"), names("a.png", "b.png")
    with pytest.raises(ValueError, match="no SR image for a.png, b.png; no HR"):
        pair_files.pair(sr, hr, "SR")


def test_lr_images_beside_their_hr_images_are_no_hr_images(tmp_path, capsys):
    for i in range(2):
        hr = picture(seed=i)
        save(tmp_path / "both" / f"img_{i}_SRF_2_HR.png", hr)
        save(tmp_path / "both" / f"img_{i}_SRF_2_LR.png", imresize(hr, 0.5))
        save(tmp_path / "hr" / f"img_{i}.png", hr)
    table = tmp_path / "t.json"
    scores = []
    for folders in (["hr"], ["both"], ["both", "--lr", tmp_path / "both"]):
        data = (tmp_path / folders[0], *folders[1:])
        command = ("--model", "bicubic", "--scale", 2, "--data", *data)
        assert run(*command, "--json", table) == 0
        (found,) = json.loads(table.read_text())["data"].values()
        assert len(found["images"]) == 2
        scores.append(found["mean"])
    assert scores[0] == scores[1] == scores[2]
    err = capsys.readouterr().err
    assert "2 LR images beside their HR images in" in err
    assert "img_0_SRF_2_LR.png for one" in err


def test_colours_under_alpha_0_are_not_scored(tmp_path):
    from sr_keras.imaging import images

    seen = picture(seed=1)
    alpha = np.ones((*seen.shape[:2], 1), "float32")
    alpha[:9] = 0
    scores = []
    for i, hidden in enumerate((0, 1, 0.4)):
        colors = seen / np.float32(255)
        pixels = np.where(alpha == 0, np.float32(hidden), colors)
        image = images.Image(pixels.astype("float32"), alpha)
        (tmp_path / str(i)).mkdir()
        images.write(tmp_path / str(i) / "a.png", image)
        table = tmp_path / "t.json"
        data = ("--data", tmp_path / str(i), "--json", table)
        assert run("--model", "bicubic", "--scale", 2, *data) == 0
        (found,) = json.loads(table.read_text())["data"].values()
        scores.append(found["mean"])
        both = ("--sr", tmp_path / str(i), "--hr", tmp_path / "0")
        assert run(*both, "--scale", 2, *data[2:]) == 0
        (found,) = json.loads(table.read_text())["data"].values()
        assert found["mean"]["rgb"]["psnr"] is None
    assert scores[0] == scores[1] == scores[2]


def test_pairs_folders(tmp_path, capsys):
    hr = hr_folder(tmp_path / "HR")
    for i in range(3):
        sr = bicubic(picture(seed=i))
        save(tmp_path / "sr" / f"im{i}_zssr_x2.png", sr)
    both = ("--sr", tmp_path / "sr", "--hr", hr, "--scale", 2)
    table = tmp_path / "t.json"
    assert run(*both, "--json", table) == 0
    (data,) = json.loads(table.read_text())["data"].values()
    assert [i["file"] for i in data["images"]] == [
        "im0.png", "im1.png", "im2.png",
    ]  # fmt: skip
    expected = score(bicubic(picture(seed=2)), picture(seed=2), 2)["rgb"]
    assert data["images"][2]["rgb"] == pytest.approx(expected, abs=1e-6)
    (tmp_path / "sr" / "im1_zssr_x2.png").unlink()
    capsys.readouterr()
    assert run(*both) == 2
    out, err = capsys.readouterr()
    assert "no SR image for im1.png" in err
    assert not out


def test_lr_of_another_size_fails(tmp_path, capsys):
    data = hr_folder(tmp_path / "HR", 1)
    lr = save(tmp_path / "lr" / "im0x2.png", picture(18, 18)).parent
    arguments = ("--data", data, "--lr", lr, "--scale", 2)
    assert run("--model", "bicubic", *arguments) == 2
    assert "sr is 36x36 and hr is 48x36" in capsys.readouterr().err
