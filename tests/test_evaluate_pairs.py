"""Which SR image `evaluate` compares with which HR image."""

import json
from pathlib import Path

import pytest
from evaluate_runs import bicubic, hr_folder, picture, run, save

from sr_keras.cli import pairs
from sr_keras.metrics import score

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
    ],
)
def test_pairs_by_name(sr, hr):
    others, targets = names(sr, "other.png"), names(hr, "other.png")
    assert pairs.pair(others, targets, "SR") == [
        (others[0][0], targets[0][0], Path(hr)),
        (others[1][0], targets[1][0], Path("other.png")),
    ]


@pytest.mark.parametrize(
    "sr, hr, message",
    [
        (["a.png"], ["a.png", "b.png"], "^no SR image for b.png: rename"),
        (["a.png", "b.png"], ["a.png"], "^no HR image for b.png: rename"),
        (["a_zssr.png"], ["a.png"], "no SR image for a.png; no HR image for"),
        (["sub/a.png"], ["a.png"], "no HR image for sub/a.png"),
        (["a.png", "a_x2.png"], ["a.png"], "more than one SR image for a.png"),
        (["ax2.png", "ax4.png"], ["a.png"], "more than one SR image for a.png"),
        (["a.png"], ["a.bmp", "a.jpg"], "more than one HR image for a.png"),
        ([f"{i}.png" for i in range(10)], ["x.png"], "7.png and 2 more"),
    ],
)
def test_lists_what_cannot_be_paired(sr, hr, message):
    with pytest.raises(ValueError, match=message):
        pairs.pair(names(*sr), names(*hr), "SR")


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
