import itertools

import numpy as np
import pytest
import tensorflow as tf
from checks import picture, smooth

from pipelines import degradation
from pipelines import one_image as module
from pipelines.one_image import (
    Augmentation,
    _geometry,
    single_image,
    training_pairs,
)
from sr_keras import symmetry
from sr_keras.resize import imresize

IMAGE = smooth(70, 60)
SOURCES = [(IMAGE, (1.0, 1.0))]
PLAIN = {"as_is": 1.0, "no_interpolation": 0.0}
AFFINE = {"as_is": 0.0, "no_interpolation": 0.0}


def batches(augmentation, count=1, sources=SOURCES, scale=(2, 2), **options):
    data = single_image(sources, scale, augmentation, **options)
    return list(data.take(count).as_numpy_iterator())


def geometry_of(monkeypatch, augmentation, progress=0.5, count=1, **options):
    """What `father_view` is asked for: (scale, shear, window) of each pair."""
    asked, real = [], module.father_view

    def spy(image, scale, shear, window):
        asked.append((scale, shear, window))
        return real(image, scale, shear, window)

    monkeypatch.setattr(module, "father_view", spy)
    sources = options.pop("sources", SOURCES)
    kernel = options.pop("kernel", None)
    scale = options.pop("scale", (2, 2))
    for seed in range(count):
        rng = np.random.default_rng(seed)
        training_pairs(sources, scale, augmentation, kernel, rng, progress, 16)
    return asked


def crops_of(image, size):
    """All crops of an image, as bytes."""
    view = np.lib.stride_tricks.sliding_window_view(image, (size, size), (0, 1))
    crops = view.transpose(0, 1, 3, 4, 2).reshape(-1, size, size, 3)
    return {crop.tobytes() for crop in np.ascontiguousarray(crops)}


@pytest.mark.parametrize("size", [8, 16, 33])
@pytest.mark.parametrize("batch", [1, 3])
def test_shapes(size, batch):
    data = single_image(
        SOURCES, (2, 2), Augmentation(crop_sizes=(size,)), batch_size=batch
    )
    shape = (batch, size, size, 3)
    assert [s.shape for s in data.element_spec] == [shape, shape]
    sons, fathers = next(iter(data))
    assert sons.shape == fathers.shape == shape
    assert sons.dtype == fathers.dtype == tf.float32


def test_it_does_not_end():
    data = single_image(SOURCES, (2, 2), Augmentation(crop_sizes=(8,)), steps=2)
    assert data.cardinality() == tf.data.INFINITE_CARDINALITY
    assert len(list(data.take(9))) == 9


@pytest.mark.parametrize("batch", [1, 2])
def test_a_batch_is_a_function_of_seed_and_number(batch):
    augmentation = Augmentation(crop_sizes=(8, 16), noise_std=9, candidates=2)
    options = {"batch_size": batch, "seed": 5}
    first = batches(augmentation, 9, **options)
    again = batches(augmentation, 9, **options)
    later = batches(augmentation, 4, start=5, **options)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a[0], b[0])
        np.testing.assert_array_equal(a[1], b[1])
    for a, b in zip(first[5:], later, strict=True):
        np.testing.assert_array_equal(a[0], b[0])
        np.testing.assert_array_equal(a[1], b[1])
    other = batches(augmentation, 9, batch_size=batch, seed=6)
    same = [
        a[1].shape == b[1].shape and np.array_equal(a[1], b[1])
        for a, b in zip(first, other, strict=True)
    ]
    assert sum(same) <= 1
    assert len({a[1].tobytes() for a in first}) == 9


def test_global_seeds_do_not_matter():
    augmentation = Augmentation(crop_sizes=(16,), noise_std=9)
    tf.random.set_seed(1)
    np.random.seed(1)
    first = batches(augmentation, 2)
    tf.random.set_seed(2)
    np.random.seed(2)
    for a, b in zip(first, batches(augmentation, 2), strict=True):
        np.testing.assert_array_equal(a[0], b[0])


