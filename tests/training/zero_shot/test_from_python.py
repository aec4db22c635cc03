"""`sr_keras.zero_shot`: what `train --model zssr` does, from Python."""

import numpy as np
import pytest
from cli_runs import command, save, scene

import sr_keras
from sr_keras import images

FEW = {"max_steps": 3, "batch_size": 1, "crop_sizes": [16]}
TINY = {"num_layers": 3, "num_filters": 4}


def enlarge(image, *args, **options):
    return sr_keras.zero_shot(image, *args, network=TINY, **FEW, **options)


def floats(height, width, channels=3):
    return np.repeat(scene(height, width), 2, -1)[..., :channels]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_an_array_becomes_an_array(channels, capfd):
    run = enlarge(floats(24, 30, channels), 2)
    assert run.pixels.shape == (48, 60, channels)
    assert run.pixels.dtype == np.float32
    assert 0 <= run.pixels.min() <= run.pixels.max() <= 1
    assert len(run.losses) == 3
    assert run.folder is None
    assert capfd.readouterr() == ("", "")


def test_nothing_is_written_unless_asked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save("a.png", scene(24, 30))
    enlarge("a.png", width=60)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_file_with_output_is_the_commands_result(tmp_path, capfd):
    save(tmp_path / "a.png", scene(24, 30))
    run = enlarge(tmp_path / "a.png", "1.5x2", output=tmp_path / "out", seed=3)
    written = images.read(tmp_path / "out" / "a_zssr_x1.5x2.png").pixels
    np.testing.assert_allclose(run.pixels, written, rtol=0, atol=0.51 / 255)
    assert run.scores["steps"] == 3
    ended = command(
        capfd, "train", "--model", "zssr", "--image", tmp_path / "a.png",
        "--scale", "1.5x2", "--batch-size", 1, "--crop-size", 16, "--layers",
        3, "--filters", 4, "--max-steps", 3, "--seed", 3, "--output",
        tmp_path / "other",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    same = images.read(tmp_path / "other" / "a_zssr_x1.5x2.png").pixels
    np.testing.assert_array_equal(written, same)
    with pytest.raises(ValueError, match="has a result already"):
        enlarge(tmp_path / "a.png", 2, output=tmp_path / "out")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, ValueError, "give one of --scale"),
        ({"scale": 1}, ValueError, "leaves nothing to do"),
        ({"scale": 2, "steps": 3}, TypeError, "no setting is called 'steps'"),
        ({"scale": 2, "seed": "a"}, ValueError, "seed must be"),
        ({"scale": 2, "model": "edsr"}, TypeError, "no argument 'model'"),
    ],
)
def test_wrong_settings(options, error, message):
    with pytest.raises(error, match=message):
        enlarge(floats(24, 30), **options)


def test_integers_are_refused():
    with pytest.raises(TypeError, match="floating"):
        sr_keras.zero_shot(np.zeros((24, 30, 3), np.uint8), 2)


def test_alpha_is_that_of_working_arrays(tmp_path):
    """Colours come and go multiplied by alpha, as for `upscale`."""
    pixels, alpha = scene(24, 30), np.full((24, 30, 1), 0.5, np.float32)
    photo = images.Image(pixels, alpha)
    run = enlarge(images.to_working(photo), (2, 1.5))
    assert run.pixels.shape == (48, 45, 4)
    assert run.pixels[..., 3].mean() == pytest.approx(0.5, abs=0.05)
    inside = run.pixels[8:-8, 8:-8, :3].mean()
    assert inside == pytest.approx(0.5 * pixels.mean(), abs=0.05)


def test_whole_views_come_one_by_one():
    run = sr_keras.zero_shot(
        floats(24, 30), 2, network=TINY, max_steps=2, crop_sizes=[]
    )
    assert len(run.losses) == 2
