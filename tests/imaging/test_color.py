import numpy as np
import pytest
from skimage import color as reference

from sr_keras.imaging.color import (
    lab,
    luma,
    rgb_to_ycbcr,
    ycbcr_to_rgb,
    yiq_luma,
)

FUNCTIONS = [luma, yiq_luma, rgb_to_ycbcr, ycbcr_to_rgb]


def picture(*shape):
    return np.random.default_rng(0).random((*shape, 3))


def test_lab():
    rgb = picture(9, 9).astype("float32")
    np.testing.assert_allclose(
        lab(rgb), reference.rgb2lab(rgb), rtol=0, atol=0.02
    )


def test_agrees_with_scikit_image():
    rgb = picture(9, 7)
    ycbcr = reference.rgb2ycbcr(rgb) / 255
    np.testing.assert_allclose(rgb_to_ycbcr(rgb), ycbcr, atol=1e-14)
    np.testing.assert_allclose(luma(rgb), ycbcr[..., :1], atol=1e-14)
    yiq = reference.rgb2yiq(rgb)
    np.testing.assert_allclose(yiq_luma(rgb), yiq[..., :1], atol=1e-7)


def test_the_codes_of_the_standard():
    black, white = np.zeros((1, 1, 3)), np.ones((1, 1, 3))
    red = np.array([[[1.0, 0, 0]]])
    codes = [rgb_to_ycbcr(x).ravel() * 255 for x in (black, white, red)]
    np.testing.assert_allclose(codes[0], [16, 128, 128], atol=1e-12)
    np.testing.assert_allclose(codes[1], [235, 128, 128], atol=1e-12)
    np.testing.assert_allclose(codes[2], [81.481, 90.203, 240], atol=1e-12)
    assert yiq_luma(white).item() == pytest.approx(1, abs=1e-12)
    assert yiq_luma(black).item() == 0


def test_there_and_back():
    rgb = picture(5, 6)
    back = ycbcr_to_rgb(rgb_to_ycbcr(rgb))
    np.testing.assert_allclose(back, rgb, atol=1e-14)
    ycbcr = picture(5, 6)
    assert ycbcr_to_rgb(ycbcr).min() < 0  # nothing is clipped


def test_grey_is_three_equal_channels():
    grey = picture(4, 4)[..., :1]
    equal = grey.repeat(3, axis=-1)
    for function in (luma, yiq_luma, rgb_to_ycbcr):
        np.testing.assert_allclose(function(grey), function(equal))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_arrays_are_computed_in_float64(function):
    rgb = picture(4, 4).astype(np.float32)
    got = function(rgb)
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, function(rgb.astype(np.float64)))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_tensors_keep_their_dtype_and_agree(function):
    from keras import ops

    rgb = picture(2, 4, 5)
    for dtype, tolerance in (("float32", 1e-6), ("float64", 1e-14)):
        got = function(ops.convert_to_tensor(rgb.astype(dtype)))
        assert got.dtype == dtype
        np.testing.assert_allclose(got, function(rgb), atol=tolerance)


def test_works_in_a_dataset_and_in_a_model():
    import keras
    import tensorflow as tf

    rgb = picture(2, 4, 5).astype(np.float32)
    expected = rgb_to_ycbcr(rgb)
    dataset = tf.data.Dataset.from_tensors(rgb).map(rgb_to_ycbcr)
    np.testing.assert_allclose(next(iter(dataset)), expected, atol=1e-6)
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, rgb_to_ycbcr(inputs))
    np.testing.assert_allclose(model(rgb), expected, atol=1e-6)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_refuses_other_arrays(function):
    with pytest.raises(TypeError, match="uint8: divide them by 255"):
        function(np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(ValueError, match=r"\(4, 4, 4\)"):
        function(np.zeros((4, 4, 4)))
