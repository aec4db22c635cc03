import keras
import numpy as np
import pytest
import tensorflow as tf
from checks import NEEDS_16_BITS, smooth

from sr_keras import models
from sr_keras.imaging.resize import imresize
from sr_keras.models import artifact
from sr_keras.training.plan import plan
from sr_keras.training.trainers import adversarial

SMALL = {
    "espcn": {"num_filters": (4, 4)},
    "edsr": {"num_blocks": 1, "num_filters": 4},
    "srcnn": {"num_filters": (4, 4)},
    "lapsrn": {"num_layers": 1, "num_filters": 4},
    "srresnet": {"num_blocks": 1, "num_filters": 4},
}
# No VGG19, which takes a second to make.
OWN = {
    "discriminator_filters": 2, "discriminator_units": 4,
    "content_weight": 0.0, "pixel_weight": 1.0, "adversarial_weight": 0.1,
}  # fmt: skip


def made(name="edsr", scale=2, eager=True, learning=None, side=16, **own):
    """A compiled trainer of a tiny network."""
    keras.utils.set_random_seed(1)
    network = models.build(name, scale, **SMALL[name])
    groups = {
        "adversarial": {**OWN, **own},
        "data": {"hr_patch_size": side},
        "learning": {"learning_rate": 1e-3, **(learning or {})},
    }
    settings = plan(groups, "adversarial", adversarial.Settings)
    return adversarial.trainer_of(
        network, settings, 10, jit_compile=False, run_eagerly=eager
    )


def batch(trainer, scale=2, side=16, count=3):
    """What its pipeline would give: (lr, hr)."""
    channels = trainer.network.input_shape[-1]
    hr = np.stack(
        [np.roll(smooth(side, side, channels), i, 0) for i in range(count)]
    )
    lr = np.stack([imresize(x, 1 / scale) for x in hr])
    if trainer.network.refiner:
        lr = np.stack([imresize(x, float(scale)) for x in lr])
    return tf.constant(lr), tf.constant(hr)


def numbers(variables):
    return [np.asarray(v) for v in variables]


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def logs_of(trainer, data):
    return {k: float(v) for k, v in trainer.train_step(data).items()}


def test_a_step_moves_both_networks_and_is_logged():
    trainer = made(content_weight=1e-6, vgg_weights="random",
                   content_layers={"VGG22": 1.0})  # fmt: skip
    lr, hr = batch(trainer)
    network, other = trainer.network, trainer.discriminator
    before = [m.get_weights() for m in (network, other)]
    sr = network(lr, training=True)
    seen = [tf.sigmoid(other(x, training=True)) for x in (hr, sr)]
    other.set_weights(before[1])  # the statistics
    content = float(trainer.content_loss(hr, sr))
    logs = logs_of(trainer, (lr, hr))
    assert logs["d_hr"] == pytest.approx(float(tf.reduce_mean(seen[0])), 1e-4)
    assert logs["d_sr"] == pytest.approx(float(tf.reduce_mean(seen[1])), 1e-4)
    assert logs["d_sr_after"] < logs["d_sr"]  # it has learned
    assert logs["content"] == pytest.approx(content, rel=1e-4)
    pixel = np.abs(np.asarray(sr) - hr.numpy()).mean()
    assert logs["pixel"] == pytest.approx(pixel, rel=1e-4)
    parts = ("pixel", "content", "adversarial")
    weights = (1.0, 1e-6, 0.1)
    total = sum(w * logs[p] for w, p in zip(weights, parts, strict=True))
    assert logs["loss"] == pytest.approx(total, rel=1e-5)
    assert logs["d_rate"] == pytest.approx(1e-3)
    for name in trainer.scalars:  # of the step, and of an epoch of one
        assert logs[f"step_{name}"] == logs[name], name
    for model, weights in zip((network, other), before, strict=True):
        assert not same(model.get_weights(), weights)


