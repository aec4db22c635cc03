import json
import math

import numpy as np
import pytest

from pipelines.zero_shot.pairs import Augmentation
from sr_keras.inference.refine import Finish
from sr_keras.training.settings import merged, settings
from sr_keras.training.zero_shot.settings import Learning

BLUR = np.outer([1, 2, 1], [1, 2, 1]) / 16


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