@pytest.mark.parametrize(
    ("as_is", "no_interpolation"), [(0.05, 0.45), (0.3, 0.3), (0, 1), (1, 0)]
)
def test_probabilities(as_is, no_interpolation):
    """Counted: fathers that are cut out, turned or not, and affine ones."""
    count = 1200
    augmentation = Augmentation(
        as_is=as_is, no_interpolation=no_interpolation, father_scale=(0.5, 0.9)
    )
    kinds = {"as is": 0, "turned": 0, "affine": 0}
    for seed in range(count):
        rng = np.random.default_rng(seed)
        _, axes, shear, turns = _geometry(augmentation, SOURCES, rng, 0.5)
        if (axes, shear) != ((1.0, 1.0), 0.0):
            kinds["affine"] += 1
            assert turns
        else:
            kinds["turned" if turns else "as is"] += 1
    likely = (as_is, no_interpolation, 1 - as_is - no_interpolation)
    for share, got in zip(likely, kinds.values(), strict=True):
        deviation = (share * (1 - share) / count) ** 0.5
        assert abs(got / count - share) <= 4 * deviation + 1e-9


def test_as_is_is_a_crop_of_the_image():
    crops = crops_of(IMAGE, 16)
    for sons, fathers in batches(Augmentation(crop_sizes=(16,), **PLAIN), 20):
        assert fathers[0].tobytes() in crops
        assert sons[0].tobytes() not in crops


def test_no_interpolation_is_a_turned_crop():
    crops = crops_of(IMAGE, 16)
    seen = set()
    augmentation = Augmentation(
        crop_sizes=(16,), as_is=0.0, no_interpolation=1.0
    )
    for _, fathers in batches(augmentation, 60):
        turns = [
            t
            for t in symmetry.TURNS
            if np.ascontiguousarray(symmetry.restored(fathers[0], t)).tobytes()
            in crops
        ]
        assert turns
        seen.update(turns)
    assert seen == set(symmetry.TURNS)


@pytest.mark.parametrize("kind", [{"no_interpolation": 1.0}, AFFINE])
def test_no_flip(monkeypatch, kind):
    augmentation = Augmentation(
        **{"as_is": 0.0, "crop_sizes": (16,), "flip": False, **kind}
    )
    monkeypatch.setattr(symmetry, "turned", None)
    batches(augmentation, 5)
    flipping = Augmentation(**{"as_is": 0.0, "crop_sizes": (16,), **kind})
    with pytest.raises(tf.errors.OpError, match="not callable"):
        batches(flipping, 5)


@pytest.mark.parametrize("bounds", [(0.5, 1.0), (0.4, 0.95), (0.3, 0.3)])
def test_father_scale_range(monkeypatch, bounds):
    augmentation = Augmentation(
        father_scale=bounds, scale_difference=0.0, shear=0.0, **AFFINE
    )
    asked = geometry_of(monkeypatch, augmentation, count=300)
    scales = np.array([scale for scale, _, _ in asked])
    assert (scales[:, 0] == scales[:, 1]).all()
    assert scales.min() >= bounds[0] - 1e-12
    assert scales.max() <= bounds[1] + 1e-12
    spread = bounds[1] - bounds[0]
    assert scales.min() <= bounds[0] + 0.05 * spread
    assert scales.max() >= bounds[1] - 0.05 * spread
    assert abs(scales.mean() - sum(bounds) / 2) < 0.05 * spread + 1e-12
    assert all(shear == 0 for _, shear, _ in asked)


def test_affine_fathers_differ_in_their_axes_and_lean(monkeypatch):
    augmentation = Augmentation(
        father_scale=(0.6, 0.6), scale_difference=0.2, shear=0.1, **AFFINE
    )
    asked = geometry_of(monkeypatch, augmentation, count=600)
    scales = np.array([scale for scale, _, _ in asked]) / 0.6
    np.testing.assert_allclose(scales.sum(1), 2, atol=1e-9)
    assert (scales[:, 0] - scales[:, 1]).std() == pytest.approx(0.2, rel=0.1)
    assert np.std([shear for _, shear, _ in asked]) == pytest.approx(
        0.1, rel=0.1
    )


