import json

import keras
import numpy as np
import pytest
from PIL import Image

from sr_keras.models.classical import METHODS, Classical, interpolate


def picture(height=9, width=13, channels=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((height, width, channels), dtype=np.float32)


def run(model, image):
    return keras.ops.convert_to_numpy(model(image[None]))[0]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scale", [1, 2, 3, 4, 8])
def test_the_network_is_the_numpy_interpolation(method, scale):
    image = picture()
    got = run(Classical(method, scale), image)
    assert got.shape == (9 * scale, 13 * scale, 3)
    assert got.dtype == np.float32
    np.testing.assert_allclose(
        got, interpolate(image, method, scale), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("method", METHODS)
def test_one_network_takes_all_sizes_eager_and_in_a_graph(method):
    import tensorflow as tf

    model = Classical(method, 2, num_channels=1)
    graph = tf.function(
        model, input_signature=[tf.TensorSpec((None, None, None, 1))]
    )
    for height, width in ((1, 1), (2, 3), (40, 7), (700, 2)):
        image = picture(height, width, 1)
        expected = interpolate(image, method, 2)
        np.testing.assert_allclose(run(model, image), expected, atol=1e-5)
        np.testing.assert_allclose(graph(image[None])[0], expected, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_is_its_images(method):
    model = Classical(method, 3)
    images = np.stack([picture(seed=i) for i in range(4)])
    batch = keras.ops.convert_to_numpy(model.predict(images, verbose=0))
    one = [run(model, image) for image in images]
    np.testing.assert_allclose(batch, one, rtol=0, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_large_images_are_as_exact(method):
    image = picture(1000, 2, 1)
    got = run(Classical(method, 3, num_channels=1), image)
    expected = interpolate(image, method, 3)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_survives_saving(method, tmp_path):
    model = Classical(method, 2, num_channels=1, name="x")
    json.dumps(model.get_config())
    model.save(tmp_path / "x.keras")
    again = keras.saving.load_model(tmp_path / "x.keras")
    assert type(again) is Classical
    assert again.get_config() == model.get_config()
    assert again.scale == 2
    assert again.count_params() == 0
    image = picture(channels=1)
    np.testing.assert_array_equal(run(again, image), run(model, image))


@pytest.mark.parametrize("method", METHODS)
def test_gradients_flow(method):
    import tensorflow as tf

    x = tf.Variable(picture()[None])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(Classical(method, 2)(x))
    # Each input pixel counts for four output pixels, borders included: the
    # weights of a mirrored interpolation also sum to 1 the other way.
    gradient = tape.gradient(y, x)
    assert float(tf.reduce_sum(gradient)) == pytest.approx(4 * 9 * 13 * 3)


@pytest.mark.parametrize(
    "method, filter", [("bilinear", Image.BILINEAR), ("lanczos", Image.LANCZOS)]
)
def test_agrees_with_pillow_inside(method, filter):
    image = picture(20, 20, 1)[..., 0]
    theirs = np.asarray(Image.fromarray(image).resize((60, 60), filter))
    ours = interpolate(image, method, 3)
    inside = slice(9, -9)
    np.testing.assert_allclose(
        ours[inside, inside], theirs[inside, inside], atol=1e-5
    )


@pytest.mark.parametrize("method", METHODS)
def test_a_flat_image_stays_flat(method):
    flat = np.full((6, 5, 3), 0.3)
    got = interpolate(flat, method, (2.37, 1.5))
    assert got.shape == (15, 8, 3)
    np.testing.assert_allclose(got, 0.3, atol=1e-12)


def test_a_network_interpolates_by_any_factor():
    image = picture()
    got = Classical("lanczos", 2).interpolate(image, 1.7, (16, 20))
    expected = interpolate(image, "lanczos", 1.7, (16, 20))
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("method", METHODS)
def test_odd_factors_keep_the_pixels(method):
    image = picture()
    got = interpolate(image, method, 3)[1::3, 1::3]
    np.testing.assert_allclose(got, image, atol=1e-6)


def test_refuses_other_arguments():
    with pytest.raises(ValueError, match="'cubic2'.*nearest, .*fourier"):
        Classical("cubic2", 2)
    with pytest.raises(ValueError, match="'box'.*nearest, .*fourier"):
        interpolate(picture(), "box", 2)
    for scale in (0, 1.5, 17):
        for method in ("nearest", "fourier"):
            with pytest.raises(ValueError, match=f"1 to 16, not {scale}"):
                Classical(method, scale)
