import numpy as np
import pytest
from checks import picture, smooth

from pipelines.degradation.chain import downscale, interpolate
from sr_keras.imaging.resize import downscale_with_kernel, imresize, output_size

SCALES = [(2, 2), (3, 3), (2.37, 2.37), (1.5, 2), (1, 1)]
BLUR = np.outer([1, 2, 1, 0, 0], [1, 2, 4, 2, 1]) / 40


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("size", [(16, 16), (11, 13), (1, 1), (7, 3)])
def test_downscale_is_matlabs(scale, size):
    image = picture(*size)
    down = tuple(1 / s for s in scale)
    got = downscale(image, scale)
    assert got.dtype == np.float32
    assert got.shape == (*output_size(size, down), 3)
    np.testing.assert_array_equal(got, imresize(image, down))


@pytest.mark.parametrize("scale", SCALES)
def test_downscale_with_a_kernel(scale):
    image = picture(16, 13)
    down = tuple(1 / s for s in scale)
    got = downscale(image, scale, BLUR)
    assert got.dtype == np.float32
    expected = downscale_with_kernel(image, BLUR, down)
    np.testing.assert_array_equal(got, expected)
    assert np.abs(got - downscale(image, scale)).max() > 0.01


@pytest.mark.parametrize("scale", SCALES)
def test_interpolate_is_matlabs(scale):
    image = picture(9, 7)
    size = output_size(image.shape, scale)
    got = interpolate(image, scale, size)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, imresize(image, scale))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("size", [(40, 33), (41, 35)])
def test_down_and_up_keeps_the_place(scale, size):
    """A pair is aligned, also where the factor does not divide the size."""
    image = smooth(*size)
    son = downscale(image, scale)
    again = interpolate(son, scale, size)
    assert again.shape == image.shape
    inner = (slice(6, -6), slice(6, -6))
    error = np.abs(again - image)[inner].mean()
    for moved in (image[1:], image[:, 1:]):
        height, width = moved.shape[:2]
        other = np.abs(again[:height, :width] - moved)[inner].mean()
        assert error < other
