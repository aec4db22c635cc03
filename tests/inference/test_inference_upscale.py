"""`upscale`: networks, sizes, channels, and what it refuses."""

import keras
import numpy as np
import pytest
from checks import randomized, smooth
from refiners import identity, refiner

import sr_keras
from sr_keras import models
from sr_keras.imaging import color, dihedral
from sr_keras.imaging.resize import imresize, output_size
from sr_keras.inference.upscale import upscale
from sr_keras.models import artifact
from sr_keras.models.layers import FixedUpsample
from sr_keras.models.network import Network


@pytest.mark.parametrize(
    ("scale", "size", "expected"),
    [
        (None, None, (22, 26)),
        (3, None, (33, 39)),
        (2.37, None, (27, 31)),
        ((1.5, 2), None, (17, 26)),
        (None, (44, 52), (44, 52)),
        (None, (23, 27), (23, 27)),
        (2, (22, 25), (22, 25)),
        (np.float32(2), None, (22, 26)),
        ([2, 3], None, (22, 39)),
    ],
)
@pytest.mark.parametrize("kind", ["bare", "wrapped", "bicubic"])
def test_upscale_by_any_factor(scale, size, expected, kind):
    image = smooth(11, 13)
    model = {
        "bare": identity(),
        "wrapped": models.build("zssr", 2, num_layers=2, num_filters=2),
        "bicubic": "bicubic",
    }[kind]
    got = upscale(image, model, scale, size, keep_colours=False)
    assert got.shape == (*expected, 3)
    assert got.dtype == np.float32
    assert 0 <= got.min() <= got.max() <= 1
    factors = scale
    if scale is None:
        factors = 2 if size is None else np.divide(size, (11, 13))
    likely = np.clip(imresize(image, factors, expected), 0, 1)
    np.testing.assert_allclose(got, likely, rtol=0, atol=0.03)
    if kind != "wrapped":
        np.testing.assert_allclose(got, likely, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", models.CLASSICAL)
def test_upscale_by_a_classical_method(name):
    image = smooth(11, 13, 1)
    for scale in (2, 2.37, (1.5, 3)):
        expected = np.clip(imresize(image, scale, kernel=name), 0, 1)
        np.testing.assert_allclose(
            upscale(image, name, scale), expected, rtol=0, atol=1e-6
        )


def test_upscale_with_a_file_and_a_folder(tmp_path):
    image, network = smooth(12, 10), refiner()
    artifact.save(network, tmp_path / artifact.BEST)
    expected = sr_keras.upscale(image, network)
    for model in (tmp_path, str(tmp_path / artifact.BEST)):
        np.testing.assert_array_equal(upscale(image, model), expected)


def test_upscale_unwraps_a_refiner():
    image, network = smooth(12, 10), refiner()
    wrapped = models.pre_upsampled.Interpolated(network, 2)
    np.testing.assert_array_equal(
        upscale(image, wrapped), upscale(image, network)
    )
    plain = {"self_ensemble": False, "keep_colours": False}
    single = upscale(image, wrapped, **plain)
    np.testing.assert_allclose(
        single, np.clip(wrapped(image[None])[0], 0, 1), rtol=0, atol=1e-5
    )
    assert np.abs(single - upscale(image, wrapped)).max() > 1e-3


def test_upscale_back_projects():
    image, network = smooth(16, 16), refiner()

    def error(rounds):
        sr = upscale(image, network, back_projection=rounds)
        return np.abs(imresize(sr, 0.5) - image).mean()

    assert error(3) < error(0) / 2


def test_upscale_takes_the_refiners_own_pair_of_factors():
    assert upscale(smooth(10, 10), refiner((1.5, 2))).shape == (15, 20, 3)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("model", ["bicubic", "zssr"])
def test_upscale_leaves_its_input_alone(dtype, model):
    image = (smooth(8, 8) * 1.5).astype(dtype)
    image.setflags(write=False)
    before = image.copy()
    model = refiner() if model == "zssr" else model
    got = upscale(image, model, scale=1)
    assert got.dtype == np.float32
    assert not np.shares_memory(got, image)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (7, 3)])
