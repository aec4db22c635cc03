"""`evaluate --luma-pipeline`, and what it says of grey files."""

import csv
import json

import numpy as np
import pytest
from checks import data_folder, randomized
from evaluate_runs import bicubic, hr_folder, picture, run, save
from PIL import Image

from sr_keras.evaluation.metrics import score
from sr_keras.imaging.color import luma8
from sr_keras.imaging.resize import imresize

pytestmark = pytest.mark.usefixtures("only_evaluate")


def table_of(tmp_path, *arguments):
    table = tmp_path / "t.json"
    assert run(*arguments, "--json", table) == 0
    return json.loads(table.read_text())


def rows_of(content):
    (rows,) = content["data"].values()
    return rows


@pytest.mark.parametrize(
    "factor, psnr, ssim",
    [(2, 33.661, 0.9299), (3, 30.392, 0.8682), (4, 28.421, 0.8104)],
)
def test_bicubic_reads_the_rows_of_srcnn(tmp_path, factor, psnr, ssim):
    """They print 33.66/.9299, 30.39/.8682 and 28.42/.8104."""
    content = table_of(
        *(tmp_path, "--model", "bicubic", "--scale", factor),
        *("--data", data_folder("benchmark", "Set5"), "--luma-pipeline"),
    )
    assert content["pipeline"] == "luma"
    mean = rows_of(content)["mean"]
    assert list(mean) == ["y8"]
    assert mean["y8"]["psnr"] == pytest.approx(psnr, abs=0.0005)
    assert mean["y8"]["ssim"] == pytest.approx(ssim, abs=0.00005)


@pytest.mark.parametrize("method", ["bicubic", "nearest", "lanczos"])
def test_lr_and_sr_are_made_of_y(tmp_path, method):
    data = hr_folder(tmp_path / "data", 1)
    content = table_of(
        *(tmp_path, "--model", method, "--data", data, "--scale", 3),
        *("--luma-pipeline", "--protocol", "y8"),
    )
    y = luma8(picture() / 255)
    sr = imresize(imresize(y, 1 / 3), 3, kernel=method)
    expected = score(np.clip(sr, 0, 1), y, 3, ["y8"])
    mean = rows_of(content)["mean"]
    assert mean["y8"] == pytest.approx(expected["y8"], abs=1e-6)


@pytest.mark.parametrize("name", ["srcnn", "espcn"])
@pytest.mark.parametrize("grey", [False, True])
def test_a_network_sees_y_as_it_is(tmp_path, name, grey):
    from sr_keras import models
    from sr_keras.models import artifact

    network = randomized(models.build(name, 2))
    artifact.save(network, tmp_path / "x.keras")
    hr = picture()[..., :1] if grey else picture()
    save(tmp_path / "data" / "a.png", hr[..., 0] if grey else hr)
    content = table_of(
        *(tmp_path, "--model", tmp_path / "x.keras", "--luma-pipeline"),
        *("--data", tmp_path / "data", "--save-images", tmp_path / "sr"),
    )
    y = hr / 255 if grey else luma8(hr / 255)
    lr = imresize(y, 0.5)
    sr = np.asarray(network(lr[None].astype("float32")))[0]
    rows = rows_of(content)
    expected = score(sr, y, 2, ["y8"])["y8"]
    assert rows["mean"]["y8"] == pytest.approx(expected, abs=1e-4)
    expected = score(imresize(lr, 2), y, 2, ["y8"])["y8"]
    assert rows["bicubic"]["y8"] == pytest.approx(expected, abs=1e-6)
    written = np.asarray(Image.open(tmp_path / "sr" / "data" / "a_x2.png"))
    np.testing.assert_allclose(
        written, np.clip(sr[..., 0], 0, 1) * 255, atol=0.51
    )


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("--sr a --hr b --scale 2", "--luma-pipeline goes with --model"),
        ("--model bicubic --data {d} --scale 2 --lr {d}", "leave out --lr"),
        ("--model x.keras --data {d} --self-ensemble", "--self-ensemble"),
        (
            "--model bicubic --data {d} --scale 2 --perceptual vgg19",
            "leave out --perceptual",
        ),
        (
            "--model bicubic --data {d} --scale 2 --protocol y y8",
            "leave out --protocol y y8, or give y8",
        ),
        ("--model {d}/../rgb.keras --data {d}", "luma alone, not nearest"),
        ("--model {d}/../y.keras --data {d} --scale 3", "own scale, 2, not 3"),
    ],
)
def test_what_the_pipeline_cannot_do(tmp_path, capsys, arguments, message):
    from sr_keras import models
    from sr_keras.models import artifact

    data = hr_folder(tmp_path / "data", 1)
    artifact.save(models.build("nearest", 2), tmp_path / "rgb.keras")
    artifact.save(models.build("espcn", 2), tmp_path / "y.keras")
    given = arguments.format(d=data).split()
    assert run(*given, "--luma-pipeline") == 2
    out, err = capsys.readouterr()
    assert message in err
    assert len(err.splitlines()) == 1
    assert not out


