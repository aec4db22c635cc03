import itertools
import json
import math
import time
import tracemalloc
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from checks import blocks, data_folder, picture, smooth

from pipelines.one_image import Augmentation
from sr_keras import inference, metrics, models
from sr_keras.inference import Finish
from sr_keras.models.zssr import ZSSR
from sr_keras.resize import imresize, output_size
from sr_keras.training import callbacks, stages, zero_shot
from sr_keras.training.callbacks import LearningRate, Reconstruction
from sr_keras.training.muon import ConvMuon
from sr_keras.training.settings import merged, settings
from sr_keras.training.zero_shot import (
    Learning,
    ZeroShot,
    ZeroShotTrainer,
    optimizer_of,
)

IMAGE = smooth(40, 36)
BLOCKS = blocks(48, 44)
BLUR = np.outer([1, 2, 1], [1, 2, 1]) / 16


def run_of(
    image=IMAGE, scale=(2, 2), seed=0, finish=None, size=None, **learning
):
    """A short run with a small network, not started."""
    network = learning.pop("network", None)
    watch, deadline = (learning.pop(k, None) for k in ("watch", "deadline"))
    augmentation = learning.pop("augmentation", {"crop_sizes": (16,)})
    keras.utils.set_random_seed(seed)
    if network is None:
        network = ZSSR(
            scale, num_layers=3, num_filters=8, channels=image.shape[-1]
        )
    learning = {"max_steps": 6, "batch_size": 2, **learning}
    return ZeroShot(
        network,
        image,
        scale,
        size or output_size(image.shape, scale),
        Augmentation(**augmentation),
        Learning(seed=seed, **learning),
        finish or Finish(back_projection=1),
        deadline,
        watch,
    )


def trained(**options):
    run = run_of(**options)
    run.train()
    return run


@pytest.fixture(scope="module")
def learned():
    """One run that is long enough to have learned something."""
    augmentation = {
        "crop_sizes": (16,),
        "father_scale": (0.6, 1.0),
        "as_is": 0.2,
        "no_interpolation": 0.6,
    }
    keras.utils.set_random_seed(1)
    network = ZSSR(num_layers=3, num_filters=16)
    return trained(
        image=BLOCKS,
        network=network,
        augmentation=augmentation,
        max_steps=200,
        batch_size=4,
        optimizer="adam",
        learning_rate=2e-3,
        schedule="cosine",
    )


def weights_of(run):
    return run.network.get_weights()


def assert_same(first, second):
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def differ(first, second):
    return any(
        not np.array_equal(a, b) for a, b in zip(first, second, strict=True)
    )


def test_training_reduces_the_loss(learned):
    assert len(learned.losses) == len(learned.rates) == learned.step == 200
    # Crops differ more than the network's progress: many of them are needed.
    assert np.mean(learned.losses[-50:]) < 0.97 * np.mean(learned.losses[:50])
    assert learned.interruption is None


def test_reconstruction_is_followed_every_50_steps(learned):
    assert [step for step, _ in learned.history] == [50, 100, 150, 200]
    blurred = imresize(imresize(BLOCKS, 0.5), 2)
    errors = [np.mean((np.clip(blurred, 0, 1) - BLOCKS) ** 2)]
    errors += [error for _, error in learned.history]
    assert errors[-1] < 0.93 * errors[0]
    assert (np.diff(errors) < 0).all()


def test_it_beats_the_interpolation_it_started_from(learned):
    result = learned.result(("fused", "interpolated"))
    assert result["fused"].shape == (96, 88, 3)
    np.testing.assert_allclose(
        result["interpolated"], imresize(BLOCKS, 2), rtol=0, atol=1e-6
    )
    # Judged where the answer is known: the image from its half.
    known = run_of(imresize(BLOCKS, 0.5), network=learned.network)
    known = known.result(("fused", "interpolated"))
    better, start = (
        np.mean((np.clip(known[name], 0, 1) - BLOCKS) ** 2)
        for name in ("fused", "interpolated")
    )
    assert better < 0.9 * start