@pytest.mark.parametrize("scale", [2, 2.37])
def test_upscale_of_tiny_images(size, scale):
    image = smooth(*size)
    got = upscale(image, refiner(layers=8), scale, back_projection=2)
    assert got.shape == (*output_size(size, (scale, scale)), 3)
    assert np.isfinite(got).all()


class Doubling(Network):
    def __init__(self, scale=2, **kwargs):
        inputs = keras.Input((None, None, 3))
        super().__init__(inputs, FixedUpsample(2)(inputs), scale, **kwargs)


def test_upscale_with_a_network_of_one_factor():
    image, network = smooth(9, 8), Doubling(name="doubling")
    expected = np.clip(imresize(image, 2), 0, 1)
    for options in ({}, {"scale": 2}, {"size": (18, 16)}):
        np.testing.assert_allclose(
            upscale(image, network, **options), expected, rtol=0, atol=1e-6
        )


@pytest.mark.parametrize(
    ("options", "factor"),
    [
        ({"scale": 1.5}, 2),
        ({"scale": (2, 1.5)}, 2),
        ({"size": (17, 15)}, 2),
        ({"scale": 3}, 4),
        ({"scale": (2.37, 7)}, 8),
    ],
)
def test_other_factors_go_by_the_next_larger_one(options, factor):
    image, network = smooth(9, 8), Doubling(name="doubling")
    larger = image
    for _ in range(round(np.log2(factor))):
        larger = np.clip(imresize(larger, 2), 0, 1)
    size = options.get("size") or output_size(
        image.shape, np.broadcast_to(options["scale"], 2)
    )
    scale = options.get("scale") or np.divide(size, image.shape[:2])
    back = tuple(np.broadcast_to(scale, 2) / factor)
    expected = np.clip(imresize(larger, back, size), 0, 1)
    got = upscale(image, network, **options)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)


def local(channels=3, scale=2):
    """A network of one factor that is none of its own turns."""
    return randomized(
        models.build(
            *("espcn", scale),
            num_filters=[4],
            kernel_sizes=[3, 3],
            channels=channels,
        )
    )


def test_self_ensemble_of_a_network_of_one_factor():
    image, network = smooth(9, 8), local()
    plain = upscale(image, network)
    np.testing.assert_allclose(
        plain, np.clip(network(image[None])[0], 0, 1), rtol=0, atol=1e-6
    )
    views = []
    for turn in dihedral.TURNS:
        view = np.ascontiguousarray(dihedral.turned(image, turn))
        view = np.asarray(network(view[None]))[0]
        views.append(dihedral.restored(view, turn))
    got = upscale(image, network, self_ensemble=True)
    expected = np.clip(np.mean(views, axis=0), 0, 1)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6)
    assert np.abs(got - plain).max() > 1e-3


def by_hand(image, network):
    """Y through the network, the rest interpolated."""
    ycbcr = color.rgb_to_ycbcr(image).astype("float32")
    luma = np.asarray(network(ycbcr[None, ..., :1]))[0]
    chroma = imresize(ycbcr[..., 1:], 2)
    rgb = color.ycbcr_to_rgb(np.concatenate([luma, chroma], axis=-1))
    return np.clip(rgb, 0, 1)


@pytest.mark.parametrize("kind", ["espcn", "srcnn", "lapsrn"])
def test_luma_networks_leave_the_colours(kind):
    network = {
        "espcn": local(channels=1),
        "srcnn": randomized(
            models.build("srcnn", 2, num_filters=[4, 3], kernel_sizes=[3, 1, 3])
        ),
        # Of RGB, unless its paper is followed in this.
        "lapsrn": randomized(
            models.build("lapsrn", 2, num_layers=1, num_filters=3, channels=1)
        ),
    }[kind]
    image = smooth(9, 8)
    got = upscale(image, network)
    assert got.dtype == np.float32
    expected = by_hand(image, network)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)
    grey = upscale(image[..., :1], network)
    expected = by_hand(image[..., [0, 0, 0]], network)[..., :1]
    np.testing.assert_allclose(grey, expected, rtol=0, atol=1e-5)


