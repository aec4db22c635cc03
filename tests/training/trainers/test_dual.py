"""Dual regression: the heads, and the trainer that has them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from checks import NEEDS_16_BITS, smooth

from sr_keras import models
from sr_keras.imaging.resize import imresize
from sr_keras.inference.load import load
from sr_keras.models import artifact
from sr_keras.models.dual_heads import DualHeads, heads_for
from sr_keras.training.adaptation.dual_heads import box, teach
from sr_keras.training.plan import plan
from sr_keras.training.trainers.dual import Settings, trainer_of

SMALL = {
    "edsr": {"num_blocks": 1, "num_filters": 4},
    "drn-s": {"num_blocks": 1, "num_filters": 2},
    "srcnn": {"num_filters": (4, 4)},
}


def network_of(name, scale):
    keras.utils.set_random_seed(1)
    return models.build(name, scale, **SMALL[name])


def made(name="edsr", scale=2, eager=True, dual=None, **learning):
    """A compiled trainer of a tiny network."""
    groups = {"learning": learning, "dual": dual or {}}
    return trainer_of(
        network_of(name, scale), plan(groups, "dual", Settings), 10,
        jit_compile=False, run_eagerly=eager,
    )  # fmt: skip


def batch(scale=2, side=8, count=3, channels=3):
    hr = np.stack(
        [np.roll(smooth(side * scale, side * scale, channels), i, 0)
         for i in range(count)]
    )  # fmt: skip
    lr = np.stack([imresize(x, 1 / scale) for x in hr])
    return tf.constant(lr), tf.constant(hr)


def mixture(lr, hr, paired):
    return {"lr": lr, "hr": hr, "paired": tf.constant(paired, "float32")}


def numbers(variables):
    return [np.asarray(v) for v in variables]


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def mean(a, b):
    return float(np.abs(np.asarray(a) - np.asarray(b)).mean())


@pytest.mark.parametrize(
    ("name", "scale", "count"),
    [("drn-s", 4, 864), ("drn-s", 8, 432), ("drn-l", 4, 1080),
     ("drn-l", 8, 540)],
)  # fmt: skip
def test_heads_have_the_authors_parameters(name, scale, count):
    network = models.build(name, scale, num_blocks=1)
    heads = heads_for(network)
    assert heads.levels == {4: 2, 8: 3}[scale]
    assert heads.count_params() == heads.levels * count


def test_heads_halve():
    heads = DualHeads(3, 4, channels=1)
    image = tf.constant(smooth(24, 32, 1)[None])
    assert heads.head(2, image).shape == (1, 12, 16, 1)
    assert heads.to_lr(3, image).shape == (1, 3, 4, 1)
    one = heads.head(1, heads.head(2, heads.head(3, image)))
    assert np.array_equal(heads.to_lr(3, image), one)
    outputs = heads([image, image, image])
    assert np.allclose(outputs[1], heads.head(2, image), atol=1e-6)


def test_heads_are_written_and_read(tmp_path):
    heads = DualHeads(2, 4)
    artifact.save_part(heads, tmp_path / "dual.keras")
    again = artifact.load_part(tmp_path / "dual.keras", DualHeads)
    assert same(heads.get_weights(), again.get_weights())
    assert again.get_config() == heads.get_config()
    image = tf.constant(smooth(8, 8)[None])
    assert np.array_equal(heads.to_lr(2, image), again.to_lr(2, image))
    with pytest.raises(ValueError, match="holds a DualHeads, not a network"):
        load(tmp_path / "dual.keras")


@pytest.mark.parametrize("name", ["drn-s", "edsr"])
def test_losses_of_pairs(name):
    trainer = made(name, 4, dual={"dual_weight": 0.5})
    lr, hr = batch(4)
    outputs = trainer.learner(lr)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    half = np.clip(np.stack([imresize(x, 0.5) for x in hr.numpy()]), 0, 1)
    below = np.clip(np.stack([imresize(x, 0.25) for x in hr.numpy()]), 0, 1)
    levels = {8: below, 16: half, 32: hr}
    primal = sum(mean(x, levels[x.shape[1]]) for x in outputs)
    middle = trainer.heads.head(2, outputs[-1])
    # Where the network has an image of x2 the first head is given that.
    first = trainer.heads.head(1, outputs[1] if name == "drn-s" else middle)
    dual = mean(middle, half) + mean(first, lr)
    found = trainer.test_step((lr, hr))
    assert float(found["primal"]) == pytest.approx(primal, rel=1e-4)
    assert float(found["dual"]) == pytest.approx(dual, rel=1e-4)
    assert float(found["loss"]) == pytest.approx(primal + dual / 2, rel=1e-4)


def test_losses_of_each_kind_are_means_of_their_own():
    trainer = made("drn-s", 4)
    lr, hr = batch(4)
    outputs = trainer.learner(lr)

    def others(i):
        return sum(
            mean(trainer.heads.to_lr(k, outputs[k][i : i + 1]), lr[i : i + 1])
            for k in (1, 2)
        )

    def found(paired):
        trainer.reset_metrics()
        logs = trainer.test_step(mixture(lr, hr, paired))
        return float(logs["primal"]), float(logs["dual"])

    def alone(i):
        trainer.reset_metrics()
        logs = trainer.test_step((lr[i : i + 1], hr[i : i + 1]))
        return float(logs["primal"]), float(logs["dual"])

    ones = [alone(i) for i in range(3)]
    primal, dual = np.mean([ones[0], ones[2]], axis=0)
    assert found([1, 0, 1]) == pytest.approx(
        (primal, dual + others(1)), rel=1e-4
    )
    none, dual = found([0, 0, 0])
    assert none == 0
    assert dual == pytest.approx(
        np.mean([others(i) for i in range(3)]), rel=1e-4
    )
    trainer.reset_metrics()
    plain = trainer.test_step((lr, hr))
    assert found([1, 1, 1]) == pytest.approx(
        (float(plain["primal"]), float(plain["dual"])), rel=1e-5
    )


def test_photos_teach_through_the_dual_loss_alone():
    lr, hr = batch(2)
    for weight in (0.0, 0.1):
        trainer = made(dual={"dual_weight": weight}, optimizer="sgd",
                       momentum=0.0)  # fmt: skip
        before = numbers(trainer.network.weights)
        trainer.train_step(mixture(lr, hr, [0, 0, 0]))
        assert same(before, numbers(trainer.network.weights)) == (not weight)


@pytest.mark.parametrize(
    ("name", "scale"),
    [pytest.param("drn-s", 8, marks=pytest.mark.slow), ("srcnn", 4)],
)
def test_any_network_learns_a_batch_by_heart(name, scale):
    trainer = made(name, scale, eager=False, learning_rate=3e-3)
    lr, hr = batch(scale, side=6, channels=trainer.network.input_shape[-1])
    options = tf.data.Options()
    options.autotune.enabled = False
    data = tf.data.Dataset.from_tensors(mixture(lr, hr, [1, 0, 1])).repeat()
    run = trainer.fit(
        data.with_options(options), epochs=2, steps_per_epoch=25, verbose=0,
        shuffle=False,
    )  # fmt: skip
    first, last = run.history["dual"]
    assert last < 0.8 * first
    assert int(trainer.dual_optimizer.iterations) == 50
    assert run.history["skipped"] == [0, 0]


@pytest.mark.slow
def test_graph_and_eager_are_alike():
    steps = []
    for eager in (True, False):
        trainer = made("edsr", 4, eager, optimizer="sgd", learning_rate=1e-4)
        lr, hr = batch(4)
        step = trainer.train_step if eager else tf.function(trainer.train_step)
        step(mixture(lr, hr, [1, 0, 1]))
        steps.append(numbers(trainer.state()))
    for one, other in zip(*steps, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_a_bad_batch_leaves_no_trace():
    trainer = made(ema=0.9, learning_rate=1e-2)
    lr, hr = batch()
    trainer.train_step((lr, hr))
    kept = [*trainer.network.weights, *trainer.heads.weights]
    kept += [v for o in trainer.optimizers for v in o.variables]
    before = numbers(kept)
    logs = trainer.train_step((lr, hr * np.nan))
    assert int(logs["in_a_row"]) == 1
    assert same(before, numbers(kept))
    trainer.train_step((lr, hr))
    after = numbers(kept)
    assert not same(before, after)
    ids = {id(v) for v in trainer.state()}
    assert {id(v) for v in kept} <= ids


def test_heads_may_stay_as_they_are():
    lr, hr = batch()
    for learns in (True, False):
        trainer = made(dual={"train_dual": learns})
        before = numbers(trainer.heads.weights)
        network = numbers(trainer.network.weights)
        trainer.train_step((lr, hr))
        assert same(before, numbers(trainer.heads.weights)) != learns
        assert not same(network, numbers(trainer.network.weights))
        assert len(trainer.optimizers) == 1 + learns


def test_rates_of_heads():
    trainer = made(
        learning_rate=1e-3, final_rate=1e-5, schedule="cosine", epochs=2,
        dual={"dual_rate": 1e-2},
    )  # fmt: skip
    rates = [
        [float(o._learning_rate(k)) for k in (0, 20)]
        for o in trainer.optimizers
    ]
    assert rates[0] == pytest.approx([1e-3, 1e-5])
    assert rates[1] == pytest.approx([1e-2, 1e-4])


@NEEDS_16_BITS
def test_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        network = network_of("edsr", 2)
    finally:
        keras.config.set_dtype_policy("float32")
    own = plan({"learning": {"mixed_precision": "mixed_float16"}}, "dual",
               Settings)  # fmt: skip
    trainer = trainer_of(network, own, 10, run_eagerly=True)
    lr, hr = batch()
    before = numbers(trainer.heads.weights)
    logs = trainer.train_step((lr, hr))
    assert np.isfinite(float(logs["loss"]))
    assert {w.dtype for w in trainer.heads.weights} == {"float32"}
    assert not same(before, numbers(trainer.heads.weights))


@pytest.mark.slow
def test_heads_are_taught():
    keras.utils.set_random_seed(0)
    heads = DualHeads(2, 4)
    lr, hr = batch(4, side=12)
    blank = [np.array(w) for w in heads.get_weights()]
    box(heads)
    mean = hr.numpy().reshape(3, 12, 4, 12, 4, 3).mean((2, 4))
    away = np.abs(np.asarray(heads.to_lr(2, hr)) - mean)
    heads.set_weights(blank)
    before = np.abs(np.asarray(heads.to_lr(2, hr)) - mean)
    assert away.mean() < 0.3 * before.mean()
    options = tf.data.Options()
    options.autotune.enabled = False
    data = tf.data.Dataset.from_tensors((lr, hr)).with_options(options)
    counted = []
    first = teach(heads, data, 1)
    last = teach(heads, data, 60, lambda: counted.append(1))
    assert last > first + 3
    assert len(counted) == 60
    error = np.mean((np.asarray(heads.to_lr(2, hr)) - lr) ** 2)
    assert -10 * np.log10(error) > first + 3
    heads.set_weights([w * np.nan for w in blank])
    with pytest.raises(ValueError, match="without bounds"):
        teach(heads, data, 1)


def test_heads_that_do_not_fit(tmp_path):
    with pytest.raises(ValueError, match="they are for x2, x4 and x8, not x3"):
        made("edsr", 3)
    with pytest.raises(ValueError, match="1 level and 1 filter, not 0 and 4"):
        DualHeads(0, 4)
    artifact.save_part(DualHeads(2, 4), tmp_path / "dual.keras")
    for place in (tmp_path, tmp_path / "dual.keras"):
        with pytest.raises(ValueError, match="are for x4 and 3 channels, not"):
            made(dual={"init_dual": str(place)})
    with pytest.raises(FileNotFoundError, match="no file .*other"):
        made(dual={"init_dual": str(tmp_path / "other")})
