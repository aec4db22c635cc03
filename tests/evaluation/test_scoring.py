"""`sr_keras.evaluate`: what the command does, from Python."""

import numpy as np
import pytest
from checks import NEEDS_16_BITS, randomized
from cli_runs import save, scene

import sr_keras
from sr_keras import images, metrics, models
from sr_keras.imaging.resize import imresize


@pytest.fixture
def data(tmp_path):
    for i in range(2):
        save(tmp_path / "set" / f"{i}.png", scene(48, 60, seed=i))
    return tmp_path / "set"


def test_the_mean_is_that_of_the_images(data, capfd):
    table = sr_keras.evaluate("bicubic", data, 2, protocols=["y"])
    found = []
    for path in sorted(data.iterdir()):
        hr = images.quantize(images.read(path).pixels, 8)
        sr = imresize(imresize(hr, 0.5), 2)
        found.append(metrics.score(sr, hr, 2, ["y"], ["psnr"])["y"]["psnr"])
    assert table.means["set"]["y"]["psnr"] == pytest.approx(np.mean(found))
    rows = table.to_dict()["data"]["set"]["images"]
    assert [row["file"] for row in rows] == ["0.png", "1.png"]
    assert (table.scored, table.failed) == (2, 0)
    assert capfd.readouterr() == ("", "")


def test_a_network_that_is_there(data, tmp_path):
    network = randomized(models.build("espcn", 2, num_filters=(4, 3)))
    lines = []
    table = sr_keras.evaluate(network, [data], report=lines.append)
    assert lines[0] == "set, x2, espcn"
    sr_folder = tmp_path / "sr"
    for path in sorted(data.iterdir()):
        hr = images.quantize(images.read(path).pixels, 8)
        lr = imresize(hr, 0.5) / np.float32(255)
        save(sr_folder / path.name, sr_keras.upscale(lr, network))
    again = sr_keras.evaluate(sr=sr_folder, hr=data, scale=2)
    mean, other = table.means["set"]["y"], again.means["set"]["y"]
    # Files are rounded to 8 bits.
    assert mean["psnr"] == pytest.approx(other["psnr"], abs=0.05)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, ValueError, "give either"),
        ({"model": "bicubic"}, ValueError, "--data is missing"),
        ({"model": "bicubic", "nonsense": 1}, TypeError, "'nonsense'"),
        ({"metrics": "psnrr"}, ValueError, "'psnrr': did you mean psnr"),
        ({"perceptual": ["foo"]}, ValueError, "distance is called 'foo'"),
        ({"precision": "float16"}, ValueError, "no precision is called"),
        (
            {
                "model": "bicubic",
                "data": ".",
                "scale": 2,
                "protocols": ["matlab-y"],
            },
            ValueError,
            "y8",
        ),
    ],
)
def test_wrong_arguments(options, error, message):
    if "model" not in options and options:
        options = {"model": "bicubic", "data": ".", "scale": 2, **options}
    with pytest.raises(error, match=message):
        sr_keras.evaluate(**options)


def test_no_image_that_can_be_scored(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match="no image could be scored: .*a.png"):
        sr_keras.evaluate("bicubic", tmp_path / "set", 2)


@NEEDS_16_BITS
def test_a_network_computes_as_before(data):
    network = randomized(models.build("espcn", 2, num_filters=(4, 3)))
    exact = sr_keras.evaluate(network, data, protocols="y").means
    rough = sr_keras.evaluate(
        network, data, protocols="y", precision="bfloat16"
    ).means
    assert rough != exact
    assert sr_keras.evaluate(network, data, protocols="y").means == exact


def test_a_name_alone_is_one_name(data):
    table = sr_keras.evaluate("bicubic", data, 2, protocols="y", metrics="ssim")
    assert [*table.means["set"]["y"]] == ["ssim"]