def test_a_grid_is_a_part_of_the_loss():
    trainer = made("espcn", grid_weight=100.0)
    lr, hr = batch(trainer)
    grid = float(trainer.grid_loss(hr, trainer.network(lr)))
    logs = logs_of(trainer, (lr, hr))
    assert logs["grid"] == pytest.approx(grid, rel=1e-4) and grid > 0
    total = logs["pixel"] + 0.1 * logs["adversarial"] + 100 * logs["grid"]
    assert logs["loss"] == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize("fixed", [True, False])
def test_statistics_may_be_fixed(fixed):
    trainer = made("srresnet", fixed_statistics=fixed)
    statistics = [v for v in trainer.network.variables if "moving_" in v.path]
    before = numbers(statistics)
    assert before
    lr, hr = batch(trainer)
    sr = trainer.network(lr, training=False)
    logs = logs_of(trainer, (lr, hr))
    assert same(before, numbers(statistics)) == fixed
    pixel = float(tf.reduce_mean(abs(sr - hr)))
    assert (logs["pixel"] == pytest.approx(pixel, rel=1e-4)) == fixed


def test_the_discriminator_may_lead():
    """The network stays as it is; what its optimizer has seen does not."""
    trainer = made("espcn", discriminator_lead=1)
    data = batch(trainer)
    for free in (False, True):
        trained = trainer.network.trainable_variables
        before = [numbers(x) for x in (
            trained, trainer.discriminator.trainable_variables,
            trainer.optimizer.variables,
        )]  # fmt: skip
        trainer.train_step(data)
        assert same(before[0], numbers(trained)) != free
        other = numbers(trainer.discriminator.trainable_variables)
        assert not same(before[1], other)
        assert not same(before[2], numbers(trainer.optimizer.variables))


def test_the_generator_hears_the_discriminator_alone():
    """Its weights move as the adversarial loss's gradient says."""
    trainer = made("espcn", pixel_weight=0.0, adversarial_weight=2.0,
                   learning={"optimizer": "sgd", "momentum": 0.0,
                             "learning_rate": 0.1},
                   discriminator_rate=1e-30)  # fmt: skip
    lr, hr = batch(trainer)
    weights = trainer.network.trainable_variables
    before = numbers(weights)
    other = trainer.discriminator.get_weights()
    with tf.GradientTape() as tape:
        logits = trainer.discriminator(trainer.network(lr), training=True)
        loss = 2 * tf.reduce_mean(tf.math.softplus(-logits))
    expected = tape.gradient(loss, weights)
    trainer.discriminator.set_weights(other)
    trainer.train_step((lr, hr))
    for a, b, gradient in zip(before, numbers(weights), expected, strict=True):
        np.testing.assert_allclose(b - a, -0.1 * gradient, rtol=1e-3, atol=1e-7)


@pytest.mark.slow
def test_the_discriminator_learns_to_tell():
    trainer = made(eager=False, adversarial_weight=0.0, learning={
        "learning_rate": 1e-2})  # fmt: skip
    options = tf.data.Options()
    options.autotune.enabled = False
    data = tf.data.Dataset.from_tensors(batch(trainer)).repeat()
    run = trainer.fit(
        data.with_options(options), epochs=2, steps_per_epoch=20, verbose=0,
        shuffle=False,
    ).history  # fmt: skip
    assert run["d_hr"][1] > 0.6
    assert run["d_sr"][1] < 0.4
    assert run["d_loss"][1] < run["d_loss"][0]
    assert int(trainer.discriminator_optimizer.iterations) == 40


@pytest.mark.parametrize(
    "own", [{}, pytest.param({"relativistic": True}, marks=pytest.mark.slow)]
)
def test_graph_is_eager(own):
    found = []
    for eager in (True, False):
        trainer = made("espcn", eager=eager, label_smoothing=0.1, **own)
        lr, hr = batch(trainer)
        function = trainer.train_step if eager else tf.function(
            trainer.train_step)  # fmt: skip
        for _ in range(2):
            logs = function((lr, hr))
        found.append({k: float(v) for k, v in logs.items()})
    for name, value in found[0].items():
        assert found[1][name] == pytest.approx(value, rel=1e-4), name