def test_no_axis_is_squeezed_to_nothing(monkeypatch):
    augmentation = Augmentation(
        father_scale=(0.6, 0.6), scale_difference=5.0, **AFFINE
    )
    asked = geometry_of(monkeypatch, augmentation, count=100)
    scales = np.array([scale for scale, _, _ in asked]) / 0.6
    assert scales.min() == pytest.approx(0.5)
    assert scales.max() == pytest.approx(1.5)


@pytest.mark.parametrize("order", ["up", "down"])
def test_scale_order(order):
    augmentation = Augmentation(order=order, father_scale=(0.4, 0.8), **AFFINE)
    got = [
        _geometry(augmentation, SOURCES, np.random.default_rng(7), p)[0][0]
        for p in (0.0, 0.25, 0.5, 1.0)
    ]
    expected = [0.4, 0.5, 0.6, 0.8]
    if order == "down":
        expected = [0.8, 0.7, 0.6, 0.4]
    assert got == pytest.approx(expected)


@pytest.mark.parametrize("order", ["up", "down"])
def test_scale_order_over_the_steps(order, monkeypatch):
    progresses, real = [], module._geometry

    def spy(augmentation, sources, rng, progress):
        progresses.append(progress)
        return real(augmentation, sources, rng, progress)

    monkeypatch.setattr(module, "_geometry", spy)
    batches(Augmentation(order=order, crop_sizes=(8,)), 13, steps=11)
    steps = [i / 10 for i in range(11)] + [1.0, 1.0]
    assert progresses[:13] == pytest.approx(steps)


def test_several_crop_sizes():
    sizes = [
        sons.shape[1]
        for sons, fathers in batches(
            Augmentation(crop_sizes=(8, 16, 24)), 40, batch_size=2
        )
        if sons.shape == fathers.shape
    ]
    assert len(sizes) == 40
    assert set(sizes) == {8, 16, 24}


def test_no_crop_gives_whole_fathers():
    augmentation = Augmentation(
        crop_sizes=(), flip=False, scale_difference=0.0, **AFFINE
    )
    data = single_image(SOURCES, (2, 2), augmentation)
    assert data.element_spec[0].shape == (1, None, None, 3)
    shapes = set()
    for sons, fathers in data.take(20).as_numpy_iterator():
        assert sons.shape == fathers.shape
        height, width = fathers.shape[1:3]
        assert 35 <= height <= 70
        assert 30 <= width <= 60
        assert abs(height / 70 - width / 60) < 0.02
        shapes.add((height, width))
    assert len(shapes) > 5
    for _, fathers in batches(Augmentation(crop_sizes=(), **PLAIN), 3):
        np.testing.assert_array_equal(fathers[0], IMAGE)


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
    # A factor of 1 leaves the son as it is.
    augmentation = Augmentation(
        crop_sizes=(48,), as_is=0, noise_std=level, no_interpolation=1
    )
    noise = np.stack(
        [a - b for a, b in batches(augmentation, 60, scale=(1, 1))]
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
        for turn in symmetry.TURNS:
            view = symmetry.restored(fathers[0], turn)
            if np.ascontiguousarray(view).tobytes() in crops:
                seen.add(turn)
    assert len(seen) == allowed
    assert seen == set(symmetry.symmetries((2, 2), kernel))


def test_unequal_factors_switch_quarter_turns_off():
    crops = crops_of(IMAGE, 16)
    augmentation = Augmentation(
        crop_sizes=(16,), as_is=0.0, no_interpolation=1.0
    )
    for _, fathers in batches(augmentation, 30, scale=(1.5, 2)):
        views = [
            np.ascontiguousarray(symmetry.restored(fathers[0], t)).tobytes()
            for t in symmetry.symmetries((1.5, 2))
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

    def spy(image, scale, shear, window):
        asked.append((image.shape, scale))
        return real(image, scale, shear, window)

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


def test_candidates_prefer_detail():
    image = np.full((80, 80, 3), 0.5, "float32")
    image[40:60, 40:60] = picture(20, 20)
    sources = [(image, (1.0, 1.0))]

    def mean_detail(candidates):
        augmentation = Augmentation(
            crop_sizes=(12,), candidates=candidates, **PLAIN
        )
        got = batches(augmentation, 60, sources=sources)
        return np.mean([np.abs(np.diff(f, axis=1)).mean() for _, f in got])

    assert mean_detail(4) > 1.5 * mean_detail(1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 3), (3, 100)])
