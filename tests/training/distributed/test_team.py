"""Who trains together, and what of a batch each of them has."""

import numpy as np
import pytest
import tensorflow as tf

import pipelines
from sr_keras.training.distributed import cluster
from sr_keras.training.distributed.team import Team, _divided, team_of

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
    team = team_of(name, asked)
    assert team.devices == devices
    assert (team.strategy is None) == (name != "mirrored" and devices == 1)
    visible = seen["visible"]
    assert len(visible or []) == (asked or 0)
    assert team.described() == (f"on {devices} devices" if devices > 1 else "")
    assert team.chief


def test_more_gpus_than_there_are(gpus):
    gpus(2)
    with pytest.raises(ValueError, match="--gpus 3 cannot be: .* has 2"):
        team_of("auto", 3)


def test_a_batch_that_cannot_be_divided():
    team = Team(Pretended(["GPU:0", "GPU:1", "GPU:2"]))
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
def test_a_worker_that_has_left(error, says):
    jobs = (("worker", 0), ("worker", 1))
    machines = cluster.Cluster(("a:1", "b:2"), 0, jobs)
    found = tf.errors.UnavailableError(None, None, error)
    text = Team(cluster=machines).lost(found)
    if says is None:
        assert text is None
    else:
        assert text.startswith(says)
        assert text.endswith("the same command and --resume")
    assert Team().lost(found) is None


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
    found = list(_divided(data, 2).as_numpy_iterator())
    assert len(found) == 4
    for k, (one, other) in enumerate(found):
        expected = lr[k // 2, 2 * (k % 2) : 2 * (k % 2) + 2]
        np.testing.assert_array_equal(one, expected)
        np.testing.assert_array_equal(other["hr"], 2 * expected)
    data = _divided(data.map(lambda x, y: {"lr": x, **y}), 4)
    assert {k: v.shape for k, v in data.element_spec.items()} == {
        "lr": (1, 3),
        "hr": (1, 3),
    }