@pytest.mark.slow
def test_relativistic_and_smooth_labels():
    plain, relativistic, smoothed = (
        logs_of(t, batch(t))
        for t in (made(), made(relativistic=True), made(label_smoothing=0.3))
    )
    assert plain["d_loss"] != pytest.approx(smoothed["d_loss"], rel=1e-3)
    assert plain["d_hr"] == pytest.approx(smoothed["d_hr"], rel=1e-5)
    # Of one batch the two probabilities are about each other's.
    assert relativistic["d_hr"] == pytest.approx(
        1 - relativistic["d_sr"], abs=0.05
    )
    assert plain["d_loss"] > 1.1 * relativistic["d_loss"]


@pytest.mark.parametrize(
    ("name", "scale", "size"),
    [("lapsrn", 4, 16), ("srcnn", 2, 4), ("espcn", 2, 16)],
)
def test_the_last_image_is_judged(name, scale, size):
    trainer = made(name, scale)
    shape = trainer.discriminator.input_shape
    assert shape[1:3] == (size, size)
    assert shape[-1] == trainer.network.output_shape[-1]
    logs = logs_of(trainer, batch(trainer, scale))
    assert np.isfinite(list(logs.values())).all()
    assert logs["skipped"] == 0


def test_the_convolutional_discriminator():
    trainer = made(discriminator="convolutional")
    assert trainer.discriminator.output_shape[1:3] == (None, None)
    assert logs_of(trainer, batch(trainer))["skipped"] == 0


@pytest.mark.parametrize("value", [np.nan, 1e6])
def test_a_bad_batch_leaves_no_trace(value):
    trainer = made(learning={"ema": 0.9})
    lr, hr = batch(trainer)
    trainer.train_step((lr, hr))
    kept = [*trainer.network.weights, *trainer.discriminator.weights]
    kept += [v for o in trainer.optimizers for v in o.variables]
    kept += trainer.averages
    before = numbers(kept)
    bad = hr.numpy()
    bad[0, 0, 0, 0] = value
    logs = logs_of(trainer, (lr, tf.constant(bad)))
    assert logs["skipped"] == 1
    assert same(before, numbers(kept))
    # The step's own values say what was wrong; the means leave it out.
    means = [v for k, v in logs.items() if not k.startswith("step_")]
    assert np.isfinite(means).all()
    trainer.train_step((lr, hr))
    assert not same(before, numbers(kept))


def test_what_the_discriminator_says_is_no_reason_to_skip():
    trainer = made(pixel_weight=1e-6, adversarial_weight=1.0,
                   learning={"skip_factor": 1.5})  # fmt: skip
    data = batch(trainer)
    trainer.train_step(data)
    for weight in trainer.discriminator.trainable_weights[-2:]:
        weight.assign(weight * 0 - 5.0)  # no SR image passes any more
    logs = logs_of(trainer, data)
    assert logs["adversarial"] > 2
    assert logs["skipped"] == 0


def test_a_discriminator_that_has_won_is_reported():
    trainer = made(collapse_limit=2)
    assert trainer.troubles() == []
    sure = {"d_hr": tf.constant(0.995), "d_sr": tf.constant(0.005)}
    trainer.note(sure)
    assert trainer.troubles() == []
    trainer.note(sure)
    (line,) = trainer.troubles()
    assert "has won for 2 steps" in line
    assert "--discriminator-rate" in line
    for fair in ({"d_hr": tf.constant(0.98)}, {"d_sr": tf.constant(0.02)}):
        trainer.note({**sure, **fair})
        assert trainer.troubles() == []
        trainer.note(sure)


def test_two_rates_and_schedules():
    trainer = made(
        learning={"learning_rate": 1e-3, "schedule": "constant", "epochs": 4,
                  "final_rate": 1e-6, "layer_rates": {"head": 1e-5}},
        discriminator_rate=0.5, discriminator_schedule="cosine",
    )  # fmt: skip
    one, other = trainer.optimizers
    assert float(one.learning_rate) == pytest.approx(1e-3)
    assert float(other.learning_rate) == pytest.approx(0.5)
    assert float(other._learning_rate(40)) == pytest.approx(1e-6)
    assert not hasattr(other, "factors")
    trainer = made(learning={"schedule": "cosine", "epochs": 4})
    rates = [float(o._learning_rate(13)) for o in trainer.optimizers]
    assert rates[0] == rates[1] < 1e-3


