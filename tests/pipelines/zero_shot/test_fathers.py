import numpy as np
import pytest
from pair_batches import AFFINE, IMAGE, PLAIN, SOURCES, batches, crops_of

from pipelines.zero_shot import pairs as module
from pipelines.zero_shot.pairs import Augmentation, training_pairs
from sr_keras.imaging import dihedral
from sr_keras.imaging.resize import imresize


@pytest.mark.parametrize("scale", [(2, 2), (3, 3), (2.37, 2.37), (1.5, 2)])
@pytest.mark.parametrize("kernel", [None, "blur"])
@pytest.mark.parametrize("crop", [(16,), (17,), ()])
def test_a_son_is_its_father_seen_from_afar(scale, kernel, crop):
    if kernel:
        kernel = np.outer([1, 2, 1], [1, 2, 1]) / 16
    augmentation = Augmentation(crop_sizes=crop)
    for sons, fathers in batches(augmentation, 6, scale=scale, kernel=kernel):
        father = fathers[0]
        down = tuple(1 / s for s in scale)
        son = imresize(
            father, down, kernel="cubic" if kernel is None else kernel
        )
        expected = imresize(son, scale, father.shape[:2])
        np.testing.assert_allclose(sons[0], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("level", [5.0, 30.0])
def test_noise_is_measured(level):
    # A factor of 1 leaves the son as it is; of grey, nothing is clipped.
    augmentation = Augmentation(
        crop_sizes=(48,), as_is=0, noise_std=level, no_interpolation=1
    )
    grey = [(np.full_like(IMAGE, 0.5), (1.0, 1.0))]
    noise = np.stack(
        [a - b for a, b in batches(augmentation, 60, grey, scale=(1, 1))]
    )
    assert noise.std() * 255 == pytest.approx(level, rel=0.003)
    assert abs(noise.mean()) * 255 < level * 0.02
    # White: neighbours, colours and batches have nothing in common.
    flat = noise[:, 0]
    for pair in (
        (flat[:, 1:], flat[:, :-1]),
        (flat[:, :, 1:], flat[:, :, :-1]),
        (flat[..., 0], flat[..., 1]),
        (flat[:-1], flat[1:]),
    ):
        assert abs(np.corrcoef(*(x.ravel() for x in pair))[0, 1]) < 0.03


def test_noise_is_on_the_son_not_on_the_father():
    plain = Augmentation(crop_sizes=(32,))
    noisy = Augmentation(crop_sizes=(32,), noise_std=30)
    for seed in range(5):
        (clean, father), (spoiled, same) = (
            batches(a, 1, seed=seed)[0] for a in (plain, noisy)
        )
        np.testing.assert_array_equal(father, same)
        noise = spoiled[0] - clean[0]
        # Interpolated noise is what its own downscaled self says it is.
        small = noise[::2, ::2].std() * 255
        assert 15 < small < 35


@pytest.mark.parametrize(
    "noise",
    [
        {"noise_std": 30},
        {"noise_std": 30, "noise_on": "interpolated"},
        {"degradation": "bicubic,noise=30"},
    ],
)
@pytest.mark.parametrize("level", [0.0, 1.0])
def test_what_is_noisy_is_clipped(noise, level):
    """On black and on white, noise has one side only, as in a photo."""
    flat = [(np.full((32, 32, 3), level, "float32"), (1.0, 1.0))]
    augmentation = Augmentation(crop_sizes=(32,), **noise, **PLAIN)
    sons = np.stack([s for s, _ in batches(augmentation, 4, flat, (1, 1))])
    assert sons.min() >= 0
    assert sons.max() <= 1
    assert (sons == level).mean() == pytest.approx(0.5, abs=0.05)
    # Half a normal distribution: its mean is sigma / sqrt(2 pi).
    off = np.abs(sons.mean() - level) * 255
    assert off == pytest.approx(30 / np.sqrt(2 * np.pi), rel=0.1)


def test_noise_after_the_interpolation_is_white():
    clean = Augmentation(crop_sizes=(32,), **PLAIN)
    noisy = Augmentation(
        crop_sizes=(32,), noise_std=5, noise_on="interpolated", **PLAIN
    )
    pairs = zip(batches(noisy, 30), batches(clean, 30), strict=True)
    noise = np.stack([a[0] - b[0] for a, b in pairs])[:, 0]
    neighbours = noise[:, 1:].ravel(), noise[:, :-1].ravel()
    assert abs(np.corrcoef(*neighbours)[0, 1]) < 0.03
    assert noise.std() * 255 == pytest.approx(5, rel=0.05)


def test_clean_sons_are_clipped_when_told():
    edge = np.zeros((32, 32, 1), "float32")
    edge[:, 16:] = 1  # bicubic overshoots
    sources = [(edge, (1.0, 1.0))]
    for clipped in (False, True):
        augmentation = Augmentation(
            crop_sizes=(32,), clip_sons=clipped, **PLAIN
        )
        ((sons, _),) = batches(augmentation, 1, sources)
        son = np.clip(imresize(edge, 0.5), 0, 1) if clipped else None
        son = imresize(edge, 0.5) if son is None else son
        np.testing.assert_allclose(sons[0], imresize(son, 2), atol=1e-6)


def test_the_father_is_not_clipped_or_changed():
    before = IMAGE.copy()
    batches(Augmentation(crop_sizes=(16,), noise_std=30), 5)
    np.testing.assert_array_equal(IMAGE, before)


@pytest.mark.parametrize(
    ("kernel", "allowed"),
    [
        (None, 8),
        (np.outer([1, 2, 1], [1, 2, 1]) / 16, 8),
        (np.outer([1, 2, 1], [0, 3, 1]) / 16, 2),
        (np.outer([1, 2, 0], [0, 3, 1]) / 12, 1),
    ],
    ids=["bicubic", "symmetric", "one axis", "none"],
)
def test_an_asymmetric_kernel_switches_turns_off(kernel, allowed):
    crops = crops_of(IMAGE, 16)
    augmentation = Augmentation(
        crop_sizes=(16,), as_is=0.0, no_interpolation=1.0
    )
    seen = set()
    for _, fathers in batches(augmentation, 60, kernel=kernel):
        for turn in dihedral.TURNS:
            view = dihedral.restored(fathers[0], turn)
            if np.ascontiguousarray(view).tobytes() in crops:
                seen.add(turn)
    assert len(seen) == allowed
    assert seen == set(dihedral.symmetries((2, 2), kernel))


def test_unequal_factors_switch_quarter_turns_off():
    crops = crops_of(IMAGE, 16)
    augmentation = Augmentation(
        crop_sizes=(16,), as_is=0.0, no_interpolation=1.0
    )
    for _, fathers in batches(augmentation, 30, scale=(1.5, 2)):
        views = [
            np.ascontiguousarray(dihedral.restored(fathers[0], t)).tobytes()
            for t in dihedral.symmetries((1.5, 2))
        ]
        assert crops & set(views)


LARGER = imresize(IMAGE, 2).astype("float32")
TWO = [*SOURCES, (LARGER, (2.0, 2.0))]


def test_sources_as_is_come_from_the_largest():
    crops = crops_of(LARGER, 16)
    for _, fathers in batches(
        Augmentation(crop_sizes=(16,), **PLAIN), 10, sources=TWO
    ):
        assert fathers[0].tobytes() in crops


def test_sources_may_be_larger_along_one_axis_only():
    """As gradual scales make them: first one axis, then the other."""
    tall, wide = (imresize(IMAGE, s) for s in ((1.5, 1.0), (1.0, 1.5)))
    sources = [*SOURCES, (wide, (1.0, 1.5)), (tall, (1.5, 1.0))]
    crops = crops_of(tall, 16)
    augmentation = Augmentation(crop_sizes=(16,), **PLAIN)
    for _, fathers in batches(augmentation, 5, sources=sources):
        assert fathers[0].tobytes() in crops


@pytest.mark.parametrize(
    ("father", "source", "scale"), [(0.4, 0, 0.8), (0.5, 0, 1.0), (0.8, 1, 0.8)]
)
def test_a_father_is_cut_from_the_smallest_source_that_will_do(
    monkeypatch, father, source, scale
):
    asked, real = [], module.father_view

    def spy(image, scale, shear, window, *how):
        asked.append((image.shape, scale))
        return real(image, scale, shear, window, *how)

    monkeypatch.setattr(module, "father_view", spy)
    augmentation = Augmentation(
        father_scale=(father, father), scale_difference=0.0, **AFFINE
    )
    training_pairs(
        TWO, (2, 2), augmentation, None, np.random.default_rng(0), 0.5, 16
    )
    shape, used = asked[0]
    assert shape == TWO[source][0].shape
    assert used == pytest.approx((scale, scale))


def test_blended_sons_are_those_of_their_fathers():
    augmentation = Augmentation(crop_sizes=(16,), blend=1.0, **PLAIN)
    crops = crops_of(IMAGE, 16)
    for sons, fathers in batches(augmentation, 12):
        assert fathers[0].tobytes() not in crops
        son = imresize(fathers[0], (0.5, 0.5))
        np.testing.assert_allclose(sons[0], imresize(son, (2, 2)), atol=1e-6)


def test_a_blend_is_between_its_two():
    """Of black and white, no more than half is the second."""
    white = np.ones((32, 32, 1), "float32")
    white[:, :16] = 0
    sources = [(white, (1.0, 1.0))]
    augmentation = Augmentation(crop_sizes=(16,), blend=0.5, **AFFINE)
    drawn = batches(augmentation, 60, sources=sources)
    grey = [((f > 0.3) & (f < 0.7)).mean() > 0.2 for _, f in drawn]
    assert 0 < sum(grey) < 40
    assert all(f.min() > -0.2 and f.max() < 1.2 for _, f in drawn)


def test_whole_views_of_other_sizes_do_not_blend():
    augmentation = Augmentation(
        crop_sizes=(), blend=1.0, father_scale=(0.5, 1.0), **AFFINE
    )
    assert len(batches(augmentation, 8)) == 8


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
def test_swapped_colours(channels):
    image = np.random.default_rng(0).random((16, 16, channels), "float32")
    sources = [(image, (1.0, 1.0))]
    augmentation = Augmentation(
        crop_sizes=(16,), swap_colours=0.5, flip=False, **PLAIN
    )
    drawn = batches(augmentation, 40, sources)
    fathers = [hr[0] for _, hr in drawn]
    same = sum(np.array_equal(father, image) for father in fathers)
    if channels in (3, 4):
        assert 16 <= same < 32  # half, and a sixth of the other half
        for father in fathers:
            colours, whole = np.sort(father[..., :3]), np.sort(image[..., :3])
            np.testing.assert_array_equal(colours, whole)
            np.testing.assert_array_equal(father[..., 3:], image[..., 3:])
    else:
        assert same == 40
