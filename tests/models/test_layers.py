import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from checks import needs_backend, picture, run_python

from sr_keras.imaging.resize import imresize
from sr_keras.models.layers import (
    BilinearKernel,
    EdgePad,
    FixedUpsample,
    MeanShift,
    PixelShuffle,
    pad_symmetric,
)

SIZES = [(1, 1), (1, 4), (2, 3), (3, 1), (9, 13), (16, 5)]


@pytest.mark.parametrize("scale", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("size", SIZES)
def test_upsample_is_imresize(scale, size):
    image = picture(*size)
    got = FixedUpsample(scale)(image[None])[0]
    np.testing.assert_allclose(got, imresize(image, scale), rtol=0, atol=1e-6)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_upsample_in_a_graph_of_unknown_size(scale, channels):
    layer = FixedUpsample(scale)
    graph = tf.function(
        layer, input_signature=[tf.TensorSpec((None, None, None, channels))]
    )
    for size in SIZES:
        images = np.stack([picture(*size, channels, seed) for seed in (0, 1)])
        expected = [imresize(image, scale) for image in images]
        np.testing.assert_allclose(graph(images), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("scale", [2, 3])
def test_upsample_in_a_pipeline(scale):
    image = picture(6, 5)
    layer = FixedUpsample(scale)
    data = tf.data.Dataset.from_tensors(image[None]).map(layer)
    got = next(iter(data.as_numpy_iterator()))[0]
    np.testing.assert_allclose(got, imresize(image, scale), rtol=0, atol=1e-6)


_UPSAMPLE = """
import sys
import numpy as np
from keras import ops
from sr_keras.models.layers import FixedUpsample
images = np.load(sys.argv[1])
assert "tensorflow" not in sys.modules
for scale in (2, 3, 4):
    result = ops.convert_to_numpy(FixedUpsample(scale)(images))
    np.save(f"{sys.argv[1]}.{scale}.npy", result)
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_upsample_under_other_backends(backend, tmp_path):
    needs_backend(backend)
    image = picture(5, 7)
    np.save(tmp_path / "images.npy", image[None])
    run_python(_UPSAMPLE, tmp_path / "images.npy", backend=backend)
    for scale in (2, 3, 4):
        got = np.load(tmp_path / f"images.npy.{scale}.npy")[0]
        np.testing.assert_allclose(
            got, imresize(image, scale), rtol=0, atol=1e-6
        )


def test_upsample_knows_its_shape():
    layer = FixedUpsample(3)
    assert layer.compute_output_shape((2, 4, 5, 1)) == (2, 12, 15, 1)
    assert layer.compute_output_shape((None, None, 5, 1)) == (None, None, 15, 1)
    inputs = keras.Input((None, 7, 3))
    assert layer(inputs).shape == (None, None, 21, 3)
    assert not layer.weights


def test_upsample_has_gradients():
    image = tf.constant(picture(4, 4)[None])
    with tf.GradientTape() as tape:
        tape.watch(image)
        total = tf.reduce_sum(FixedUpsample(2)(image))
    # Every input pixel is handed on whole: the phases' weights sum to 4.
    gradient = tape.gradient(total, image)[0, 1:-1, 1:-1].numpy()
    assert np.isfinite(gradient).all()
    assert gradient.min() > 2


def test_upsample_configuration():
    layer = FixedUpsample(3, name="up")
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )
    assert (type(again), again.scale, again.name) == (FixedUpsample, 3, "up")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("border", [0, 1, 2, 5])
def test_symmetric_padding_is_numpys(size, border):
    image = picture(*size)
    expected = np.pad(
        image, ((border, border), (border, border), (0, 0)), mode="symmetric"
    )
    got = pad_symmetric(tf.constant(image[None]), border)[0]
    np.testing.assert_array_equal(got, expected)


def test_symmetric_padding_in_a_graph():
    graph = tf.function(
        lambda x: pad_symmetric(x, 3),
        input_signature=[tf.TensorSpec((None, None, None, 2))],
    )
    for size in SIZES:
        image = picture(*size, 2)
        expected = np.pad(image, ((3, 3), (3, 3), (0, 0)), mode="symmetric")
        np.testing.assert_array_equal(graph(image[None])[0], expected)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("border", [0, 1, 3])
def test_edge_padding_is_numpys(size, border):
    image = picture(*size)
    expected = np.pad(image, [(border,) * 2] * 2 + [(0, 0)], mode="edge")
    layer = EdgePad(border)
    np.testing.assert_array_equal(layer(image[None])[0], expected)
    assert layer.compute_output_shape((1, *size, 3))[1:] == expected.shape
    graph = tf.function(
        layer, input_signature=[tf.TensorSpec((None, None, None, 3))]
    )
    np.testing.assert_array_equal(graph(image[None])[0], expected)


def test_pixel_shuffle_puts_the_phases_side_by_side():
    layer = PixelShuffle(2)
    features = np.arange(2 * 3 * 8, dtype="float32").reshape(1, 2, 3, 8)
    shuffled = np.asarray(layer(features))[0]
    assert shuffled.shape == (4, 6, 2)
    for y, x in np.ndindex(2, 2):
        phase = 2 * (2 * y + x)
        np.testing.assert_array_equal(
            shuffled[y::2, x::2], features[0, ..., phase : phase + 2]
        )
    assert layer.compute_output_shape((None, None, 3, 8)) == (None, None, 6, 2)


def test_mean_shift_and_back():
    there = MeanShift((0.25, 0.5, 0.75), 255)
    images = picture(3, 4)[None]
    shifted = np.asarray(there(images))
    expected = (images - [0.25, 0.5, 0.75]) * 255
    np.testing.assert_allclose(shifted, expected, rtol=0, atol=1e-4)
    back = MeanShift((0.25, 0.5, 0.75), 255, undo=True)
    np.testing.assert_allclose(back(shifted), images, rtol=0, atol=1e-6)
    assert there.compute_output_shape((None, 3, 4, 3)) == (None, 3, 4, 3)
    grey = MeanShift((0.5,))(images)
    np.testing.assert_allclose(grey, images - 0.5, rtol=0, atol=1e-6)


def test_bilinear_weights_interpolate_each_channel():
    kernel = np.asarray(BilinearKernel()((4, 4, 2, 2)))
    line = np.array([0.25, 0.75, 0.75, 0.25])
    np.testing.assert_allclose(kernel[:, :, 0, 0], np.outer(line, line))
    np.testing.assert_array_equal(kernel[:, :, 0, 1], np.zeros((4, 4)))
    up = keras.layers.Conv2DTranspose(
        2, 4, strides=2, padding="same", kernel_initializer=BilinearKernel()
    )
    image = picture(6, 7, 2)
    expected = imresize(image, 2, kernel="bilinear")[2:-2, 2:-2]
    got = np.asarray(up(image[None]))[0, 2:-2, 2:-2]
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "thing",
    [
        PixelShuffle(3, name="a"),
        EdgePad(2, name="b"),
        MeanShift((0.1, 0.2, 0.3), 255, undo=True, name="c"),
        BilinearKernel(),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_layers_survive_json(thing):
    config = keras.saving.serialize_keras_object(thing)
    assert config["registered_name"].startswith("sr_keras>")
    again = keras.saving.deserialize_keras_object(
        json.loads(json.dumps(config))
    )
    assert type(again) is type(thing)
    assert again.get_config() == thing.get_config()
