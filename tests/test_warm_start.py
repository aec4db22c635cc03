"""Beginning with what a network has learned from other photos."""

import numpy as np
import pytest
from cli_runs import SMALL, command, read_json, save, scene

from sr_keras import artifact

LAYERS = ("--model-arg", "num_layers=3", "--model-arg", "num_filters=8")


@pytest.fixture
def learned(tmp_path, capfd):
    """A run of zssr that has learned from two photos."""
    for i in range(2):
        save(tmp_path / "many" / f"{i}.png", scene(48, 48, seed=i))
    ended = command(
        capfd, "train", "--model", "zssr", "--scale", 2, "--data",
        tmp_path / "many", "--validation-split", 0, "--epochs", 1,
        "--steps-per-epoch", 1, "--batch-size", 2, *LAYERS,
        "--output", tmp_path / "run",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    return tmp_path / "run"


def test_a_photo_begins_where_the_others_ended(learned, tmp_path, capfd):
    photo = save(tmp_path / "a.png", scene())
    ended = command(
        capfd, "train", "--image", photo, "--scale", 2, *SMALL,
        "--warm-start", learned, "--learning-rate", "1e-9",
        "--output", tmp_path / "out",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    config = read_json(tmp_path / "out" / "config.json")
    assert (config["recipe"], config["warm_start"]) == ("warm", str(learned))
    before, after = (
        artifact.load(path).get_weights()
        for path in (learned, tmp_path / "out")
    )
    for a, b in zip(before, after, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)


def test_another_network_cannot_be_begun_with(learned, tmp_path, capfd):
    photo = save(tmp_path / "a.png", scene())
    ended = command(
        capfd, "train", "--image", photo, "--scale", 2,
        "--warm-start", learned, "--output", tmp_path / "out",
    )  # fmt: skip
    assert ended.code == 2
    assert "is a zssr of other layers than" in ended.err
    assert not (tmp_path / "out").exists()