@pytest.mark.slow
def test_the_state_is_all_there_is():
    """A trainer in another's state goes on like it, bit for bit."""
    one, other = (made(learning={"ema": 0.9}) for _ in range(2))
    lr, hr = batch(one)
    one.train_step((lr, hr))
    other.train_step((lr[::-1], hr[::-1]))
    assert len(one.state()) == len(other.state())
    for a, b in zip(one.state(), other.state(), strict=True):
        b.assign(a)
    for trainer in (one, other):
        trainer.train_step((lr, hr))
        trainer.train_step((hr[:, ::2, ::2], hr))
    assert same(numbers(one.state()), numbers(other.state()))
    known = {id(v) for v in one.state()}
    for model in (one.network, one.discriminator):
        assert {id(v) for v in model.variables} <= known


@pytest.mark.slow
def test_beginning_with_another_discriminator(tmp_path):
    first = made()
    first.train_step(batch(first))
    path = tmp_path / adversarial.FILE
    artifact.save_part(first.networks[adversarial.FILE], path)
    for place in (path, tmp_path):
        again = made(init_discriminator=str(place))
        assert same(
            again.discriminator.get_weights(), first.discriminator.get_weights()
        )
    with pytest.raises(ValueError, match="num_filters 2, and this training 3"):
        made(init_discriminator=str(path), discriminator_filters=3)
    with pytest.raises(ValueError, match="hr_patch_size .*16.*, and this"):
        made(init_discriminator=str(path), side=20)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        made(init_discriminator="nowhere")
    anywhere = made(discriminator="convolutional")
    artifact.save_part(anywhere.discriminator, path)
    made(init_discriminator=str(path), discriminator="convolutional", side=20)


@pytest.mark.slow
@NEEDS_16_BITS
def test_mixed_precision():
    policy = "mixed_float16"
    keras.config.set_dtype_policy(policy)
    try:
        trainer = made(learning={"mixed_precision": policy})
    finally:
        keras.config.set_dtype_policy("float32")
    assert all(hasattr(o, "dynamic_scale") for o in trainer.optimizers)
    dense = trainer.discriminator.get_layer("dense1")
    assert dense.compute_dtype == "float16"
    before = trainer.network.get_weights()
    data = batch(trainer)
    for _ in range(14):  # until the scales of the losses fit
        logs = logs_of(trainer, data)
    assert np.isfinite(list(logs.values())).all()
    assert not same(before, trainer.network.get_weights())


@pytest.mark.parametrize(
    ("own", "says"),
    [
        ({"discriminator": "dens"}, "no kind of discriminator 'dens': did you"),
        ({"pixel_weight": -1.0}, "pixel_weight must be 0 or more"),
        ({"pixel_weight": 0.0, "adversarial_weight": 0.0}, "nothing to learn"),
        ({"content_layers": {"VGG99": 1.0}}, "no layer 'VGG99'"),
        ({"content_layers": {"VGG22": -1}}, "the weight of VGG22 must be 0"),
        ({"content_weight": 1.0, "content_layers": {}}, "names no layer"),
        ({"discriminator_filters": 0}, "discriminator_filters must be 1"),
        ({"discriminator_rate": 0}, "discriminator_rate must be more than 0"),
        ({"discriminator_schedule": "cosin"}, "did you mean cosine"),
        ({"pretrain_schedule": "cosin"}, "did you mean cosine"),
        ({"label_smoothing": 1.0}, "label_smoothing must be from 0 to below"),
        ({"content_weight": 1.0}, "sees nothing in 8x8 pixels: it needs 16"),
        (
            {
                "content_weight": 1.0,
                "vgg_weights": "nowhere",
                "content_layers": {"VGG12": 1.0},
            },
            "no file nowhere",
        ),
    ],
)
def test_what_is_refused(own, says):
    own = {"vgg_weights": "random", **own}
    with pytest.raises((ValueError, FileNotFoundError), match=says):
        made(side=8, **own)
