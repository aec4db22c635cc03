import itertools

import numpy as np
import pytest
from checks import smooth
from zero_shot_runs import (
    IMAGE,
    run_of,
    trained,
)

from sr_keras.imaging.resize import imresize, output_size
from sr_keras.inference.refine import Finish
from sr_keras.models.zssr import ZSSR
from sr_keras.training.zero_shot import passes as stages

BLUR = np.outer([1, 2, 1], [1, 2, 1]) / 16


@pytest.mark.parametrize(
    ("scaling_steps", "scale"),
    [(1, (2, 2)), (2, (2, 2)), (4, (1.5, 3)), (3, (2, 2)), (3, (1.5, 3))],
)
def test_scaling_steps_add_sources(scaling_steps, scale):
    learning = {"max_steps": 7, "scaling_steps": scaling_steps}
    run = trained(
        scale=scale, finish=Finish("none", 0), batch_size=1, **learning
    )
    assert run.step == 7
    assert len(run.sources) == scaling_steps
    assert run.sources[0][0] is IMAGE
    bases = [tuple(base) for _, base in run.sources]
    assert bases[0] == (1, 1)
    assert len(set(bases)) == scaling_steps
    assert scale not in bases
    for image, base in run.sources:
        assert image.dtype == np.float32
        assert image.shape[:2] == output_size(IMAGE.shape, base)
        assert 0 <= image.min() <= image.max() <= 1
        assert np.abs(image - imresize(IMAGE, base)).mean() < 0.1
        assert all(
            b <= s * (1 + 1e-9) for b, s in zip(base, scale, strict=True)
        )
    assert run.result()["fused"].shape[:2] == run.size


def test_six_scaling_steps_take_one_axis_ahead_of_the_other():
    run = trained(scaling_steps=6, finish=Finish("none", 0), batch_size=1)
    assert any(y > x for _, (y, x) in run.sources)
    assert any(x > y for _, (y, x) in run.sources)


@pytest.mark.parametrize(("max_steps", "passes"), [(9, 2), (9, 4), (2, 4)])
def test_passes_add_sources(max_steps, passes):
    scale = (2.0**passes,) * 2
    network = ZSSR(scale, num_layers=2, num_filters=4, passes=passes)
    image = smooth(20, 24)
    run = trained(
        image=image,
        scale=scale,
        network=network,
        max_steps=max_steps,
        batch_size=1,
        finish=Finish("none", 0),
    )
    assert run.step == max_steps
    if max_steps > passes:
        assert len(run.sources) == passes
        for i, (source, base) in enumerate(run.sources):
            assert base == pytest.approx((2**i, 2**i))
            assert source.shape == (20 * 2**i, 24 * 2**i, 3)
    assert run.result()["fused"].shape == (*run.size, 3)


@pytest.mark.parametrize(
    ("scale", "options", "kernel", "passes"),
    [
        ((2, 2), {}, None, 1),
        ((2.01, 2.01), {}, None, 2),
        ((3, 3), {}, None, 2),
        ((4, 4), {}, None, 2),
        ((1.5, 8), {}, None, 3),
        ((1.2, 1.2), {}, None, 1),
        ((4, 4), {"scaling_steps": 3}, None, 1),
        ((4, 4), {}, BLUR, 1),
    ],
)
def test_passes_for(scale, options, kernel, passes):
    assert stages.passes_for(scale, **options, kernel=kernel) == passes


@pytest.mark.parametrize("max_steps", [1, 2, 3, 10, 1000])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("scale", [(4, 4), (2, 9)])
def test_stages_of_passes(scale, count, max_steps):
    made = list(stages.passes(scale, count, max_steps))
    assert len(made) == count
    follow_each_other(made, max_steps)
    for i, stage in enumerate(made):
        assert stage.passes == i + 1
        for n in (0, 1):
            assert stage.factor[n] ** count == pytest.approx(scale[n])
            assert stage.reached[n] == pytest.approx(stage.factor[n] ** (i + 1))
    if max_steps == 1000:
        lengths = [stage.last - stage.first for stage in made]
        assert lengths[0] == max(lengths)


@pytest.mark.parametrize("max_steps", [12, 13, 1000])
@pytest.mark.parametrize("count", [2, 3, 4, 6, 9])
@pytest.mark.parametrize("scale", [(2, 2), (1.5, 3)])
def test_stages_of_growing_factors(scale, count, max_steps):
    made = list(stages.gradual(scale, count, max_steps))
    assert len(made) == count
    follow_each_other(made, max_steps)
    assert made[-1].factor == pytest.approx(scale)
    assert len({stage.factor for stage in made}) == count
    for stage in made:
        assert stage.last > stage.first
        assert stage.reached == stage.factor
        assert (stage.passes, stage.rate) == (1, 1.0)
        assert all(
            1 <= f <= s * (1 + 1e-9)
            for f, s in zip(stage.factor, scale, strict=True)
        )


def follow_each_other(made, max_steps):
    assert made[0].first == 0
    assert made[-1].last == max_steps
    for stage, following in itertools.pairwise(made):
        assert stage.first <= stage.last == following.first


def test_scaling_steps_and_passes_exclude_each_other():
    network = ZSSR((4, 4), num_layers=2, num_filters=2, passes=2)
    run = run_of(scale=(4, 4), network=network, scaling_steps=2)
    with pytest.raises(ValueError, match="2 scaling steps need .* 1, not 2"):
        run.train()
