"""Fathers as ZSSR's authors and the Keras port draw them, against OpenCV."""

import cv2
import numpy as np
import pytest
from checks import smooth
from pair_batches import AFFINE, IMAGE, SOURCES, batches, crops_of

from pipelines.zero_shot.augmentation import warped, warped_father
from pipelines.zero_shot.crops import father_view
from pipelines.zero_shot.pairs import Augmentation
from sr_keras import models
from sr_keras.imaging.resize import imresize

PAPER = models.recipe("zssr", "paper")["augmentation"]


@pytest.mark.parametrize("degrees", [0, 20, 90, 200])
@pytest.mark.parametrize("scale", [1.0, 0.6])
def test_warps_as_opencv_does(degrees, scale):
    """OpenCV rounds positions to 1/32 of a pixel; black is beyond the edge."""
    image = smooth(50, 60)
    matrix = np.eye(3)
    matrix[:2] = cv2.getRotationMatrix2D((29.5, 24.5), degrees, scale)
    expected = cv2.warpPerspective(
        image, matrix, (40, 44), flags=cv2.INTER_CUBIC
    )
    got = warped(image, matrix, (44, 40))
    assert np.abs(got - expected).mean() < 0.004
    assert np.abs(got - expected).max() < 0.1
    assert ((expected == 0).all(-1) == (got == 0).all(-1)).mean() > 0.99


@pytest.mark.parametrize("scale", [0.4, 0.7, 0.95])
def test_shrinks_as_opencv_does(scale):
    whole = cv2.resize(
        IMAGE, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC
    )
    window = (3, 5, 12, 10)
    got = father_view(IMAGE, (scale, scale), 0.0, window, antialias=False)
    np.testing.assert_allclose(got, whole[3:15, 5:15], rtol=0, atol=1e-5)


def test_a_sharp_view_is_mirrored_beyond_its_edge():
    view = father_view(IMAGE, (0.4, 0.4), 0.0, (-2, -3, 34, 30), False)
    inner = view[2:30, 3:27]
    expected = np.pad(inner, ((2, 4), (3, 3), (0, 0)), mode="symmetric")
    np.testing.assert_allclose(view, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("scale", [(0.5, 0.5), (2.37, 2.37), (1.5, 0.7)])
def test_resizes_floats_as_opencv_does(scale):
    got = imresize(IMAGE, scale, kernel="bicubic-opencv")
    y, x = scale
    height, width = (round(n * s) for n, s in zip((70, 60), scale, strict=True))
    expected = cv2.resize(
        IMAGE, None, fx=x, fy=y, interpolation=cv2.INTER_CUBIC
    )
    np.testing.assert_allclose(
        got[:height, :width], expected, rtol=0, atol=1e-5
    )


def test_the_articles_pairs_are_opencvs():
    article = models.recipe("zssr", "article")["augmentation"]
    augmentation = Augmentation(**{**article, "crop_sizes": (16,)})
    how = {"interpolation": "bicubic-opencv"}
    for sons, fathers in batches(augmentation, 5, **how):
        son = cv2.resize(fathers[0], (8, 8), interpolation=cv2.INTER_CUBIC)
        son = cv2.resize(son, (16, 16), interpolation=cv2.INTER_CUBIC)
        np.testing.assert_allclose(sons[0], son, rtol=0, atol=1e-5)


def drawn(count=300, size=24, sources=SOURCES, turning=True, **changed):
    augmentation = Augmentation(**{**PAPER, **changed})
    for seed in range(count):
        rng = np.random.default_rng(seed)
        place = rng.random()
        yield warped_father(sources, augmentation, turning, rng, place, size)


def test_the_paper_draws_crops_turned_ones_and_warped_ones():
    """As is, 0.05; turned, 0.45: 0.05 of those are not."""
    crops = crops_of(IMAGE, 24)
    kinds = {"crop": 0, "turned": 0, "warped": 0}
    for father in drawn(600, size=24):
        assert father.min() >= 0
        assert father.max() <= 1
        views = [np.rot90(f, k) for f in (father, father[:, ::-1])
                 for k in range(4)]  # fmt: skip
        found = [np.ascontiguousarray(v).tobytes() in crops for v in views]
        kinds["crop" if found[0] else "turned" if any(found) else "warped"] += 1
    # A quarter of those turned by 90 degrees lies beyond the edge in part.
    assert kinds["crop"] / 600 == pytest.approx(0.05 + 0.45 / 8, abs=0.04)
    assert kinds["turned"] / 600 == pytest.approx(0.45 * 7 / 8, abs=0.1)


def test_black_lies_beyond_the_edge():
    white = [(np.ones((30, 30, 1), "float32"), (1.0, 1.0))]
    fathers = list(drawn(40, 30, white, **AFFINE, father_scale=(0.5, 0.5)))
    shares = [(father == 0).mean() for father in fathers]
    assert np.mean(shares) > 0.5
    assert max(father.max() for father in fathers) == 1


def test_nothing_is_turned_for_a_kernel_that_has_a_direction():
    crops = crops_of(IMAGE, 24)
    still = {"as_is": 0.0, "no_interpolation": 1.0}
    for father in drawn(20, turning=False, **still):
        assert father.tobytes() in crops


def test_a_father_comes_from_the_smallest_source_that_is_large_enough():
    sources = [
        (np.full((40, 40, 1), level, "float32"), (scale, scale))
        for level, scale in ((0.2, 1.0), (0.4, 1.5), (0.6, 2.0))
    ]
    seen = [
        round(float(f.max()), 1)
        for f in drawn(200, 8, sources, as_is=0.0, no_interpolation=1.0)
    ]
    # Sizes are drawn from 0.5 to 2.
    for level, share in ((0.2, 1 / 3), (0.4, 1 / 3), (0.6, 1 / 3)):
        assert seen.count(level) / 200 == pytest.approx(share, abs=0.1)
    as_is = {"as_is": 1.0, "no_interpolation": 0.0}
    seen = {round(float(f.max()), 1) for f in drawn(9, 8, sources, **as_is)}
    assert seen == {0.2}


@pytest.mark.parametrize("sigma", [0.0, 0.03])
def test_sizes_vary_around_their_place(sigma):
    from pipelines.zero_shot.pairs import _geometry

    augmentation = Augmentation(
        order="up", father_scale=(0.4, 0.95), scale_jitter=sigma, **AFFINE
    )
    sizes = [
        _geometry(augmentation, SOURCES, np.random.default_rng(seed), 0.5)[0][0]
        for seed in range(400)
    ]
    assert np.mean(sizes) == pytest.approx(0.675, abs=0.01)
    assert np.std(sizes) == pytest.approx(sigma, rel=0.1, abs=1e-9)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"view": "warped"}, "no father view 'warped': use one of"),
        ({"noise_on": "father"}, "'father': use one of .*interpolated"),
        ({"scale_jitter": -1}, "scale_jitter must be 0 or more, not -1"),
    ],
)
def test_refuses(fields, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**fields)
