import keras
import numpy as np
import pytest
import tensorflow as tf
from checks import NEEDS_16_BITS, smooth

from sr_keras import models
from sr_keras.imaging.resize import imresize
from sr_keras.training import losses
from sr_keras.training.callbacks import Guard
from sr_keras.training.optim.optimizers import optimizer_of
from sr_keras.training.plan import plan
from sr_keras.training.trainers.pixel import PixelTrainer

SMALL = {
    "edsr": {"num_blocks": 1, "num_filters": 4},
    "espcn": {"num_filters": (4, 4)},
    "srcnn": {"num_filters": (4, 4)},
    "lapsrn": {"num_layers": 1, "num_filters": 4},
}


def made(name="espcn", scale=2, eager=True, ema=0.0, **learning):
    """A compiled trainer of a tiny network."""
    keras.utils.set_random_seed(1)
    network = models.build(name, scale, **SMALL[name])
    learning = plan({"learning": learning}).learning
    trainer = PixelTrainer(network, ema, learning.skip_factor)
    trainer.compile(
        optimizer_of(learning, trainer.network, 10),
        losses.get(learning.loss),
        jit_compile=False,
        run_eagerly=eager,
    )
    return trainer


def batch(trainer, scale=2, side=8, count=2):
    """What its pipeline would give: (lr, hr)."""
    channels = trainer.network.input_shape[-1]
    hr = np.stack(
        [np.roll(smooth(side * scale, side * scale, channels), i, 0)
         for i in range(count)]
    )  # fmt: skip
    lr = np.stack([imresize(x, 1 / scale) for x in hr])
    if trainer.network.refiner:
        lr = np.stack([imresize(x, float(scale)) for x in lr])
    return tf.constant(lr), tf.constant(hr)


def numbers(variables):
    return [np.asarray(v) for v in variables]


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("name", ["espcn", "edsr"])
def test_learns_a_batch_by_heart(name):
    trainer = made(name, eager=False, learning_rate=1e-2)
    options = tf.data.Options()
    options.autotune.enabled = False
    data = tf.data.Dataset.from_tensors(batch(trainer)).repeat()
    run = trainer.fit(
        data.with_options(options), epochs=2, steps_per_epoch=30, verbose=0,
        shuffle=False, callbacks=[Guard(3)],
    )  # fmt: skip
    assert run.history["loss"][1] < 0.7 * run.history["loss"][0]
    assert int(trainer.steps) == 60
    assert int(trainer.optimizer.iterations) == 60
    score = trainer.evaluate(data.take(1).with_options(options), verbose=0)
    assert score < run.history["loss"][1]


def test_loss_of_one_level():
    trainer = made(loss="0.5*l1+2*l2")
    lr, hr = batch(trainer)
    d = np.asarray(trainer.network(lr)) - np.asarray(hr)
    expected = 0.5 * np.abs(d).mean() + 2 * (d**2).mean()
    assert float(trainer.test_step((lr, hr))["loss"]) == pytest.approx(
        expected, rel=1e-5
    )


def test_loss_of_all_levels():
    trainer = made("lapsrn", 4)
    lr, hr = batch(trainer, 4)
    outputs = trainer.learner(lr)
    targets = [np.stack([imresize(x, 0.5) for x in hr.numpy()]), hr]
    assert [o.shape[1] for o in outputs] == [16, 32]
    expected = sum(
        np.abs(np.asarray(o) - np.clip(t, 0, 1)).mean()
        for o, t in zip(outputs, targets, strict=True)
    )
    assert float(trainer.test_step((lr, hr))["loss"]) == pytest.approx(
        expected, rel=1e-5
    )


def test_a_sum_counts_the_pixels_of_each_level():
    trainer = made("lapsrn", 4, loss="charbonnier_sum")
    lr, hr = batch(trainer, 4)
    targets = [np.stack([imresize(x, 0.5) for x in hr.numpy()]), hr]
    expected = sum(
        np.sqrt((np.asarray(o) - np.clip(t, 0, 1)) ** 2 + 1e-6).sum() / 2
        for o, t in zip(trainer.learner(lr), targets, strict=True)
    )
    assert float(trainer.test_step((lr, hr))["loss"]) == pytest.approx(
        expected, rel=1e-5
    )


def test_loss_without_padding():
    trainer = made("srcnn", 3)
    lr, hr = batch(trainer, 3, side=11)
    sr = trainer.learner(lr)
    assert sr.shape[1:3] == (21, 21)
    expected = np.abs(np.asarray(sr) - hr[:, 6:27, 6:27]).mean()
    assert float(trainer.test_step((lr, hr))["loss"]) == pytest.approx(
        expected, rel=1e-5
    )


def test_losses_of_layers_are_added():
    trainer = made()
    lr, hr = batch(trainer)
    before = float(trainer.test_step((lr, hr))["loss"])
    layer = trainer.network.get_layer("conv1")
    layer.kernel.regularizer = keras.regularizers.L2(1.0)
    trainer.reset_metrics()
    after = float(trainer.test_step((lr, hr))["loss"])
    own = float((np.asarray(layer.kernel) ** 2).sum())
    assert after - before == pytest.approx(own, rel=1e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e4])
