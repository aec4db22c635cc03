import time

import numpy as np
import pytest
from checks import picture, smooth

from pipelines.zero_shot.crops import (
    detail,
    detailed_part,
    father_view,
    window_of,
)
from sr_keras.imaging.resize import imresize

SCALES = [(0.5, 0.5), (0.75, 0.6), (0.37, 0.93), (1, 1), (1, 0.5), (1.3, 0.8)]


def whole(image, scale):
    """The father of the whole image, and its size."""
    size = [round(n * s) for n, s in zip(image.shape, scale, strict=False)]
    return father_view(image, scale, 0.0, (0, 0, *size))


def counter(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("scale", SCALES)
def test_a_father_is_imresize(scale):
    image = picture(40, 30)
    father = whole(image, scale)
    expected = imresize(image, scale, father.shape[:2])
    assert father.dtype == np.float32
    np.testing.assert_allclose(father, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("shear", [0.0, 0.2])
def test_a_window_is_a_part_of_the_father(scale, shear):
    image = picture(60, 50)
    full = father_view(image, scale, 0.0, (0, 0, 30, 25))
    top, left = 7, 5
    part = father_view(image, scale, shear, (top, left, 11, 9))
    assert part.shape == (11, 9, 3)
    expected = full[top : top + 11, left : left + 9]
    if shear:
        # The middle row stays where it is; the others move sideways.
        np.testing.assert_allclose(part[5], expected[5], rtol=0, atol=1e-6)
        assert np.abs(part[0] - expected[0]).max() > 0.01
    else:
        np.testing.assert_allclose(part, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [1, 8, 20])
def test_a_father_at_scale_one_is_an_exact_crop(size):
    image = picture(40, 30)
    for seed in range(20):
        window = window_of(image.shape, (1.0, 1.0), size, counter(seed))
        top, left = window[:2]
        np.testing.assert_array_equal(
            father_view(image, (1.0, 1.0), 0.0, window),
            image[top : top + size, left : left + size],
        )


@pytest.mark.parametrize("shape", [(6, 9), (1, 1), (20, 3), (1, 40)])
@pytest.mark.parametrize("scale", [(1.0, 1.0), (0.5, 0.7)])
def test_beyond_the_edge_the_image_is_mirrored(shape, scale):
    image = picture(*shape)
    # Around a mirrored image there is nothing new, so it can be cut larger.
    pad = 60
    large = np.pad(image, ((pad, pad), (pad, pad), (0, 0)), mode="symmetric")
    window = (-5, -8, 24, 30)
    at = tuple(
        int(np.ceil(-w / s)) for w, s in zip(window[:2], scale, strict=True)
    )
    # Both grids agree where the padding is whole in the father's pixels.
    shift = [round(pad * s) for s in scale]
    assert max(at) < pad
    expected = father_view(
        large, scale, 0.0, (window[0] + shift[0], window[1] + shift[1], 24, 30)
    )
    got = father_view(image, scale, 0.0, window)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("shear", [0.3, -0.3])
def test_shear_moves_rows_sideways(shear):
    y, x = np.mgrid[:64, :64].astype("float32")
    ramp = np.stack([x, y, x + y], axis=-1)
    window = (20, 20, 21, 24)
    straight = father_view(ramp, (1.0, 1.0), 0.0, window)
    view = father_view(ramp, (1.0, 1.0), shear, window)
    moved = shear * (np.arange(21) - 10)[:, None]
    np.testing.assert_allclose(
        view[..., 0], straight[..., 0] + moved, rtol=0, atol=1e-4
    )
    np.testing.assert_allclose(
        view[..., 1], straight[..., 1], rtol=0, atol=1e-4
    )


@pytest.mark.parametrize("scale", [(0.5, 0.5), (0.8, 0.4), (1.2, 1.0)])
@pytest.mark.parametrize("shear", [0.0, 0.15])
def test_only_the_window_is_touched(scale, shear):
    """Pixels that are far away may be anything."""
    window = (30, 25, 16, 16)
    image = picture(200, 180)
    expected = father_view(image, scale, shear, window)
    spoiled = np.full_like(image, np.nan)
    near = tuple(
        slice(int(corner / s) - 14, int((corner + 16) / s) + 14)
        for corner, s in zip(window, scale, strict=False)
    )
    spoiled[near] = image[near]
    got = father_view(spoiled, scale, shear, window)
    np.testing.assert_array_equal(got, expected)


def test_a_huge_image_costs_no_more():
    """19 GB, were all of its pixels there."""
    image = np.broadcast_to(np.float32(0.5), (40_000, 40_000, 3))
    start = time.perf_counter()
    for seed in range(20):
        window = window_of(image.shape, (0.5, 0.6), 64, counter(seed))
        detail(image, (0.5, 0.6), window)
        father_view(image, (0.5, 0.6), 0.1, window)
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize("shape", [(40, 30), (9, 100), (1, 1)])
@pytest.mark.parametrize("scale", [(1, 1), (0.5, 0.8)])
def test_windows_lie_within_the_father(shape, scale):
    full = [max(round(n * s), 8) for n, s in zip(shape, scale, strict=True)]
    corners = set()
    for seed in range(300):
        top, left, height, width = window_of(shape, scale, 12, counter(seed))
        assert (height, width) == (12, 12)
        for corner, n in ((top, full[0]), (left, full[1])):
            if n >= 12:
                assert 0 <= corner <= n - 12
            else:  # in its middle
                assert corner == (n - 12) // 2
        corners.add((top, left))
    places = np.prod([max(n - 12, 0) + 1 for n in full])
    assert len(corners) > 0.3 * min(places, 300)


def test_every_place_is_reached():
    tops = {
        window_of((20, 20), (1, 1), 16, counter(seed))[0] for seed in range(200)
    }
    assert tops == set(range(5))


@pytest.mark.parametrize(
    ("shape", "size"),
    [((40, 30), (20, 24)), ((1, 3), (8, 8)), ((7, 90), (8, 72))],
)
def test_no_crop_is_the_whole_father(shape, size):
    assert window_of(shape, (0.5, 0.8), None, counter()) == (0, 0, *size)


def test_detail_tells_flat_from_rich():
    image = smooth(60, 60) * 0.05
    image[30:, 30:] = picture(30, 30)
    flat = detail(image, (1, 1), (0, 0, 20, 20))
    rich = detail(image, (1, 1), (35, 35, 20, 20))
    assert 0 < flat < rich / 5
    # The same place in the father's own pixels.
    assert detail(image, (0.5, 0.5), (17, 17, 10, 10)) > flat * 5
    assert detail(np.ones((30, 30, 3)), (1, 1), (3, 3, 9, 9)) == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (3, 3)])
@pytest.mark.filterwarnings("error")
def test_detail_of_tiny_images(shape):
    window = window_of(shape, (0.5, 0.5), 16, counter())
    assert np.isfinite(detail(picture(*shape), (0.5, 0.5), window))


def test_the_detailed_part_is_small_and_has_detail():
    image = np.full((700, 520, 3), 0.5, "float32")
    image[500:600, 100:200] = picture(100, 100)
    part = detailed_part(image, 256)
    assert part.shape == (256, 256, 3)
    assert np.shares_memory(part, image)
    assert part.std() > 0.05
    small = smooth(200, 256)
    assert detailed_part(small, 256) is small
    assert detailed_part(smooth(9, 700), 256).shape == (9, 256, 3)
