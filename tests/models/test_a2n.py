import numpy as np
import pytest
from checks import NetworkContract, picture, randomized, smooth

from sr_keras import models
from sr_keras.imaging.resize import imresize
from sr_keras.models.a2n import A2N, Shared

SMALL = {
    "num_blocks": 2,
    "num_filters": 8,
    "up_filters": 4,
    "reduction": 1,
    "value_range": 1,
}


class TestA2N(NetworkContract):
    name = "a2n"
    parameters = 1_036_443
    small = SMALL


class TestA2Nx4(NetworkContract):
    name = "a2n"
    parameters = 1_047_459
    scale = 4
    small = {**SMALL, "skip": "nearest"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "scale", "count"),
    [("a2n", 3, 1_036_443), ("a2n-m", 2, 831_643), ("a2n-m", 4, 842_659)],
)
def test_parameters(name, scale, count):
    assert models.build(name, scale).count_params() == count


def silent(**arguments):
    """A network whose own part is zero."""
    network = randomized(A2N(**{**SMALL, **arguments}))
    last = network.get_layer("conv_last")
    last.set_weights([np.zeros_like(w) for w in last.get_weights()])
    return network


@pytest.mark.parametrize("skip", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_adds_to_the_interpolation(skip, scale):
    image = smooth(9, 7)
    got = silent(skip=skip, scale=scale)(image[None])[0]
    expected = imresize(image, scale, kernel=skip)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)


def test_the_range_is_inside():
    image = smooth(6, 6)
    one, wide = randomized(A2N(**SMALL)), A2N(**{**SMALL, "value_range": 255})
    wide.set_weights(one.get_weights())
    base = imresize(image, 2, kernel="bilinear")
    inner = np.asarray(one(255 * image[None]))[0] - 255 * base
    got = np.asarray(wide(image[None]))[0] - base
    np.testing.assert_allclose(got, inner / 255, rtol=0, atol=1e-4)


def test_branches_are_weighed_by_a_softmax():
    first, second = picture(3, 4)[None], picture(3, 4, seed=1)[None]
    logits = np.array([30.0, -15.0], "float32").reshape(1, 1, 1, 2)
    share = 1 / (1 + np.exp(-1.5))
    got = Shared()([first, second, logits])
    expected = share * first + (1 - share) * second
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6)


def test_attention_looks_at_the_whole_image():
    network = randomized(A2N(**SMALL))
    image = smooth(40, 40)
    changed = image.copy()
    changed[-4:, -4:] = 1 - changed[-4:, -4:]
    near = np.asarray(network(image[None]) - network(changed[None]))[0]
    assert np.abs(near[0, 0]).max() > 0
    assert network.reach is None


@pytest.mark.parametrize("scale", [1, 5, 8])
def test_scales(scale):
    with pytest.raises(ValueError, match=f"scale {scale}: use one of 2, 3, 4"):
        models.build("a2n", scale)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_blocks": 0}, "num_blocks is 1 or more, not 0"),
        ({"reduction": 0}, "reduction is 1 or more, not 0"),
        (
            {"num_filters": 3, "reduction": 4},
            "3 filters cannot be reduced by 4",
        ),
        ({"non_attention_size": 2}, "must be odd, not 2"),
        ({"value_range": 0}, "must be positive, not 0"),
        ({"skip": "cubic"}, "no skip 'cubic'"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        models.build("a2n", 2, **arguments)
