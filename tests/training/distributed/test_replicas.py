"""Training on several devices and machines is what it is on one."""

import keras
import numpy as np
import pytest
import strategies
import tensorflow as tf
from checks import ROOT
from workers import configurations, finished, start

from sr_keras.training.distributed import replicas, team

SCRIPT = ROOT / "tests" / "helpers" / "strategies.py"


def test_one_replica_agrees_with_itself():
    values, bad = replicas.agreed({"a": tf.constant(2)}, tf.constant(True))
    assert (float(values["a"]), bool(bad)) == (2.0, True)
    assert float(replicas.total(tf.constant(3.0))) == 3


def test_metrics_of_numbers_that_are_the_same():
    mean, total = replicas.SameMean(name="m"), replicas.SameSum(name="s")
    for value, weight in ((2.0, 1.0), (4.0, 1.0), (9.0, 0.0)):
        mean.update_state(value, sample_weight=weight)
        total.update_state(value)
    assert (float(mean.result()), float(total.result())) == (3, 15)
    assert len(mean.variables) == 2
    for variable in (*mean.variables, *total.variables):
        assert variable.aggregation == "only_first_replica"
        assert variable.synchronization == "auto"
    mean.reset_state()
    assert float(mean.result()) == 0


def compare(one, other, name):
    """Two lists of numbers: after the first step, and after the last."""
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5, err_msg=name)
    # After the first step SGD's momenta are the rate times the gradients.
    half = len(one) // 2
    pairs = list(zip(one[:half], other[:half], strict=True))
    norms = [np.linalg.norm(b) for _, b in pairs]
    # In sums that are less than most, rounding counts: a wrong factor is
    # thousands of times as much.
    least = sorted(norms)[half // 2]
    for (a, b), norm in zip(pairs, norms, strict=True):
        assert np.linalg.norm(a - b) <= 1e-5 * max(norm, least), name


def begin(strategy, folder, *names, place=None):
    """Train so, in a process of its own."""
    folder.mkdir()
    return start([SCRIPT, strategy, folder, *names], place, folder)


def results(running, folder, *names):
    """The numbers of each trainer."""
    ended = finished(running)
    assert ended.code == 0, ended.err
    found = {}
    for name in names:
        with np.load(folder / f"{name}.npz") as stored:
            last = len(stored.files) - 1
            found[name] = [stored[f"arr_{i}"] for i in range(last)]
    return found


def alone(name):
    """The numbers of a trainer on one device."""
    both = strategies.trained(name, team.Team())
    return [np.asarray(x) for part in both for x in part]


def check_two_devices(folder, *names):
    running = begin("mirrored", folder, *names)
    for name, two in results(running, folder, *names).items():
        one = alone(name)
        compare(two, one, name)
        steps = strategies.STEPS
        assert any(int(x) == steps for x in one if x.shape == ())


@pytest.mark.slow
def test_two_devices_do_as_one(tmp_path):
    check_two_devices(tmp_path / "two", *strategies.QUICK)


# All of them in the same processes: to start one takes longer than to train.
OTHERS = [n for n in strategies.TRAINERS if n not in strategies.QUICK]


@pytest.mark.slow
def test_two_devices_do_as_one_with_every_trainer(tmp_path):
    check_two_devices(tmp_path / "two", *OTHERS)


@pytest.mark.slow
def test_two_workers_do_as_one_with_every_trainer(tmp_path):
    names = list(strategies.TRAINERS)
    folders = [tmp_path / f"{i}" for i in range(2)]
    both = [
        begin("multi-worker", folder, *names, place=place)
        for folder, place in zip(folders, configurations(2), strict=True)
    ]
    first, second = (
        results(running, folder, *names)
        for running, folder in zip(both, folders, strict=True)
    )
    for name in names:
        for a, b in zip(first[name], second[name], strict=True):
            np.testing.assert_array_equal(a, b, err_msg=name)
        compare(first[name], alone(name), name)


def test_nothing_else_is_synchronized():
    """The file of a network says nothing of how it was trained."""
    from sr_keras import models

    network = models.build("srresnet", 2, num_blocks=1, num_filters=4)
    layers = [x for x in network.layers
              if isinstance(x, keras.layers.BatchNormalization)]  # fmt: skip
    assert layers
    assert not any(layer.synchronized for layer in layers)
