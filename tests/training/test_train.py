"""`sr_keras.train`: what the command does, from Python."""

import signal

import keras
import numpy as np
import pytest
from cli_runs import save, scene

import sr_keras
from sr_keras.support import console

TINY = {
    "network": {"num_blocks": 1, "num_filters": 4},
    "epochs": 2,
    "steps_per_epoch": 2,
    "batch_size": 2,
    "hr_patch_size": 16,
    "validation_split": 0.5,
}


@pytest.fixture
def photos(tmp_path):
    for i in range(4):
        save(tmp_path / "photos" / f"{i}.png", scene(40, 48, seed=i))
    return tmp_path / "photos"


def test_a_run_has_history_network_and_scores(photos, tmp_path, capfd):
    lines = []
    out = tmp_path / "out"
    run = sr_keras.train(
        "edsr", photos, 2, output=out, report=lines.append, **TINY
    )
    assert run.folder == out
    assert [row["epoch"] for row in run.history] == [1, 2]
    assert run.network.scale == 2
    assert run.scores["epochs"] == 2
    assert run.scores["psnr"] == max(row["psnr"] for row in run.history)
    assert any(line.startswith("edsr x2") for line in lines)
    assert capfd.readouterr() == ("", "")
    more = sr_keras.train(
        "edsr", photos, 2, output=out, resume=True, **{**TINY, "epochs": 3}
    )
    assert [row["epoch"] for row in more.history] == [1, 2, 3]


def test_the_same_seed_gives_the_same_network(photos, tmp_path):
    one, other = (
        sr_keras.train("edsr", [photos], 2, output=tmp_path / name, **TINY)
        for name in "ab"
    )
    for a, b in zip(
        one.network.get_weights(), other.network.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_keras_settings_are_those_of_before(photos, tmp_path):
    before = keras.config.floatx(), keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        sr_keras.train("edsr", photos, 2, output=tmp_path / "out", **TINY)
        assert keras.config.image_data_format() == "channels_first"
    finally:
        keras.config.set_image_data_format(before[1])


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"epoch": 3}, TypeError, "did you mean epochs"),
        ({"epochs": 0}, ValueError, "epochs must be a whole number from 1 up"),
        ({"max_steps": 3}, TypeError, "no setting is called 'max_steps'"),
        ({"network": {"blocks": 3}}, ValueError, "blocks"),
        ({"sources": ["a"]}, TypeError, "no argument 'sources'"),
    ],
)
def test_wrong_settings(photos, tmp_path, given, error, message):
    out = tmp_path / "out"
    with pytest.raises(error, match=message):
        sr_keras.train("edsr", photos, 2, output=out, **{**TINY, **given})
    assert not out.exists()


def test_there_is_a_training_already(photos, tmp_path):
    out = tmp_path / "out"
    sr_keras.train("edsr", photos, 2, output=out, **TINY)
    with pytest.raises(ValueError, match="has a training already"):
        sr_keras.train("edsr", photos, 2, output=out, **TINY)


def test_wrong_networks(photos):
    for name, message in (
        ("edsrr", "did you mean edsr"),
        ("bicubic", "has nothing to learn"),
    ):
        with pytest.raises(ValueError, match=message):
            sr_keras.train(name, photos, 2)
    with pytest.raises(ValueError, match="resume needs output"):
        sr_keras.train("edsr", photos, 2, resume=True)


def test_numbers_and_paths_of_numpy_and_pathlib(photos, tmp_path):
    given = {**TINY, "epochs": np.int64(1), "learning_rate": np.float32(1e-3)}
    run = sr_keras.train(
        "edsr", photos, 2, output=tmp_path / "out", validation=photos, **given
    )
    assert len(run.history) == 1


def test_ctrl_c_is_pythons_own_afterwards(photos, tmp_path):
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    sr_keras.train("edsr", photos, 2, output=tmp_path / "out", **TINY)
    with pytest.raises(ValueError, match="epochs"):
        sr_keras.train("edsr", photos, 2, **{**TINY, "epochs": 0})
    after = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    assert after == before


def test_settings_of_load_keras_stay(photos, tmp_path):
    """A notebook begins with it."""
    epsilon = keras.config.epsilon()
    keras.config.set_epsilon(1e-3)
    try:
        with console.AT_END:
            console.load_keras()
            sr_keras.train("edsr", photos, 2, output=tmp_path / "out", **TINY)
            assert keras.config.epsilon() == 1e-7
        assert keras.config.epsilon() == 1e-3
    finally:
        keras.config.set_epsilon(epsilon)
