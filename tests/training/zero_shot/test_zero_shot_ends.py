import time
import types

import numpy as np
import pytest
from zero_shot_runs import (
    assert_same,
    averages,
    differ,
    run_of,
    trained,
    weights_of,
)

from sr_keras.inference.refine import Finish
from sr_keras.training import callbacks
from sr_keras.training.zero_shot import trainer


@pytest.mark.parametrize("step", [1, 4])
def test_an_interruption_keeps_averaged_weights(step):
    seen = []

    def watch(run):
        seen.append(weights_of(run))
        if run.step == step:
            raise KeyboardInterrupt("enough")

    run = trained(watch=watch)
    assert str(run.interruption) == "enough"
    assert run.step == step
    for a, b in zip(weights_of(run), averages(seen), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)
    assert np.isfinite(run.result()["fused"]).all()


def test_an_interruption_of_a_later_scale():
    def watch(run):
        if run.step == 5:
            raise KeyboardInterrupt

    run = trained(watch=watch, scaling_steps=2)
    assert isinstance(run.interruption, KeyboardInterrupt)
    assert (run.step, len(run.sources)) == (5, 2)
    average = run.trainer.optimizer._model_variables_moving_average
    assert_same(weights_of(run), [a.numpy() for a in average])


@pytest.mark.parametrize("moment", ["fit", "refine"])
def test_an_interruption_between_steps(moment, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    run = run_of(scaling_steps=2)
    before = weights_of(run)
    if moment == "fit":
        monkeypatch.setattr(run.trainer, "fit", interrupted)
    else:
        monkeypatch.setattr(trainer, "refine", interrupted)
    run.train()
    assert isinstance(run.interruption, KeyboardInterrupt)
    assert np.isfinite(
        np.concatenate([w.ravel() for w in weights_of(run)])
    ).all()
    assert differ(weights_of(run), before) == (moment == "refine")


def test_other_errors_are_not_swallowed():
    def watch(run):
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        trained(watch=watch)


def test_it_can_be_watched():
    seen = []
    trained(
        watch=lambda run: seen.append((run.step, run.losses[-1], run.rates[-1]))
    )
    assert [step for step, _, _ in seen] == [1, 2, 3, 4, 5, 6]
    assert all(loss > 0 and rate > 0 for _, loss, rate in seen)


@pytest.mark.parametrize(
    "scaling_steps, result_at, sources",
    [(1, (), 1), (3, (), 3), (1, (0.4, 0.8), 2)],
)
def test_a_deadline_ends_it(scaling_steps, result_at, sources, monkeypatch):
    """By a clock on which a step takes a second and all else no time."""
    now = [1000.0]
    clock = types.SimpleNamespace(monotonic=lambda: now[0])
    for module in (trainer, callbacks):
        monkeypatch.setattr(module, "time", clock)

    def watch(run):
        now[0] += 1

    run = trained(
        max_steps=3000,
        deadline=1030.0,
        scaling_steps=scaling_steps,
        result_at=result_at,
        watch=watch,
        schedule="step",
        finish=Finish("none", 0),
        batch_size=1,
    )
    assert run.step in (30, 31)
    assert run.interruption is None
    assert len(run.sources) == sources
    # The rate comes down in time, over all scales together.
    assert (np.diff(run.rates) <= 0).all()
    assert run.rates[-1] == pytest.approx(run.rates[0] / 16)


def test_a_deadline_by_the_wall_clock():
    start = time.monotonic()
    run = trained(max_steps=1_000_000, deadline=start + 1)
    assert time.monotonic() - start >= 1
    assert 1 <= run.step < 100_000


@pytest.mark.parametrize("scaling_steps", [1, 3])
def test_a_deadline_that_is_over(scaling_steps):
    run = trained(
        max_steps=9,
        scaling_steps=scaling_steps,
        deadline=time.monotonic() - 1,
    )
    assert 1 <= run.step <= 2
    assert np.isfinite(run.result()["fused"]).all()
