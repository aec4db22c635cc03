import time
import types

import keras
import numpy as np
import pytest
from checks import picture

from sr_keras.models.zssr import ZSSR
from sr_keras.training.callbacks import LearningRate, Reconstruction
from sr_keras.training.optim.muon import ConvMuon
from sr_keras.training.zero_shot.settings import Learning
from sr_keras.training.zero_shot.trainer import optimizer_of


@pytest.mark.parametrize(
    ("name", "kind"), [("adam", keras.optimizers.Adam), ("muon", ConvMuon)]
)
def test_optimizers(name, kind):
    made = optimizer_of(Learning(optimizer=name, learning_rate=2e-3, beta1=0.8))
    assert type(made) is kind
    assert float(made.learning_rate) == pytest.approx(2e-3)
    assert (made.beta_1 if name == "adam" else made.momentum) == 0.8
    assert (made.use_ema, made.ema_momentum) == (True, 0.98)


@pytest.mark.parametrize(("name", "own"), [("adam", 1e-7), ("muon", 1e-8)])
def test_epsilon(name, own):
    assert optimizer_of(Learning(optimizer=name)).epsilon == own
    made = optimizer_of(Learning(optimizer=name, epsilon=1e-9))
    assert made.epsilon == 1e-9
    with pytest.raises(ValueError, match="epsilon must be more than 0, not 0"):
        Learning(epsilon=0)


def test_an_optimizer_that_is_not_there():
    other = types.SimpleNamespace(
        optimizer="sgd", learning_rate=1e-3, beta1=0.9, epsilon=None, ema=0.9
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