def test_the_rate_follows_the_schedule(learned):
    rates = np.array(learned.rates)
    assert rates.max() == pytest.approx(2e-3, rel=0.02)
    assert rates[-1] < 0.02 * rates.max()
    halving = trained(schedule="step", max_steps=12, learning_rate=1e-3).rates
    np.testing.assert_allclose(halving, 1e-3 * 0.5 ** (np.arange(12) // 2))


@pytest.mark.parametrize("options", [{}, {"scale": (3, 2)}])
def test_the_same_seed_twice_gives_the_same_bytes(options):
    options["augmentation"] = {"crop_sizes": (8, 16), "noise_std": 5.0}
    first, again = (trained(seed=4, **options) for _ in range(2))
    assert first.losses == again.losses
    assert_same(weights_of(first), weights_of(again))
    one, other = (run.result()["fused"] for run in (first, again))
    assert one.tobytes() == other.tobytes()
    assert differ(weights_of(first), weights_of(trained(seed=5, **options)))


@pytest.mark.parametrize("optimizer", zero_shot.OPTIMIZERS)
def test_eager_and_graph_steps_agree(optimizer):
    sons, fathers = (
        np.stack([[picture(8, 8, seed=i)] for i in seeds])
        for seeds in (range(3), range(9, 12))
    )
    batches = tf.data.Dataset.from_tensor_slices((sons, fathers))
    results = []
    for eager in (False, True):
        keras.utils.set_random_seed(0)
        trainer = ZeroShotTrainer(ZSSR(num_layers=3, num_filters=8))
        trainer.compile(
            optimizer_of(Learning(optimizer=optimizer, learning_rate=1e-3)),
            "mae",
            run_eagerly=eager,
            jit_compile=False,
        )
        trainer.fit(batches, verbose=0, shuffle=False)
        results.append(trainer.network.get_weights())
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-4)


def test_a_step_reports_its_own_loss():
    trainer = ZeroShotTrainer(ZSSR(num_layers=2, num_filters=4))
    trainer.compile("sgd", "mse", jit_compile=False)
    for seed in range(3):
        x, y = picture(8, 8, seed=seed), picture(8, 8, seed=seed + 5)
        expected = np.mean((trainer.network(x[None])[0] - y) ** 2)
        logs = trainer.train_step((tf.constant(x[None]), tf.constant(y[None])))
        assert float(logs["loss"]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("optimizer", "loss"),
    [("adam", "l1"), ("adam", "charbonnier"), ("muon", "l2")],
)
def test_every_loss_and_optimizer_learns(optimizer, loss):
    run = run_of(optimizer=optimizer, loss=loss, max_steps=3)
    before = weights_of(run)
    run.train()
    assert np.isfinite(run.losses).all()
    for a, b in zip(before, weights_of(run), strict=True):
        assert np.abs(a - b).max() > 0


def averages(weights, momentum=0.98):
    """The moving average of a list of weights, from the first on."""
    total = [np.float64(w) for w in weights[0]]
    for step in weights[1:]:
        total = [
            momentum * t + (1 - momentum) * w
            for t, w in zip(total, step, strict=True)
        ]
    return total


def test_weights_are_averaged_at_the_end():
    seen = []
    run = trained(watch=lambda run: seen.append(weights_of(run)))
    assert len(seen) == 6
    for a, b in zip(weights_of(run), averages(seen), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)
    assert differ(weights_of(run), seen[-1])


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
        monkeypatch.setattr(inference, "refine", interrupted)
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


@pytest.mark.parametrize("scaling_steps", [1, 3])
def test_a_deadline_ends_it(scaling_steps, monkeypatch):
    """By a clock on which a step takes a second and all else no time."""
    now = [1000.0]
    clock = types.SimpleNamespace(monotonic=lambda: now[0])
    for module in (zero_shot, callbacks):
        monkeypatch.setattr(module, "time", clock)

    def watch(run):
        now[0] += 1

    run = trained(
        max_steps=3000,
        deadline=1030.0,
        scaling_steps=scaling_steps,
        watch=watch,
        schedule="step",
        finish=Finish("none", 0),
        batch_size=1,
    )
    assert run.step in (30, 31)
    assert run.interruption is None
    # Each scale has its share, and in it the rate comes down in time.
    assert len(run.sources) == scaling_steps
    starts = (np.flatnonzero(np.diff(run.rates) > 0) + 1).tolist()
    for first, last in itertools.pairwise([0, *starts, run.step]):
        assert 30 // scaling_steps - 2 <= last - first
        assert run.rates[first] == max(run.rates)
        assert run.rates[last - 1] == pytest.approx(max(run.rates) / 32)
    assert len(starts) == scaling_steps - 1


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


@pytest.mark.parametrize(("channels", "scale"), [(1, (2, 2)), (4, (1.5, 2.37))])
def test_any_channels_and_factors(channels, scale):
    run = trained(image=smooth(21, 30, channels), scale=scale, max_steps=2)
    got = run.result()["fused"]
    assert got.shape == (*output_size((21, 30), scale), channels)
    assert np.isfinite(got).all()


@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (1, 30)])
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_tiny_images(shape):
    run = trained(image=smooth(*shape), max_steps=60, batch_size=1)
    assert run.result()["fused"].shape == (shape[0] * 2, shape[1] * 2, 3)
    assert np.isfinite(run.history).all()


