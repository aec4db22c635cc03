import numpy as np
import pytest

from sr_keras.imaging.resize import imresize
from sr_keras.inference.color_correction import Measured, keep_colours

WEIGHTS = np.array([0.299, 0.587, 0.114])


def whole(lr, sr):
    return tuple(
        tuple(slice(0, n) for n in image.shape[:2]) for image in (lr, sr)
    )


def enlarged(seed, scale=(2, 2), channels=3):
    rng = np.random.default_rng(seed)
    lr = rng.random((12, 10, channels), "float32")
    sr = imresize(lr, scale) + 0.1 * rng.standard_normal(
        (round(12 * scale[0]), round(10 * scale[1]), channels), "float32"
    )
    return lr, sr.astype("float32")


@pytest.mark.parametrize("scale", [(2, 2), (2.5, 1.5)])
def test_grey_stays_grey_and_luma_stays(scale):
    lr, sr = enlarged(0, scale)
    lr[3:9, 2:8] = lr[3:9, 2:8, :1]
    kept = keep_colours(sr, lr, whole(lr, sr), scale)
    inner = kept[
        int(4 * scale[0]) + 1 : int(8 * scale[0]),
        int(3 * scale[1]) + 1 : int(7 * scale[1]),
    ]
    assert np.ptp(inner, axis=-1).max() == 0  # 16 bits would show the last bit
    assert inner.std() > 0.1
    np.testing.assert_allclose(kept @ WEIGHTS, sr @ WEIGHTS, atol=1e-6)


def test_colours_that_are_there_are_kept():
    rng = np.random.default_rng(1)
    lr = np.ones((8, 8, 3), "float32") * rng.random((1, 1, 3), "float32")
    lr[::2] = lr[::2, :, ::-1]
    sr = imresize(lr, 2)
    np.testing.assert_allclose(
        keep_colours(sr, lr, whole(lr, sr), (2, 2)), sr, atol=0.05
    )


def test_alpha_is_left_alone():
    lr, sr = enlarged(2, channels=4)
    kept = keep_colours(sr, lr, whole(lr, sr), (2, 2))
    np.testing.assert_array_equal(kept[..., 3], sr[..., 3])
    assert np.abs(kept[..., :3] - sr[..., :3]).max() > 0.01


def test_a_window_gives_what_the_whole_gives():
    lr, sr = enlarged(3)
    expected = keep_colours(sr, lr, whole(lr, sr), (2, 2))
    small, large = (slice(2, 10),) * 2, (slice(4, 20),) * 2
    got = keep_colours(sr[large], lr[small], (small, large), (2, 2))
    np.testing.assert_allclose(
        got[2:-2, 2:-2], expected[6:18, 6:18], rtol=0, atol=1e-6
    )


def test_differences_are_measured():
    rgb = np.random.default_rng(0).random((9, 9, 3), "float32")
    measured = Measured()
    measured.add(rgb * 0, rgb, rgb)
    assert measured.after == 0
    assert measured.before > 20