@pytest.mark.parametrize("crop", [(16,), ()])
@pytest.mark.parametrize("candidates", [1, 3])
@pytest.mark.filterwarnings("error")
def test_tiny_images(shape, crop, candidates):
    sources = [(picture(*shape), (1.0, 1.0))]
    augmentation = Augmentation(crop_sizes=crop, candidates=candidates)
    for seed in range(25):
        sons, fathers = training_pairs(
            sources,
            (2.0, 3.0),
            augmentation,
            None,
            np.random.default_rng(seed),
            0.5,
            crop[0] if crop else None,
        )
        assert sons.shape == fathers.shape == (1, *fathers.shape[1:])
        assert min(fathers.shape[1:3]) >= 8
        assert np.isfinite(sons).all()
        assert np.isfinite(fathers).all()


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_other_channels(channels):
    sources = [(smooth(30, 30, channels), (1.0, 1.0))]
    for sons, fathers in batches(
        Augmentation(crop_sizes=(8,), noise_std=3), 5, sources=sources
    ):
        assert sons.shape == fathers.shape == (1, 8, 8, channels)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"father_scale": (0, 1)}, r"\(0, 1\)"),
        ({"father_scale": (0.9, 0.5)}, r"\(0.9, 0.5\)"),
        ({"father_scale": (0.5, 1.2)}, r"\(0.5, 1.2\)"),
        ({"father_scale": (0.5, float("nan"))}, "nan"),
        ({"father_scale": (0.5,)}, r"\(0.5,\)"),
        ({"father_scale": (0.4, 0.5, 0.6)}, r"\(0.4, 0.5, 0.6\)"),
        ({"as_is": -0.1}, "-0.1 and"),
        ({"no_interpolation": -0.2}, "and -0.2"),
        ({"as_is": 0.6, "no_interpolation": 0.6}, "not 0.6 and 0.6"),
        ({"as_is": float("nan")}, "nan"),
        ({"order": "sideways"}, "'sideways'.*random.*up.*down"),
        ({"crop_sizes": (32, 7)}, r"\(32, 7\)"),
        ({"crop_sizes": (16.5,)}, r"\(16.5,\)"),
        ({"blend": -0.1}, "blend must be from 0 to 1, not -0.1"),
        ({"swap_colours": 1.5}, "swap_colours must be from 0 to 1, not 1.5"),
        ({"candidates": 0}, "candidates must be 1 or more: 0"),
        ({"noise_std": -1.0}, "noise_std must be 0 or more, not -1"),
        ({"noise_std": float("inf")}, "noise_std .* not inf"),
        ({"shear": float("nan")}, "shear .* not nan"),
        ({"scale_difference": -0.5}, "scale_difference .* not -0.5"),
    ],
)
def test_augmentation_refuses(fields, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**fields)


def test_no_crop_takes_one_pair_a_batch():
    with pytest.raises(ValueError, match="--batch-size must be 1, not 4"):
        single_image(SOURCES, (2, 2), Augmentation(crop_sizes=()), batch_size=4)


def test_degradation_is_the_pipelines_only_one(monkeypatch):
    """What makes a son is one function, for training and judging alike."""
    monkeypatch.setattr(
        degradation,
        "downscale",
        lambda image, scale, kernel: image[::2, ::2] * 0,
    )
    for sons, fathers in batches(Augmentation(crop_sizes=(8,)), 2):
        assert sons.max() == 0
        assert fathers.max() > 0


def test_sources_may_be_let_go_of():
    """What is drawn ahead at that moment finds nothing to draw from."""
    sources = [*SOURCES]
    data = single_image(sources, (2, 2), Augmentation(crop_sizes=(16,)))
    drawn = data.as_numpy_iterator()
    assert next(drawn)[1].any()
    sources.clear()
    *_, (sons, fathers) = itertools.islice(drawn, 20)
    assert sons.shape == fathers.shape == (1, 16, 16, 3)
    assert not fathers.any()


def test_nothing_waits_for_the_tuning_thread():
    data = single_image(SOURCES, (2, 2), Augmentation())
    assert data.options().autotune.enabled is False
