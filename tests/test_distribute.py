"""Training on several devices and machines is what it is on one."""

import json
import os
import re
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest
import strategies
import tensorflow as tf
from checks import ROOT
from workers import configurations, finished, start

import pipelines
from sr_keras.training import cluster, distribute, replicas

SCRIPT = Path(__file__).with_name("strategies.py")

TWO = {
    "cluster": {"worker": ["a:1", "b:2"]},
    "task": {"type": "worker", "index": 1},
}


# --- TF_CONFIG ---------------------------------------------------------------


@pytest.fixture
def told(monkeypatch):
    """Sets TF_CONFIG and reads it."""

    def read(config):
        text = config if isinstance(config, str) else json.dumps(config)
        monkeypatch.setenv("TF_CONFIG", text)
        return cluster.cluster()

    return read


def test_the_cluster(told):
    found = told(TWO)
    assert found.addresses == ("a:1", "b:2")
    assert (found.index, found.named("worker", 0)) == (1, "worker 0 (a:1)")
    chief = {"cluster": {"worker": ["a:1"], "chief": ["c:9"]}}
    found = told({**chief, "task": {"type": "worker", "index": "0"}})
    assert found.addresses == ("c:9", "a:1")
    assert found.index == 1
    assert told({**chief, "task": {"type": "chief", "index": 0}}).index == 0
    assert told("") is None
    assert told({}) is None
    assert told({"cluster": {}, "task": {}}) is None


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("{", "TF_CONFIG is not JSON"),
        ("[]", "TF_CONFIG has another form"),
        ({"cluster": ["a:1"]}, "TF_CONFIG has another form"),
        ({"cluster": TWO["cluster"]}, "has no None None in its cluster"),
        ({**TWO, "task": {"type": "worker", "index": 2}}, "no worker 2 in its"),
        ({**TWO, "cluster": {"ps": ["a:1"]}}, "has a job 'ps'"),
        ({**TWO, "cluster": {"worker": ["a", "b:2"]}}, "'a' without a port"),
    ],
)
def test_a_cluster_that_cannot_be(told, config, says):
    with pytest.raises(ValueError, match=says):
        told(config)


def test_what_does_not_fit(told):
    two = told(TWO)
    one = told({**TWO, "cluster": {"worker": ["a:1"]},
                "task": {"type": "worker", "index": 0}})  # fmt: skip
    for name in ("auto", "multi-worker"):
        cluster.check(name, None, two)
    for name in ("auto", "one", "mirrored", "multi-worker"):
        cluster.check(name, 1, one)
    for name in ("one", "mirrored"):
        with pytest.raises(ValueError, match="TF_CONFIG names 2 workers"):
            cluster.check(name, None, two)
    with pytest.raises(ValueError, match="multi-worker needs TF_CONFIG"):
        cluster.check("multi-worker", None, None)
    with pytest.raises(ValueError, match="one is for one device, not --gpus 2"):
        cluster.check("one", 2, None)


# --- who trains --------------------------------------------------------------


@pytest.fixture
def gpus(monkeypatch):
    """Pretends that there are so many GPUs; gives what is made visible."""
    seen = {"visible": None}

    def pretend(count):
        there = [f"GPU:{i}" for i in range(count)]
        devices = [tf.config.LogicalDevice(n, "GPU") for n in there]
        own = tf.config.list_logical_devices
        monkeypatch.setattr(
            tf.config, "list_physical_devices",
            lambda kind=None: there if kind == "GPU" else ["CPU:0"],
        )  # fmt: skip
        monkeypatch.setattr(
            tf.config, "list_logical_devices",
            lambda kind=None: (
                devices[: len(seen["visible"] or there)]
                if kind == "GPU"
                else own(kind)
            ),
        )  # fmt: skip
        monkeypatch.setattr(
            tf.config, "set_visible_devices",
            lambda some, kind: seen.update(visible=some),
        )  # fmt: skip
        monkeypatch.setattr(tf.distribute, "MirroredStrategy", Pretended)
        return seen

    return pretend


class Pretended:
    def __init__(self, devices):
        self.devices = devices
        self.num_replicas_in_sync = len(devices)


