"""Perceptual distances of `evaluate`."""

import csv
import json

import numpy as np
import pytest
from evaluate_runs import hr_folder, picture, run, save

from sr_keras.imaging.resize import imresize

pytestmark = pytest.mark.usefixtures("only_evaluate")


@pytest.fixture
def heads(tmp_path):
    """A file with an LPIPS of random numbers, all its own layers have."""
    from sr_keras.evaluation import lpips

    model, tensors = lpips.build("alex"), {}
    rng = np.random.default_rng(0)
    wanted = lpips._published("alex").variables
    for variable in model.variables:
        theirs, layout = wanted[variable.path]
        shape = layout.shape(tuple(variable.shape))
        values = rng.normal(size=shape) / np.prod(shape[1:]) ** 0.5
        tensors[theirs] = abs(values) if "lin" in theirs else values
    np.savez(tmp_path / "lpips.npz", **tensors)
    return tmp_path / "lpips.npz"


def test_perceptual_distances(tmp_path, heads, capsys):
    from sr_keras.evaluation import lpips

    hr_folder(tmp_path / "Set" / "HR", 2)
    table = tmp_path / "t.json"
    job = (
        *("--model", "bilinear", "--data", tmp_path / "Set", "--scale", 2),
        *("--protocol", "rgb", "--metric", "psnr"),
    )
    code = run(
        *job, "--perceptual", "vgg19", "lpips", "--vgg-weights", "random",
        "--content-layers", "VGG12", "--lpips-weights", heads,
        "--json", table, "--csv", tmp_path / "t.csv",
    )  # fmt: skip
    assert code == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["rgb", "perceptual"]
    assert lines[2].split() == ["file", "psnr", "vgg19", "lpips"]
    assert [x.split()[0] for x in lines[3:]] == [
        "im0.png", "im1.png", "bicubic", "mean",
    ]  # fmt: skip
    assert len({len(line) for line in lines[1:]}) == 1
    data = json.loads(table.read_text())["data"]["Set"]
    hr = picture(seed=0)
    sr = imresize(imresize(hr, 0.5), 2.0, kernel="bilinear")
    pair = [(x / np.float32(255))[None] for x in (sr, hr)]
    expected = float(lpips.load(heads)(pair)[0])
    found = data["images"][0]["perceptual"]
    assert found["lpips"] == pytest.approx(expected, abs=2e-6)
    assert found["vgg19"] > 0
    with open(tmp_path / "t.csv") as file:
        rows = list(csv.DictReader(file))
    mean = float(rows[-1]["perceptual vgg19"])
    assert mean == pytest.approx(data["mean"]["perceptual"]["vgg19"], rel=1e-5)
    assert rows[-2]["file"] == "bicubic"
    assert float(rows[-2]["perceptual lpips"]) > 0


def test_perceptual_distance_of_files(tmp_path, heads, capsys):
    hr = save(tmp_path / "hr.png", picture())
    job = ("--hr", hr, "--scale", 2, "--perceptual", "lpips")
    code = run("--sr", hr, *job, "--lpips-weights", heads)
    assert code == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[-1] == "0.0000"
    tiny = save(tmp_path / "tiny.png", picture(24, 24))
    job = ("--hr", tiny, "--scale", 2, "--perceptual", "lpips")
    code = run("--sr", tiny, *job, "--lpips-weights", heads)
    assert code == 2
    assert "24x24, is too small for LPIPS: it needs 31" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--perceptual", "lpips"), "lpips needs its numbers: --lpips-weights"),
        (("--vgg-weights", "random"), "--vgg-weights goes with --perceptual v"),
        (("--lpips-weights", "a"), "--lpips-weights goes with --perceptual l"),
        (("--content-layers", "VGG12"), "--content-layers goes with --percep"),
        (("--perceptual", "vgg19", "--vgg-weights", "no"), "no file no with"),
        (("--perceptual", "lpips", "--lpips-weights", "no.pth"), "no file no"),
        (("--perceptual", "vgg16"), "invalid choice: 'vgg16'"),
    ],
)
def test_perceptual_distances_that_cannot_be(tmp_path, capsys, arguments, says):
    hr = save(tmp_path / "hr.png", picture())
    assert run("--sr", hr, "--hr", hr, "--scale", 2, *arguments) == 2
    err = capsys.readouterr().err
    assert says in err
    assert len(err.splitlines()) == 1