def test_a_blur_kernel_is_in_the_sons_and_in_the_result():
    kernel = np.outer([0, 1, 2, 3, 2, 1, 0], [0, 1, 2, 3, 2, 1, 0]) / 81
    run = trained(finish=Finish("mean", 2, kernel), max_steps=3)
    sons, fathers = next(iter(run.pairs().as_numpy_iterator()))
    son = imresize(fathers[0], 0.5, kernel=kernel)
    np.testing.assert_allclose(sons[0], imresize(son, 2), rtol=0, atol=1e-6)
    sr = run.result()["fused"]
    error = np.abs(imresize(sr, 0.5, kernel=kernel) - IMAGE).mean()
    plain = np.abs(imresize(sr, 0.5) - IMAGE).mean()
    assert error < plain / 2


def test_the_pairs_are_those_it_trains_on(monkeypatch):
    fed = []
    real = zero_shot.single_image

    def spy(*args, **options):
        data = real(*args, **options)
        return data.map(
            lambda *pair: tf.numpy_function(
                lambda *p: fed.append(p) or p, pair, [tf.float32] * 2
            )
        ).map(
            lambda a, b: tuple(
                tf.ensure_shape(x, (2, 16, 16, 3)) for x in (a, b)
            )
        )

    run = run_of(max_steps=3)
    expected = list(run.pairs().take(3).as_numpy_iterator())
    later = next(iter(run.pairs(start=2).as_numpy_iterator()))
    monkeypatch.setattr(zero_shot, "single_image", spy)
    run.train()
    for pair, same in zip(expected, fed, strict=False):
        assert_same(pair, same)
    assert_same(later, expected[2])


def test_no_pair_is_met_twice(monkeypatch):
    """A later scale goes on counting where the one before has ended."""
    starts, real = [], zero_shot.single_image

    def spy(*args, **options):
        starts.append(options["start"])
        return real(*args, **options)

    monkeypatch.setattr(zero_shot, "single_image", spy)
    trained(scaling_steps=2, finish=Finish("none", 0))
    assert starts == [0, 3]


def test_the_seed_is_that_of_the_pairs():
    first, same, other = (
        next(iter(run_of(seed=seed).pairs().as_numpy_iterator()))
        for seed in (4, 4, 5)
    )
    assert_same(first, same)
    assert differ(first, other)


def test_result_with_another_finish(learned):
    plain = learned.result(finish=Finish("none", 0))["fused"]
    report = []
    both = learned.result(
        ("single", "mean"), report=lambda *numbers: report.append(numbers)
    )
    assert set(both) == {"single", "mean"}
    assert report[-1] == (8, 8)
    assert np.abs(plain - both["mean"]).max() > 1e-4


