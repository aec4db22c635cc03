"""Python functions say in one line what is wrong with what they are given."""

import keras
import numpy as np
import pytest
from checks import picture, smooth

import sr_keras
from sr_keras.evaluation import metrics
from sr_keras.imaging import images
from sr_keras.imaging.resize import imresize
from sr_keras.inference.refine import Finish


def spoilt(value):
    image = smooth(20, 24)
    image[5, 5] = value
    return image


IMAGES = [
    (255 * smooth(20, 24), ValueError, r"in \[0, 1\]; .*: divide by 255$"),
    (60000 * smooth(20, 24), ValueError, "from .* divide by 65535$"),
    (1e9 * smooth(20, 24), ValueError, "bring them to that range$"),
    (np.linspace(-1, 1, 300).reshape(10, 10, 3), ValueError,
     "from -1 to 1: add 1 and divide by 2$"),
    (spoilt(np.nan), ValueError, "has 3 values that are not finite"),
    (spoilt(np.inf), ValueError, "has 3 values that are not finite"),
    (spoilt(-np.inf), ValueError, "has 3 values that are not finite"),
    (np.full((8, 8, 3), 255, "uint8"), TypeError, "uint8: divide it by 255"),
    (np.full((8, 8, 3), 9, "uint16"), TypeError, "uint16: .* 65535"),
    (smooth(8, 8) + 0j, TypeError, "not complex64"),
    ([["a"]], TypeError, "not <U1"),
    (None, TypeError, "not object"),
    (smooth(8, 8)[..., 0], ValueError, r"not \(8, 8\): .* width, 1\)"),
    (smooth(8, 8)[None], ValueError, r"not \(1, 8, 8, 3\): give one image"),
    (smooth(8, 8)[:0], ValueError, r"not \(0, 8, 3\)"),
]  # fmt: skip


@pytest.mark.parametrize(("image", "error", "message"), IMAGES)
def test_images(image, error, message, tmp_path):
    path = tmp_path / "x.png"
    like = images.Image(smooth(4, 4))
    calls = {
        "upscale": lambda: sr_keras.upscale(image, "bicubic", 2),
        "from_working": lambda: images.from_working(image, like),
        "write": lambda: images.write(path, images.Image(np.asarray(image))),
    }
    for call in calls.values():
        with pytest.raises(error, match=message) as info:
            call()
        assert "\n" not in str(info.value)
    assert not path.exists()


@pytest.mark.parametrize("model", ["fast", "bicubic"])
def test_channels_first(model):
    image = smooth(20, 24).transpose(2, 0, 1)
    with pytest.raises(ValueError, match=r"\(3, 20, 24\), which looks like"):
        sr_keras.upscale(image, model, 2)
    # So small it may be anything, and a strip of pixels is an image.
    assert sr_keras.upscale(smooth(3, 50), model, 2).shape == (6, 100, 3)
    assert sr_keras.upscale(smooth(3, 8, 4), model, 2).shape == (6, 16, 4)


def test_a_network_for_many_bands_has_thin_images():
    network = sr_keras.build("espcn", 2, channels=20, num_filters=(4, 4))
    assert sr_keras.upscale(smooth(3, 30, 20), network).shape == (6, 60, 20)


def test_overshoot_is_clipped(tmp_path):
    image = np.float32([[[-0.4], [1.6]]])
    result = images.from_working(image, images.Image(smooth(2, 2, 1)))
    assert result.pixels.ravel().tolist() == [0, 1]
    images.write(tmp_path / "x.png", images.Image(image))
    assert images.read(tmp_path / "x.png").pixels.ravel().tolist() == [0, 1]


@pytest.mark.parametrize("name", ["psnr", "ssim", "ms_ssim", "zncc"])
def test_metrics(name):
    compute, image = getattr(metrics, name), smooth(20, 24)
    for bad, message in (
        (255 * image, "sr has to be in .* divide by 255"),
        (spoilt(np.nan), "sr has 3 values that are not finite"),
    ):
        with pytest.raises(ValueError, match=message):
            compute(bad, image)


@pytest.mark.parametrize("count", [5, 7])
def test_bands_that_no_network_takes(count):
    with pytest.raises(ValueError, match=f"for grey or RGB, .* {count} bands"):
        sr_keras.upscale(picture(20, 24, count), "fast", 2)


@pytest.mark.parametrize(
    "model", [keras.Sequential(), None, 3, smooth(4, 4), ["fast"]]
)
def test_other_objects_than_networks(model, tmp_path):
    kind = type(model).__name__
    for call in (
        lambda: sr_keras.upscale(smooth(20, 24), model, 2),
        lambda: sr_keras.export(model, tmp_path / "x.tflite"),
    ):
        with pytest.raises(TypeError, match=f"or its name, not {kind}: make"):
            call()
    with pytest.raises(TypeError, match=f"a name or a path, not {kind}"):
        sr_keras.load(model)


@pytest.mark.parametrize("scale", ["2", b"2", {}, ("2", "2"), 2j, [None, 2]])
def test_scales_that_are_no_numbers(scale, tmp_path):
    image = smooth(20, 24)
    for call in (
        lambda: sr_keras.upscale(image, "fast", scale),
        lambda: sr_keras.upscale(image, "fast", size=scale),
        lambda: sr_keras.load("fast", scale),
        lambda: sr_keras.export("fast", tmp_path / "x.tflite", scale),
        lambda: imresize(image, scale),
    ):
        with pytest.raises(TypeError, match="takes a number or a pair") as info:
            call()
        assert repr(scale) in str(info.value)
    with pytest.raises(ValueError, match="whole number from 1 to 16") as info:
        sr_keras.build("espcn", scale)
    assert f"not {scale!r}" in str(info.value)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"back_projection": "2"}, TypeError, "back-projection .* not '2'"),
        ({"back_projection": 1.5}, TypeError, "back-projection .* not 1.5"),
        ({"back_projection": -1}, ValueError, "takes 0 or more, not -1"),
        ({"tile": "auto"}, TypeError, "tile takes a whole number, not 'auto'"),
        ({"tile": 8}, ValueError, "tile takes 16 or more, not 8"),
        ({"memory": "1 GB"}, TypeError, "memory takes a whole number"),
    ],
)
def test_numbers(options, error, message):
    with pytest.raises(error, match=message):
        sr_keras.upscale(smooth(20, 24), "fast", 2, **options)
    with pytest.raises(error, match=message):
        Finish(**options)


@pytest.mark.parametrize("value", [None, smooth(4, 4), "a.png"])
def test_what_is_no_image(value, tmp_path):
    with pytest.raises(TypeError, match="is no Image: images.Image"):
        images.write(tmp_path / "x.png", value)
    with pytest.raises(TypeError, match="is no Image: give the one"):
        images.from_working(smooth(4, 4), value)