@pytest.mark.parametrize(
    ("name", "count", "asked", "devices"),
    [
        ("auto", 0, None, 1),
        ("auto", 1, None, 1),
        ("auto", 4, None, 4),
        ("auto", 4, 3, 3),
        ("auto", 4, 1, 1),
        ("one", 4, None, 1),
        ("mirrored", 4, None, 4),
        ("mirrored", 4, 2, 2),
        ("mirrored", 0, None, 1),
    ],
)
def test_who_trains(gpus, name, count, asked, devices):
    seen = gpus(count)
    team = distribute.team_of(name, asked)
    assert team.devices == devices
    assert (team.strategy is None) == (name != "mirrored" and devices == 1)
    visible = seen["visible"]
    assert len(visible or []) == (asked or 0)
    assert team.described() == (f"on {devices} devices" if devices > 1 else "")
    assert team.chief


def test_more_gpus_than_there_are(gpus):
    gpus(2)
    with pytest.raises(ValueError, match="--gpus 3 cannot be: .* has 2"):
        distribute.team_of("auto", 3)


def test_a_batch_that_cannot_be_divided():
    team = distribute.Team(Pretended(["GPU:0", "GPU:1", "GPU:2"]))
    team.check_batch(6)
    with pytest.raises(ValueError, match="among 3 devices: .* 15 or 18"):
        team.check_batch(16)
    with pytest.raises(ValueError, match="give --batch-size 3"):
        team.check_batch(2)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        # As TensorFlow 2.21 has put it.
        ("Collective ops is aborted by: Error reported from /job:worker/task:1:"
         " The following tasks are unhealthy (stopped sending heartbeats):\n"
         "/job:worker/replica:0/task:1\nThe tasks have crashed.",
         "worker 1 (b:2) has left the training"),
        ("Collective ops is aborted by: recvmsg:Connection reset by peer\n"
         "Additional GRPC error information from remote target "
         "/job:worker/replica:0/task:1 while calling",
         "worker 1 (b:2) has left the training"),
        ("Collective ops is aborted by: Task /job:worker/replica:0/task:0 "
         "heartbeat timeout.", "worker 0 (a:1), which is this one, was not "),
        ("Collective ops is aborted by: what is new",
         "another worker has left the training"),
        ("ValueError: a.png has 3x3 pixels", None),
    ],
)  # fmt: skip
def test_a_worker_that_has_left(told, error, says):
    machines = told({**TWO, "task": {"type": "worker", "index": 0}})
    found = tf.errors.UnavailableError(None, None, error)
    text = distribute.Team(cluster=machines).lost(found)
    if says is None:
        assert text is None
    else:
        assert text.startswith(says)
        assert text.endswith("the same command and --resume")
    assert distribute.Team().lost(found) is None


# --- data --------------------------------------------------------------------


def test_the_shares_of_a_batch_are_the_batch(pairs_of):
    whole = pairs_of(None)
    for count in (2, 3):
        parts = [pairs_of((i, count)) for i in range(count)]
        for k, batch in enumerate(whole):
            for j in range(2):
                both = np.concatenate([part[k][j] for part in parts])
                np.testing.assert_array_equal(both, batch[j])
    for share in ((0, 4), (2, 2), (-1, 2)):
        with pytest.raises(ValueError, match=r"share .* of a batch of 6"):
            pairs_of(share)


@pytest.fixture
def pairs_of(tmp_path):
    """The first three batches of six, or a share of them."""
    from cli_runs import save, scene

    for i in range(7):
        save(tmp_path / f"{i}.png", scene(24, 28, seed=i))

    def draw(share):
        source = pipelines.open_source(str(tmp_path), 2)
        options = {} if share is None else {"share": share}
        data = pipelines.paired(
            source, 2, batch_size=6, hr_patch_size=8,
            degradation="bicubic,noise=9", **options,
        )  # fmt: skip
        return list(data.take(3).as_numpy_iterator())

    return draw