def test_a_bad_batch_leaves_no_trace(value):
    trainer = made(ema=0.9, learning_rate=1e-2)
    lr, hr = batch(trainer)
    trainer.train_step((lr, hr))
    kept = [*trainer.network.weights, *trainer.optimizer.variables]
    kept += trainer.averages
    before = numbers(kept)
    bad = hr.numpy()
    bad[0, 0, 0, 0] = value * (1 if value != 1e4 else 100)
    for count in (1, 2):
        logs = trainer.train_step((lr, tf.constant(bad)))
        assert float(logs["skipped"]) == count == int(logs["in_a_row"])
        assert same(before, numbers(kept))
    logs = trainer.train_step((lr, hr))
    assert int(logs["in_a_row"]) == 0
    assert np.isfinite(float(logs["loss"]))
    assert not same(before, numbers(kept))
    assert int(trainer.steps) == 4


def test_batch_normalisation_does_not_see_a_bad_batch():
    network = models.build("srresnet", 2, num_blocks=1, num_filters=4)
    trainer = PixelTrainer(network)
    trainer.compile(keras.optimizers.Adam(), losses.get("l1"), run_eagerly=True)
    lr, hr = batch(trainer)
    before = numbers(network.weights)
    trainer.train_step((lr * np.nan, hr))
    assert same(before, numbers(network.weights))
    trainer.train_step((lr, hr))
    assert not same(before, numbers(network.weights))


def test_guard_ends_the_training():
    guard = Guard(3)
    guard.on_train_batch_end(0, {"in_a_row": 2})
    with pytest.raises(ValueError, match="3 batches.*--learning-rate.*clip"):
        guard.on_train_batch_end(0, {"in_a_row": 3})


def test_averages():
    trainer = made(ema=0.5, learning_rate=1e-2)
    lr, hr = batch(trainer)
    expected = numbers(trainer.network.weights)
    for step in range(4):
        trainer.train_step((lr, hr))
        m = min(0.5, (1 + step) / (10 + step))
        pairs = zip(expected, numbers(trainer.network.weights), strict=True)
        expected = [m * a + (1 - m) * w for a, w in pairs]
    other = models.build("espcn", 2, **SMALL["espcn"])
    trainer.give_weights(other)
    for a, b in zip(expected, other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    assert not same(other.get_weights(), trainer.network.get_weights())


def test_weights_are_given_into_the_interpolated_network():
    trainer = made("srcnn")
    other = models.build("srcnn", 2, **SMALL["srcnn"])
    trainer.give_weights(other)
    assert same(other.get_weights(), trainer.network.get_weights())


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_rates_of_layers(optimizer):
    rates = {"conv2": 0.0, "conv3": 1e-4}
    steps = {}
    for layer_rates in ({}, rates):
        trainer = made(
            optimizer=optimizer, learning_rate=1e-2, layer_rates=layer_rates
        )
        before = numbers(trainer.network.weights)
        trainer.train_step(batch(trainer))
        after = numbers(trainer.network.weights)
        steps[bool(layer_rates)] = [
            a - b for a, b in zip(after, before, strict=True)
        ]
    for i, factor in enumerate((1, 1, 0, 0, 0.01, 0.01)):
        np.testing.assert_allclose(
            steps[True][i], factor * steps[False][i], rtol=2e-2, atol=2e-7
        )


def test_rates_of_layers_there_are_not():
    with pytest.raises(ValueError, match="no layer 'conv9': did you mean co"):
        made(layer_rates={"conv9": 1.0})


def test_gradients_are_clipped():
    trainer = made(optimizer="sgd", momentum=0.0, clip_norm=1e-3,
                   learning_rate=1.0)  # fmt: skip
    before = numbers(trainer.network.weights)
    trainer.train_step(batch(trainer))
    steps = [
        np.sum((a - b) ** 2)
        for a, b in zip(numbers(trainer.network.weights), before, strict=True)
    ]
    assert np.sqrt(np.sum(steps)) == pytest.approx(1e-3, rel=1e-3)


@NEEDS_16_BITS
def test_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        trainer = made("edsr")
    finally:
        keras.config.set_dtype_policy("float32")
    lr, hr = batch(trainer)
    # Features are computed in 16 bits, and images are not.
    assert trainer.learner.get_layer("tail").compute_dtype == "float16"
    assert trainer.learner(lr).dtype == tf.float32
    assert hasattr(trainer.optimizer, "dynamic_scale")
    before = numbers(trainer.network.weights)
    logs = trainer.train_step((lr, hr))
    assert float(logs["skipped"]) == 0
    assert np.isfinite(float(logs["loss"]))
    assert trainer.network.weights[0].dtype == "float32"
    for _ in range(12):  # until the scale of the loss fits
        trainer.train_step((lr, hr))
    assert not same(before, numbers(trainer.network.weights))