def test_a_large_photo_costs_no_copies():
    """Twelve megapixels are 144 MB in float32, and often all there is."""
    image = np.tile(smooth(100, 100), (20, 20, 1))
    network = ZSSR(num_layers=2, num_filters=4)
    trained(network=network, max_steps=1)
    tracemalloc.start()
    trained(image=image, network=network, max_steps=3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.4 * image.nbytes


def test_the_judged_part_is_small_and_has_detail():
    image = np.full((700, 520, 3), 0.5, "float32")
    image[500:600, 100:200] = picture(100, 100)
    part = zero_shot._detailed(image, 256)
    assert part.shape == (256, 256, 3)
    assert np.shares_memory(part, image)
    assert part.std() > 0.05
    small = smooth(200, 256)
    assert zero_shot._detailed(small, 256) is small
    assert zero_shot._detailed(smooth(9, 700), 256).shape == (9, 256, 3)


def test_the_official_rule_can_end_it_early():
    run = trained(schedule="official", learning_rate=8e-6, max_steps=50)
    assert run.step == 1
    assert run.rates == [0.0]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"loss": "l3"}, "no loss 'l3': use one of l1"),
        ({"optimizer": "sgd"}, "no optimizer 'sgd': use one of adam, muon"),
        ({"schedule": "flat"}, "no schedule 'flat': use one of official"),
        ({"seed": -1}, "seed .* not -1"),
        ({"seed": 2**32}, "seed .* not 4294967296"),
        ({"max_steps": 0}, "max_steps must be 1 or more, not 0"),
        ({"batch_size": -2}, "batch_size must be 1 or more, not -2"),
        ({"scaling_steps": 0}, "scaling_steps must be 1 or more, not 0"),
        ({"learning_rate": 0.0}, "between 0 and 1, not 0.0"),
        ({"learning_rate": 1.0}, "between 0 and 1, not 1.0"),
        ({"learning_rate": math.nan}, "between 0 and 1, not nan"),
        ({"beta1": 1.0}, "beta1 must be in .* not 1.0"),
        ({"beta1": -0.1}, "not -0.1"),
        ({"scaling_steps": 6, "max_steps": 5}, "6 scaling steps .* not 5"),
    ],
)
def test_learning_refuses(fields, message):
    with pytest.raises(ValueError, match=message):
        Learning(**fields)


@pytest.mark.parametrize(
    ("name", "kind"), [("adam", keras.optimizers.Adam), ("muon", ConvMuon)]
)
def test_optimizers(name, kind):
    made = optimizer_of(Learning(optimizer=name, learning_rate=2e-3, beta1=0.8))
    assert type(made) is kind
    assert float(made.learning_rate) == pytest.approx(2e-3)
    assert (made.beta_1 if name == "adam" else made.momentum) == 0.8
    assert (made.use_ema, made.ema_momentum) == (True, 0.98)


def test_an_optimizer_that_is_not_there():
    other = types.SimpleNamespace(
        optimizer="sgd", learning_rate=1e-3, beta1=0.9
    )
    with pytest.raises(ValueError, match="'sgd': use one of adam, muon"):
        optimizer_of(other)


def model_with_rate():
    rate = keras.Variable(0.0)
    return types.SimpleNamespace(
        optimizer=types.SimpleNamespace(learning_rate=rate),
        stop_training=False,
    )


def test_learning_rate_callback():
    asked = []

    def schedule(progress, history):
        asked.append(progress)
        return None if len(asked) > 4 else 1 - progress

    callback = LearningRate(schedule, 0.5, (10, 14), None, [])
    callback.set_model(model_with_rate())
    for _ in range(4):
        callback.on_train_batch_begin(0)
        callback.on_train_batch_end(0)
        assert not callback.model.stop_training
    assert asked == [0, 0.25, 0.5, 0.75]
    assert callback.rates == [0.5, 0.375, 0.25, 0.125]
    assert float(callback.model.optimizer.learning_rate) == 0.125
    callback.on_train_batch_begin(0)
    assert callback.model.stop_training
    assert float(callback.model.optimizer.learning_rate) == 0


