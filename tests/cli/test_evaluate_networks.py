"""`evaluate` of networks, beside bicubic."""

import csv
import json

import numpy as np
import pytest
from checks import NEEDS_16_BITS
from evaluate_runs import bicubic, hr_folder, picture, run, save
from PIL import Image

from sr_keras.evaluation.metrics import score
from sr_keras.imaging.resize import imresize

pytestmark = pytest.mark.usefixtures("only_evaluate")


def test_scores_a_loaded_network(tmp_path, monkeypatch):
    class Network:
        scale = 2

    seen = []

    def load(name, scale):
        seen.append((name, scale))
        return Network()

    def upscale(lr, network, scale, size):
        assert isinstance(network, Network)
        assert (scale, size) == ((2.0, 2.0), (36, 48))
        assert lr.dtype == np.float32
        assert 0.5 < lr.max() <= 1
        return imresize(lr, 2)

    monkeypatch.setattr("sr_keras.inference.load.network_of", load)
    monkeypatch.setattr("sr_keras.inference.upscale.upscale", upscale)
    data = hr_folder(tmp_path / "data", 1)
    table = tmp_path / "t.json"
    assert run("--model", "my.keras", "--data", data, "--json", table) == 0
    assert seen == [("my.keras", None)]
    content = json.loads(table.read_text())
    assert (content["model"], content["scale"]) == ("my.keras", 2)
    sr = imresize((imresize(picture(), 0.5) / 255).astype(np.float32), 2)
    expected = score(sr, picture(), 2)["y"]
    mean = content["data"]["data"]["mean"]["y"]
    assert mean == pytest.approx(expected, abs=1e-6)


def test_scores_a_network_in_a_file(tmp_path, capsys):
    from sr_keras import models
    from sr_keras.models import artifact

    path = tmp_path / "x.keras"
    artifact.save(models.build("bilinear", 3), path)
    data = hr_folder(tmp_path / "data", 1)
    table = tmp_path / "t.json"
    assert run("--model", path, "--data", data, "--json", table) == 0
    content = json.loads(table.read_text())
    lr = imresize(picture(), 1 / 3) / 255
    expected = score(imresize(lr, 3, kernel="bilinear"), picture(), 3)["rgb"]
    mean = content["data"]["data"]["mean"]["rgb"]
    assert mean == pytest.approx(expected, abs=1e-3)
    nowhere = ("--model", tmp_path / "no.keras", "--data", data)
    capsys.readouterr()
    assert run(*nowhere) == 2
    out, err = capsys.readouterr()
    assert "no.keras" in err
    assert not out


def test_weights_are_those_for_the_factor(tmp_path, monkeypatch):
    seen = []

    def load(name, scale):
        seen.append((name, scale))
        raise ValueError("enough")

    monkeypatch.setattr("sr_keras.inference.load.network_of", load)
    data = hr_folder(tmp_path / "data", 1)
    assert run("--model", "fast", "--data", data, "--scale", "3x2") == 2
    assert seen == [("fast", 3)]


def saved(path, name="bilinear", scale=2):
    from sr_keras import models
    from sr_keras.models import artifact

    artifact.save(models.build(name, scale), path)
    return path


def test_bicubic_stands_beside_a_network(tmp_path, capsys):
    data = hr_folder(tmp_path / "data", 2)
    path = saved(tmp_path / "x.keras")
    files = {k: tmp_path / f"t.{k}" for k in ("csv", "json", "markdown")}
    tables = [a for k, f in files.items() for a in (f"--{k}", f)]
    assert run("--model", path, "--data", data, *tables) == 0
    scores = [
        score(bicubic(picture(seed=i)), picture(seed=i), 2) for i in (0, 1)
    ]
    psnr = np.mean([s["y"]["psnr"] for s in scores])
    *_, beside, mean = capsys.readouterr().out.splitlines()
    assert beside.split()[:2] == ["bicubic", f"{psnr:.2f}"]
    assert mean.split()[0] == "mean"
    assert mean.split()[1] != f"{psnr:.2f}"
    with open(files["csv"], newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["file"] for line in lines] == [
        "im0.png", "im1.png", "bicubic", "mean",
    ]  # fmt: skip
    value = float(lines[2]["y psnr"])
    assert value == pytest.approx(psnr, abs=1e-6)
    text = files["markdown"].read_text().splitlines()
    assert text[0] == f"### data, x2, {path}"
    assert text[2].startswith("| file | y psnr | y ssim | y8 psnr")
    assert text[3] == f"|---{'|---:' * 8}|"
    assert text[6].startswith(f"| bicubic | {psnr:.2f} | ")
    assert text[7].startswith("| mean | ")
    content = json.loads(files["json"].read_text())["data"]["data"]
    assert list(content) == [
        "mean", "bicubic", "mean_without_grey", "grey", "images",
    ]  # fmt: skip
    assert content["bicubic"]["y"]["psnr"] == pytest.approx(psnr, 1e-6)
    assert len(content["images"]) == 2


def test_bicubic_is_not_its_own_baseline(tmp_path, capsys):
    data = hr_folder(tmp_path / "data", 1)
    assert run("--model", "bicubic", "--data", data, "--scale", 2) == 0
    names = [line[:8].strip() for line in capsys.readouterr().out.splitlines()]
    assert names[-2:] == ["im0.png", "mean"]


@pytest.mark.parametrize("flag", [None, True, False])
def test_self_ensemble_is_passed_on(tmp_path, monkeypatch, flag):
    seen = []

    def upscale(lr, network, scale, size, **options):
        seen.append(options)
        return imresize(lr, scale, size)

    path = saved(tmp_path / "x.keras")
    monkeypatch.setattr("sr_keras.inference.upscale.upscale", upscale)
    data = hr_folder(tmp_path / "data", 1)
    given = {None: (), True: ("--self-ensemble",)}
    arguments = given.get(flag, ("--no-self-ensemble",))
    assert run("--model", path, "--data", data, *arguments) == 0
    assert seen == [{} if flag is None else {"self_ensemble": flag}]


@NEEDS_16_BITS
def test_precision(tmp_path):
    path = saved(tmp_path / "x.keras", "espcn")
    data = hr_folder(tmp_path / "data", 1)
    scores = []
    for flag in ((), ("--precision", "float32"), ("--precision", "bfloat16")):
        out = tmp_path / f"{len(scores)}.json"
        given = ("--metric", "zncc", *flag, "--json", out)
        assert run("--model", path, "--data", data, *given) == 0
        scores.append(out.read_text())
    assert scores[0] == scores[1] != scores[2]


def test_saves_the_images(tmp_path):
    data = hr_folder(tmp_path / "one" / "HR", 1)
    deep = picture(24, 24)
    save(data / "sub" / "b.png", deep)
    grey = picture(24, 24)[..., 0]
    save(data / "grey.png", grey)
    folder = tmp_path / "new" / "sr"
    arguments = ("--data", tmp_path / "one", "--scale", 3)
    assert run("--model", "lanczos", *arguments, "--save-images", folder) == 0
    found = {str(p.relative_to(folder)): p for p in folder.rglob("*.png")}
    assert set(found) == {
        "one/im0_x3.png", "one/grey_x3.png", "one/sub/b_x3.png",
    }  # fmt: skip
    for name, hr in (("one/sub/b_x3.png", deep), ("one/grey_x3.png", grey)):
        sr = imresize(imresize(hr, 1 / 3), 3, kernel="lanczos")
        np.testing.assert_array_equal(np.asarray(Image.open(found[name])), sr)
    pairs = ("--sr", folder / "one", "--hr", data, "--scale", 3)
    assert run(*pairs) == 0
