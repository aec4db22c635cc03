"""Networks with an SR image of every level: the smaller ones are used."""

import json

import numpy as np
import pytest
from checks import NEEDS_16_BITS, felt, randomized, smooth
from cli_runs import command, save

import sr_keras
from sr_keras import models
from sr_keras.imaging import images
from sr_keras.imaging.resize import imresize
from sr_keras.inference import precision
from sr_keras.inference.load import load
from sr_keras.models import artifact

SMALL = {
    "lapsrn": {"num_layers": 2, "num_filters": 4},
    "drn-s": {"num_blocks": 1, "num_filters": 4, "value_range": 1},
}
KINDS = [("lapsrn", 4), ("lapsrn", 8), ("drn-s", 4), ("drn-s", 8)]
QUIET = {"rtol": 0, "atol": 1e-5}


def network_of(name, scale):
    """A network with random weights and images that are mostly in range."""
    network = models.build(name, scale, **SMALL[name])
    bilinear = [x for x in network.layers if x.name.endswith("_image")]
    kept = [layer.get_weights() for layer in bilinear]
    randomized(network)
    for layer, values in zip(bilinear, kept, strict=True):
        layer.set_weights(values)
    for layer in network.layers:
        if layer.name.endswith("_residual") or layer.name.startswith("tail"):
            layer.set_weights([0.3 * w for w in layer.get_weights()])
    return network


def level_of(network, image, scale, clipped=True):
    """The image that the network learns with at a factor."""
    found = [np.asarray(x)[0] for x in network.learner(image[None])]
    (sr,) = (x for x in found if len(x) == scale * len(image))
    return np.clip(sr, 0, 1) if clipped else sr


@pytest.mark.parametrize(("name", "scale"), KINDS)
def test_smaller_factors_are_the_levels_own(name, scale):
    network, image = network_of(name, scale), smooth(13, 11)
    for factor in (2, 4, 8):
        if factor <= scale:
            got = sr_keras.upscale(image, network, factor)
            expected = level_of(network, image, factor)
            assert 0 < np.median(expected) < 1
            np.testing.assert_allclose(got, expected, **QUIET)


@pytest.mark.parametrize("name", SMALL)
def test_a_level_is_the_last_of_several_times(name):
    network, image = network_of(name, 4), smooth(9, 8)
    four = sr_keras.upscale(image, network, 4)
    got = sr_keras.upscale(image, network, 8)
    np.testing.assert_allclose(got, level_of(network, four, 2), **QUIET)


@pytest.mark.parametrize("name", SMALL)
def test_what_lies_between_is_made_of_the_level_above(name):
    network, image = network_of(name, 8), smooth(10, 12)
    four = level_of(network, image, 4, clipped=False)
    for scale in ((3, 3), (4, 2), (2.5, 3.25)):
        expected = imresize(four, tuple(s / 4 for s in scale))
        got = sr_keras.upscale(image, network, scale)
        np.testing.assert_allclose(
            got, np.clip(expected, 0, 1), rtol=0, atol=1e-4
        )


@pytest.mark.parametrize("scale", [4, 8])
def test_tiles_leave_no_trace(scale):
    network, image = network_of("lapsrn", scale), smooth(150, 140)
    whole = sr_keras.upscale(image, network, 2)
    np.testing.assert_allclose(whole, level_of(network, image, 2), **QUIET)
    tiled = sr_keras.upscale(image, network, 2, tile=32)
    np.testing.assert_array_equal(tiled, whole)


def test_the_reach_is_that_of_the_level():
    network = network_of("lapsrn", 8)
    for level in (*network.levels.values(), network):
        assert level.reach == felt(level, 3)
    assert network.levels[2].reach < network.reach


def test_means_over_the_image_in_stages():
    network, image = network_of("drn-s", 4), smooth(40, 36)
    got = sr_keras.upscale(image, network, 2, tile=16)
    np.testing.assert_allclose(got, level_of(network, image, 2), **QUIET)


@pytest.mark.parametrize("name", SMALL)
def test_a_level_is_saved_with_its_network(name, tmp_path):
    network, image = network_of(name, 4), smooth(9, 8)
    level = network.levels[2]
    artifact.save(level, tmp_path / "x2.keras", recipe="mine")
    again = load(tmp_path / "x2.keras")
    assert (again.scale, again.about["recipe"]) == (2, "mine")
    np.testing.assert_array_equal(again(image[None]), level(image[None]))
    # The network's own file has its weights once, levels or not.
    artifact.save(network, tmp_path / "x4.keras")
    again = load(tmp_path / "x4.keras")
    assert again.scale == 4
    np.testing.assert_array_equal(again(image[None]), network(image[None]))


@pytest.mark.parametrize("name", SMALL)
@NEEDS_16_BITS
def test_a_level_in_bfloat16_keeps_its_pixels(name):
    network, image = network_of(name, 4), smooth(24, 20)
    exact = sr_keras.upscale(image, network, 2)
    with precision.computing(network, "bfloat16", to_use=True):
        coarse = sr_keras.upscale(image, network, 2)
        ends = {"lapsrn": "level1_residual", "drn-s": "tail1"}
        end = network.get_layer(ends[name])
        assert end.compute_dtype == "float32"
    assert 0 < np.abs(coarse - exact).max() < 0.05
    np.testing.assert_array_equal(sr_keras.upscale(image, network, 2), exact)


def test_an_export_of_a_level(tmp_path):
    network, image = network_of("lapsrn", 4), smooth(20, 24)
    sr_keras.export(network, tmp_path / "x2.tflite", scale=2, measure=False)
    got = sr_keras.upscale(image, str(tmp_path / "x2.tflite"))
    expected = level_of(network, image, 2)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4)
    with pytest.raises(ValueError, match="enlarges by 2, 4, not by 3"):
        sr_keras.export(network, tmp_path / "x3.tflite", scale=3)


def test_the_commands(tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network = network_of("lapsrn", 4)
    (tmp_path / "run").mkdir()
    artifact.save(network, tmp_path / "run" / artifact.BEST)
    save(tmp_path / "hr" / "a.png", smooth(32, 40))
    ended = command(
        capfd, "upscale", "hr/a.png", "--scale", "2", "--model", "run",
        "--precision", "float32", "-o", "a2.png",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    photo = images.read("hr/a.png").pixels
    expected = images.quantize(level_of(network, photo, 2), 8)
    got = images.quantize(images.read("a2.png").pixels, 8)
    np.testing.assert_array_equal(got, expected)
    ended = command(
        capfd, "evaluate", "--model", "run", "--data", "hr", "--scale", "2",
        "--save-images", "sr", "--json", "t.json",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert json.loads((tmp_path / "t.json").read_text())["scale"] == 2
    lr = imresize(images.quantize(photo, 8), 0.5) / np.float32(255)
    expected = images.quantize(level_of(network, lr, 2), 8)
    got = images.quantize(images.read("sr/hr/a_x2.png").pixels, 8)
    np.testing.assert_array_equal(got, expected)