def test_learning_rate_callback_and_time(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    callback = LearningRate(
        lambda progress, history: 1 - progress, 1.0, (0, 10), (100, 120), []
    )
    callback.set_model(model_with_rate())
    for seconds, progress in ((100, 0), (101, 0.1), (110, 0.5), (125, 1)):
        now[0] = seconds
        assert callback.progress() >= progress
        callback.on_train_batch_begin(0)
        assert callback.rates[-1] == pytest.approx(1 - progress)
        callback.on_train_batch_end(0)
        assert callback.model.stop_training == (seconds >= 120)


def test_reconstruction_callback():
    interpolated, image, history = picture(6, 7), picture(6, 7, seed=1), []
    network = ZSSR(num_layers=2, num_filters=4)
    callback = Reconstruction(interpolated, image, history, 3, 100)
    callback.set_model(types.SimpleNamespace(network=network))
    for _ in range(8):
        callback.on_train_batch_end(0)
    rebuilt = np.clip(network(interpolated[None])[0], 0, 1)
    error = np.mean((rebuilt - image) ** 2)
    assert [step for step, _ in history] == [102, 105, 108]
    assert [e for _, e in history] == pytest.approx([error] * 3, rel=1e-4)


FULL = {
    "network": {"num_filters": 32},
    "augmentation": {
        "father_scale": [0.4, 0.95],
        "crop_sizes": [],
        "order": "up",
        "noise_std": 30,
    },
    "learning": {"loss": "l2", "batch_size": 1, "learning_rate": 1e-3},
    "finish": {"fusion": "mean", "back_projection": 0, "tile": 64},
}


@pytest.mark.parametrize("groups", [{}, FULL])
def test_settings_round_trip(groups):
    first = settings(groups, BLUR)
    stored = json.loads(json.dumps(first.to_dict()))
    assert set(stored) == {"network", "augmentation", "learning", "finish"}
    again = settings(stored, BLUR)
    assert again.augmentation == first.augmentation
    assert again.learning == first.learning
    assert again.network == first.network
    assert json.loads(json.dumps(again.to_dict())) == stored
    assert again.finish.kernel is BLUR
    assert "kernel" not in stored["finish"]


def test_settings_are_where_they_belong():
    made = settings(FULL)
    assert made.network == {"num_filters": 32}
    assert made.augmentation.father_scale == (0.4, 0.95)
    assert made.augmentation.crop_sizes == ()
    assert made.augmentation.noise_std == 30
    assert made.learning.loss == "l2"
    assert made.finish == Finish("mean", 0, None, 64)
    empty = settings({})
    assert empty.learning == Learning()
    assert empty.augmentation == Augmentation()


@pytest.mark.parametrize(
    ("groups", "error", "message"),
    [
        ({"nets": {}}, ValueError, "unknown config setting nets.*network"),
        (
            {"learning": {"rate": 1, "speed": 2}},
            ValueError,
            "unknown learning setting rate, speed: use loss",
        ),
        ({"augmentation": {"x": 1}}, ValueError, "augmentation setting x"),
        ({"finish": {"kernel": 1}}, ValueError, "finish setting kernel"),
        ({"learning": {"max_steps": 0}}, ValueError, "not 0"),
        ({"learning": {"max_steps": "9"}}, TypeError, "max_steps .* not '9'"),
        ({"learning": {"max_steps": 9.5}}, TypeError, "max_steps .* not 9.5"),
        ({"learning": {"max_steps": True}}, TypeError, "not True"),
        ({"learning": {"loss": 1}}, TypeError, "loss is of type str, not 1"),
        ({"learning": {"beta1": None}}, TypeError, "beta1 .* not None"),
        ({"augmentation": {"flip": 1}}, TypeError, "flip .* bool, not 1"),
        ({"augmentation": {"crop_sizes": 9}}, TypeError, "tuple, not 9"),
        ({"finish": {"tile": "big"}}, TypeError, "tile .* not 'big'"),
        ({"finish": {"fusion": "mode"}}, ValueError, "'mode'"),
    ],
)
def test_settings_refuse(groups, error, message):
    with pytest.raises(error, match=message):
        settings(groups)


def test_settings_are_merged():
    first = {"a": {"x": 1, "y": 2}, "b": {"z": 3}}
    second = {"a": {"y": 4}, "c": {"w": 5}}
    expected = {"a": {"x": 1, "y": 4}, "b": {"z": 3}, "c": {"w": 5}}
    assert merged(first, second) == expected
    assert first == {"a": {"x": 1, "y": 2}, "b": {"z": 3}}
    assert merged() == {}


@pytest.mark.slow
def test_it_beats_bicubic_on_a_photo():
    from sr_keras import images

    folder = data_folder("benchmark", "Set5")
    truth = images.read(next(folder.glob("HR/*butterfly*"))).pixels
    truth = truth[60:188, 60:188]
    lr = np.clip(imresize(truth, 0.5), 0, 1)
    run = trained(
        image=lr,
        network=models.build_bare("zssr", 2, num_layers=6, num_filters=32),
        max_steps=250,
        augmentation={"crop_sizes": (48,)},
        finish=Finish(),
    )
    result = run.result(("fused", "interpolated"))
    scores = {
        name: metrics.score(np.clip(array, 0, 1), truth, 2)["matlab-y"]["psnr"]
        for name, array in result.items()
    }
    assert scores["fused"] > scores["interpolated"] + 2
