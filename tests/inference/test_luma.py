"""RGB images through networks for luma."""

import numpy as np
import pytest
from checks import picture, randomized

from sr_keras import models
from sr_keras.imaging.quantize import quantize
from sr_keras.imaging.resize import imresize
from sr_keras.inference import channels, luma
from sr_keras.inference.compiled import Runner
from sr_keras.models.classical import phases


def doubled(y, scale):
    """What stands for a network: not what interpolates the colours."""
    return y.repeat(scale, 0).repeat(scale, 1)


def found(image, scale, bits=None):
    return luma.enlarged(
        image, lambda y: doubled(y, scale), phases("bicubic", scale), bits
    )


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_same_as_channel_by_channel(scale):
    network = models.build("espcn", scale)
    image = picture(23, 31)
    expected = channels.enlarged(
        image,
        network,
        lambda y: doubled(y[..., 0], scale)[..., None],
        lambda x: imresize(x, scale),
    )
    got = found(image, scale)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("block", [1, 100, 1 << 20])
def test_blocks_leave_no_trace(monkeypatch, block):
    image = picture(40, 37)
    expected = found(image, 2)
    monkeypatch.setattr(luma, "_BLOCK", block)
    np.testing.assert_array_equal(found(image, 2), expected)
    part = found(image[7:30, 5:33], 2)[4:-4, 4:-4]
    np.testing.assert_array_equal(part, expected[18:56, 14:62])


@pytest.mark.parametrize("bits", [8, 16])
def test_numbers_of_files(bits):
    image = picture(40, 37) * 1.4 - 0.2
    codes = found(image, 2, bits)
    np.testing.assert_array_equal(codes, quantize(found(image, 2), bits))
    assert codes.min() == 0 and codes.max() == (1 << bits) - 1


def test_an_image_through_a_network():
    network = randomized(models.build("espcn", 2, num_filters=[64, 4]))
    image = picture(30, 20)
    expected = channels.enlarged(
        image,
        network,
        lambda y: np.asarray(network(y[None]))[0],
        lambda x: imresize(x, 2),
    )
    got = Runner(network, 3).picture(image)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)