def test_a_luma_network_that_changes_nothing_is_bicubic():
    network = models.build(
        "srcnn", 3, num_filters=[1, 1], kernel_sizes=[1, 1, 1]
    )
    network.network.set_weights(
        [np.full_like(w, float(w.ndim > 1)) for w in network.get_weights()]
    )
    for image in (smooth(9, 8), smooth(9, 8, 1), smooth(9, 8, 4)):
        expected = np.clip(imresize(image, 3), 0, 1)
        got = upscale(image, network)
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)


def test_a_luma_refiner_takes_any_factor():
    network = models.build("srcnn", 2, num_filters=[2, 2])
    assert upscale(smooth(10, 8), network, 2.5).shape == (25, 20, 3)


def test_grey_through_a_network_for_colours():
    image, network = smooth(9, 8, 1), local()
    three = np.asarray(network(image[None, ..., [0, 0, 0]]))[0]
    expected = np.clip(three.mean(axis=-1, keepdims=True), 0, 1)
    got = upscale(image, network)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_alpha_is_interpolated(channels):
    image, network = smooth(9, 8, channels + 1), local()
    got = upscale(image, network)
    colours = upscale(image[..., :-1], network)
    np.testing.assert_array_equal(got[..., :-1], colours)
    alpha = np.clip(imresize(image[..., -1:], 2), 0, 1)
    np.testing.assert_allclose(got[..., -1:], alpha, rtol=0, atol=1e-6)


def test_more_channels_than_there_are_colours():
    with pytest.raises(
        ValueError, match="espcn is a network for RGB.* 5 bands"
    ):
        upscale(smooth(6, 6, 5), local())
    with pytest.raises(ValueError, match="zssr is a network for RGB.* 4 bands"):
        upscale(smooth(6, 6, 4), refiner())


@pytest.mark.parametrize("scale", [0, 0.5, -2, 17, float("nan"), (1, 2, 3)])
@pytest.mark.parametrize("model", ["bicubic", "zssr"])
def test_upscale_refuses_factors(scale, model):
    model = refiner() if model == "zssr" else model
    with pytest.raises(ValueError, match="scale") as info:
        upscale(smooth(6, 6), model, scale)
    number = scale[-1] if isinstance(scale, tuple) else scale
    assert f"{number:g}" in str(info.value)


@pytest.mark.parametrize("size", [(5, 12), (12, 0), (12.5, 12), (12, 12, 3)])
def test_upscale_refuses_sizes(size):
    with pytest.raises(ValueError):
        upscale(smooth(6, 6), "bicubic", size=size)


@pytest.mark.parametrize("model", ["bicubic", "zssr"])
def test_upscale_refuses_what_is_no_image(model):
    model = refiner() if model == "zssr" else model
    with pytest.raises(TypeError, match="uint8: divide it by 255"):
        upscale((smooth(6, 6) * 255).astype("uint8"), model)
    with pytest.raises(ValueError, match=r"\(6, 6\)"):
        upscale(smooth(6, 6)[..., 0], model)
    with pytest.raises(ValueError, match=r"\(0, 6, 3\)"):
        upscale(smooth(6, 6)[:0], model)


def test_upscale_refuses_other_channels():
    with pytest.raises(ValueError, match="zssr is a network for RGB.* 1 band:"):
        upscale(smooth(6, 6, 1), refiner())


def test_upscale_without_a_model(tmp_path):
    with pytest.raises(FileNotFoundError, match="bicubic"):
        upscale(smooth(6, 6), tmp_path / "none.keras")
