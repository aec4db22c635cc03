"""Beginning with what a network has learned from other photos."""

import numpy as np
import pytest
from checks import picture, randomized
from cli_runs import SMALL, command, read_json, save, scene

from sr_keras.inference.load import load
from sr_keras.models.zssr import ZSSR, recoloured

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


@pytest.mark.slow
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
        load(path).get_weights() for path in (learned, tmp_path / "out")
    )
    for a, b in zip(before, after, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_a_network_of_colour_serves_other_images(channels):
    network = randomized(ZSSR(2, num_layers=3, num_filters=8))
    twin = recoloured(network, channels)
    image = picture(9, 8, channels)
    found = np.asarray(twin(image[None]))[0]
    colours = image[..., : channels - 1 + channels % 2]
    rgb = np.broadcast_to(colours, (9, 8, 3))
    expected = np.asarray(network(rgb[None]))[0]
    if channels < 3:
        expected = expected.mean(axis=-1, keepdims=True)
    if channels % 2 == 0:  # alpha, as it was
        expected = np.concatenate([expected, image[..., -1:]], axis=-1)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_weights_of_the_package(tmp_path, capfd):
    """On a grey photo, of which they have seen none."""
    photo = save(tmp_path / "a.png", scene()[..., :1])
    ended = command(
        capfd, "train", "--model", "zssr", "--image", photo, "--scale", 2,
        "--warm-start", "--max-steps", 1, "--fusion", "none",
        "--learning-rate", "1e-9", "--output", tmp_path / "out",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert read_json(tmp_path / "out" / "config.json")["warm_start"] == "warm"
    before, after = (
        np.sum(load(name).get_weights()[0], axis=2)
        for name in ("warm", tmp_path / "out")
    )
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-5)


def test_another_network_cannot_be_begun_with(learned, tmp_path, capfd):
    photo = save(tmp_path / "a.png", scene())
    ended = command(
        capfd, "train", "--image", photo, "--scale", 2,
        "--warm-start", learned, "--output", tmp_path / "out",
    )  # fmt: skip
    assert ended.code == 2
    assert "is a zssr of other layers than" in ended.err
    assert not (tmp_path / "out").exists()