def test_grey_files_are_named_and_left_out_of_a_mean(tmp_path, capsys):
    data = hr_folder(tmp_path / "data", 2)
    grey = picture(seed=7)[..., 0]
    save(data / "bridge.png", grey)
    tables = ("--csv", tmp_path / "t.csv", "--markdown", tmp_path / "t.md")
    content = table_of(
        *(tmp_path, "--model", "bicubic", "--data", data, "--scale", 2),
        *("--protocol", "y", "y8", "--metric", "psnr", *tables),
    )
    rows = rows_of(content)
    assert rows["grey"] == ["bridge.png"]
    values = {}
    for protocol in ("y", "y8"):
        colour = [
            score(bicubic(hr), hr, 2, [protocol])[protocol]["psnr"]
            for hr in (picture(seed=0), picture(seed=1))
        ]
        alone = score(bicubic(grey), grey, 2, [protocol])[protocol]["psnr"]
        values[protocol] = alone
        mean = rows["mean"][protocol]["psnr"]
        assert mean == pytest.approx(np.mean([*colour, alone]), abs=1e-6)
        mean = rows["mean_without_grey"][protocol]["psnr"]
        assert mean == pytest.approx(np.mean(colour), abs=1e-6)
    assert values["y"] - values["y8"] == pytest.approx(1.322, abs=0.001)
    named = "(compared as they are in y8, as RGB in the other protocols)"
    named = f"grey files {named}: bridge.png"
    out = capsys.readouterr().out.splitlines()
    assert out[-1] == named
    assert [line.split("  ")[0] for line in out[-3:-1]] == [
        "mean", "without grey",
    ]  # fmt: skip
    assert f"\n\n{named}\n" in (tmp_path / "t.md").read_text()
    with open(tmp_path / "t.csv", newline="") as file:
        last = list(csv.DictReader(file))[-1]
    assert (last["file"], last["pipeline"]) == ("without grey", "files")
    assert float(last["y8 psnr"]) == pytest.approx(mean, abs=1e-6)


def test_where_all_files_are_grey_or_none(tmp_path, capsys):
    data = hr_folder(tmp_path / "one", 1)
    given = ("--model", "nearest", "--scale", 2, "--metric", "psnr")
    rows = rows_of(table_of(tmp_path, *given, "--data", data))
    assert (rows["grey"], rows["mean_without_grey"]) == ([], {})
    assert "grey" not in capsys.readouterr().out
    save(tmp_path / "two" / "a.png", picture()[..., 0])
    rows = rows_of(table_of(tmp_path, *given, "--data", tmp_path / "two"))
    assert (rows["grey"], rows["mean_without_grey"]) == (["a.png"], {})
    out = capsys.readouterr().out
    assert "without grey" not in out
    assert out.splitlines()[-1].endswith("a.png")


def test_grey_files_of_pairs(tmp_path):
    grey = picture()[..., 0]
    save(tmp_path / "sr" / "a.png", bicubic(grey))
    save(tmp_path / "hr" / "a.png", grey)
    content = table_of(
        *(tmp_path, "--sr", tmp_path / "sr", "--hr", tmp_path / "hr"),
        *("--scale", 2),
    )
    rows = rows_of(content)
    assert rows["grey"] == ["a.png"]
    expected = score(bicubic(grey), grey, 2)["y8"]
    assert rows["mean"]["y8"] == pytest.approx(expected, abs=1e-6)
