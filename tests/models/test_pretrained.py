"""Weights that come with the package."""

import json

import numpy as np
import pytest
from checks import randomized, smooth

import sr_keras
from sr_keras import models
from sr_keras.inference.load import load
from sr_keras.models import pretrained

CARD = {
    "name": "tiny", "data": "noise", "licence": "CC0", "command": "none",
    "seed": 0, "steps": 1, "hours": 0.1, "scores": {}, "float16": 0.0,
}  # fmt: skip


def network(scale=2, name="espcn", **arguments):
    if name == "espcn":
        arguments = {"num_filters": [4, 3], **arguments}
    return randomized(models.build(name, scale, **arguments))


@pytest.fixture
def folder(tmp_path):
    for scale in (3, 2, 4):
        made = network(scale)
        content = pretrained.stored(made)
        pretrained.add(made, content, {**CARD, "scale": scale}, tmp_path)
    return tmp_path


@pytest.fixture
def installed(folder, monkeypatch):
    monkeypatch.setattr(pretrained, "FOLDER", folder)
    return folder


def test_the_index_that_comes_with_the_package():
    for card in pretrained.cards():
        found = pretrained.load(card["name"], card["scale"])
        assert found.count_params() == card["parameters"]
        assert card["scale"] == found.scale
        for key in ("data", "licence", "command", "seed", "steps", "hours",
                    "scores", "sha256", "float16"):  # fmt: skip
            assert key in card
        assert card["float16"] < 0.01
    size = sum(path.stat().st_size for path in pretrained.FOLDER.iterdir()
               if path.is_file())  # fmt: skip
    assert size < 12e6


def test_what_is_stored_comes_back(folder):
    found = pretrained.load("tiny", 3, folder)
    assert found.scale == 3
    assert found.about["licence"] == "CC0"
    for a, b in zip(network(3).get_weights(), found.get_weights(), strict=True):
        assert b.dtype == np.float32
        np.testing.assert_array_equal(b, a.astype("float16"))


def test_a_refiner_comes_back(tmp_path):
    made = network(2, "srcnn", num_filters=[3, 2])
    content = pretrained.stored(made)
    pretrained.add(made, content, {**CARD, "scale": 2}, tmp_path)
    image = smooth(8, 9)
    expected = sr_keras.upscale(image, pretrained.restored(made, content))
    found = pretrained.load("tiny", 2, tmp_path)
    np.testing.assert_array_equal(sr_keras.upscale(image, found), expected)


@pytest.mark.parametrize(
    ("asked", "got"), [(None, 2), (1, 2), (2, 2), (2.01, 3), (4, 4), (9, 4)]
)
def test_the_next_larger_factor(installed, asked, got):
    assert load("tiny", asked).scale == got
    assert sr_keras.load("tiny", scale=asked).scale == got


def test_upscale_takes_the_next_larger_one(installed):
    image = smooth(8, 9)
    expected = sr_keras.upscale(image, pretrained.load("tiny", 3), 2.5)
    got = sr_keras.upscale(image, "tiny", 2.5)
    np.testing.assert_array_equal(got, expected)


def test_a_changed_file_is_refused(installed):
    path = installed / "tiny_x2.npz"
    content = bytearray(path.read_bytes())
    content[-30] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="tiny_x2.npz is not the file"):
        sr_keras.load("tiny", 2)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="tiny_x2.npz is missing"):
        sr_keras.load("tiny", 2)


def test_a_card_replaces_that_of_the_same_name_and_factor(folder):
    made = network(2)
    card = {**CARD, "scale": 2, "hours": 7}
    pretrained.add(made, pretrained.stored(made), card, folder)
    cards = json.loads((folder / "index.json").read_text())
    assert [(c["scale"], c["hours"]) for c in cards] == [
        (2, 7), (3, 0.1), (4, 0.1)]  # fmt: skip


def test_unknown_names(folder):
    with pytest.raises(ValueError, match="'none'; there are: tiny"):
        pretrained.load("none", 2, folder)


def test_too_large_for_float16():
    made = network()
    made.weights[0].assign(made.weights[0] * 0 + 1e6)
    with pytest.raises(ValueError, match="too much for float16"):
        pretrained.stored(made)