def test_a_batch_is_divided_in_order():
    lr = np.arange(24).reshape(2, 4, 3)
    data = tf.data.Dataset.from_tensor_slices((lr, {"hr": 2 * lr}))
    found = list(distribute._divided(data, 2).as_numpy_iterator())
    assert len(found) == 4
    for k, (one, other) in enumerate(found):
        expected = lr[k // 2, 2 * (k % 2) : 2 * (k % 2) + 2]
        np.testing.assert_array_equal(one, expected)
        np.testing.assert_array_equal(other["hr"], 2 * expected)
    data = distribute._divided(data.map(lambda x, y: {"lr": x, **y}), 4)
    assert {k: v.shape for k, v in data.element_spec.items()} == {
        "lr": (1, 3),
        "hr": (1, 3),
    }


# --- a step ------------------------------------------------------------------


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


def compare(one, other):
    """Two lists of numbers: after the first step, and after the last."""
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
    # After the first step SGD's momenta are the rate times the gradients.
    half = len(one) // 2
    pairs = list(zip(one[:half], other[:half], strict=True))
    norms = [np.linalg.norm(b) for _, b in pairs]
    # What is next to nothing is rounding.
    least = 1e-2 * sorted(norms)[half // 2]
    for (a, b), norm in zip(pairs, norms, strict=True):
        assert np.linalg.norm(a - b) <= 1e-5 * max(norm, least)


def numbers(path):
    with np.load(path) as stored:
        return [stored[f"arr_{i}"] for i in range(len(stored.files) - 1)]


def run_strategy(name, strategy, path):
    ended = finished(start([SCRIPT, name, strategy, path]))
    assert ended.code == 0, ended.err
    return numbers(path)


@pytest.mark.parametrize(
    "name",
    [
        n if n == strategies.QUICK else pytest.param(n, marks=pytest.mark.slow)
        for n in strategies.TRAINERS
    ],
)
def test_two_devices_do_as_one(name, tmp_path):
    one = [x for part in strategies.trained(name, distribute.Team())
           for x in part]  # fmt: skip
    compare(run_strategy(name, "mirrored", tmp_path / "two.npz"), one)
    steps = strategies.STEPS
    assert any(int(x) == steps for x in one if x.shape == ())


@pytest.mark.slow
@pytest.mark.parametrize("name", strategies.TRAINERS)
def test_two_workers_do_as_one(name, tmp_path):
    places = configurations(2)
    paths = [tmp_path / f"{i}.npz" for i in range(2)]
    both = [
        start([SCRIPT, name, "multi-worker", path], place, tmp_path)
        for path, place in zip(paths, places, strict=True)
    ]
    for ended in map(finished, both):
        assert ended.code == 0, ended.err
    first, second = map(numbers, paths)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    compare(first, run_strategy(name, "one", tmp_path / "one.npz"))


# --- launch files ------------------------------------------------------------


def shown(kind):
    """The launch file of docs/training.md that has this word."""
    text = (ROOT / "docs/training.md").read_text()
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
    (found,) = [block for block in blocks if kind in block]
    return found


def test_the_launch_file_for_slurm(tmp_path):
    """With stand-ins for Slurm's commands: every task has its TF_CONFIG."""
    tools = {
        "scontrol": "printf 'node%s\\n' 1 2",
        "srun": 'for SLURM_PROCID in 0 1; do export SLURM_PROCID; "$@"; done',
        "sr-keras": 'echo "$TF_CONFIG" "$@"',
    }
    for name, text in tools.items():
        path = tmp_path / name
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)
    done = subprocess.run(
        ["bash"], input=shown("#SBATCH"), capture_output=True, text=True,
        cwd=tmp_path, check=True, timeout=60,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}",
             "SLURM_JOB_NODELIST": "node[1-2]", "SLURM_JOB_ID": "7"},
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    for i, line in enumerate(lines):
        config, end = json.JSONDecoder().raw_decode(line)
        assert config["task"] == {"type": "worker", "index": i}
        hosts = [a.split(":")[0] for a in config["cluster"]["worker"]]
        assert hosts == ["node1", "node2"]
        assert line[end:].split()[0] == "train"
        assert "--resume" in line


def test_the_launch_file_for_kubernetes(told):
    """The shell script in it makes each pod's TF_CONFIG."""
    text = shown("kind: Job")
    script = re.search(r"- \|\n(.*?)^ *resources:", text, re.M | re.S)[1]
    count = int(re.search(r"parallelism: (\d+)", text)[1])
    assert f'value: "{count}"' in text
    assert "--resume" in script
    script = script.replace("exec sr-keras", 'echo "$TF_CONFIG"; : sr-keras')
    for index in range(count):
        done = subprocess.run(
            ["bash", "-c", script], capture_output=True, text=True, check=True,
            env={**os.environ, "JOB_COMPLETION_INDEX": str(index),
                 "WORKERS": str(count)},
        )  # fmt: skip
        found = told(done.stdout.strip())
        assert found.index == index
        assert len(found.addresses) == count
        assert found.addresses[0].startswith("edsr-0.edsr:")


def test_nothing_else_is_synchronized():
    """The file of a network says nothing of how it was trained."""
    from sr_keras import models

    network = models.build("srresnet", 2, num_blocks=1, num_filters=4)
    layers = [x for x in network.layers
              if isinstance(x, keras.layers.BatchNormalization)]  # fmt: skip
    assert layers
    assert not any(layer.synchronized for layer in layers)
