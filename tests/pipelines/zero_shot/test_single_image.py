import itertools

import numpy as np
import pytest
import tensorflow as tf
from checks import picture, smooth
from pair_batches import AFFINE, IMAGE, PLAIN, SOURCES, batches, crops_of

from pipelines.zero_shot import pairs as module
from pipelines.zero_shot.pairs import (
    Augmentation,
    _geometry,
    single_image,
    training_pairs,
)
from sr_keras.imaging import dihedral


def geometry_of(monkeypatch, augmentation, progress=0.5, count=1, **options):
    """What `father_view` is asked for: (scale, shear, window) of each pair."""
    asked, real = [], module.father_view

    def spy(image, scale, shear, window, *how):
        asked.append((scale, shear, window))
        return real(image, scale, shear, window, *how)

    monkeypatch.setattr(module, "father_view", spy)
    sources = options.pop("sources", SOURCES)
    kernel = options.pop("kernel", None)
    scale = options.pop("scale", (2, 2))
    for seed in range(count):
        rng = np.random.default_rng(seed)
        training_pairs(sources, scale, augmentation, kernel, rng, progress, 16)
    return asked


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
            for t in dihedral.TURNS
            if np.ascontiguousarray(dihedral.restored(fathers[0], t)).tobytes()
            in crops
        ]
        assert turns
        seen.update(turns)
    assert seen == set(dihedral.TURNS)


@pytest.mark.parametrize("kind", [{"no_interpolation": 1.0}, AFFINE])
def test_no_flip(monkeypatch, kind):
    augmentation = Augmentation(
        **{"as_is": 0.0, "crop_sizes": (16,), "flip": False, **kind}
    )
    monkeypatch.setattr(dihedral, "turned", None)
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
        module,
        "downscale",
        lambda image, scale, kernel, name: image[::2, ::2] * 0,
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
