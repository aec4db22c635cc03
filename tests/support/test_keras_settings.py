"""Results are the same whatever Keras's global settings are."""

import json
import os
import subprocess
import sys
import threading

import keras
import numpy as np
import pytest
from checks import ROOT, needs_backend, randomized, run_python, smooth
from cli_runs import command, save

import sr_keras
from sr_keras import models
from sr_keras.models import artifact
from sr_keras.support.keras_settings import STANDARD, standard_settings

OTHERS = {
    "image_data_format": "channels_first",
    "floatx": "float16",
    "epsilon": 1e-2,
    "max_epochs": 1,
    "max_steps_per_epoch": 1,
}


def current():
    names = {name: getattr(keras.config, name)() for name in STANDARD}
    return {**names, "dtype_policy": keras.config.dtype_policy().name}


def change(values):
    for name, value in values.items():
        getattr(keras.config, f"set_{name}")(value)


@pytest.fixture
def notebook():
    """Function that sets what a notebook may have set."""
    before = current()
    yield change
    change(before)


CASES = [
    {"image_data_format": "channels_first"},
    {"floatx": "float16"},
    {"dtype_policy": "mixed_float16"},
    {**OTHERS, "dtype_policy": "mixed_bfloat16"},
]


@pytest.mark.parametrize("settings", CASES)
@pytest.mark.parametrize("name", ["fast", "bicubic"])
def test_upscale_in_a_notebook(notebook, settings, name):
    image = smooth(20, 24)
    expected = sr_keras.upscale(image, name, 2)
    notebook(settings)
    kept = current()
    np.testing.assert_array_equal(sr_keras.upscale(image, name, 2), expected)
    assert current() == kept


@pytest.mark.parametrize("settings", CASES)
def test_networks_of_a_notebook(notebook, settings, tmp_path):
    image = smooth(9, 8)[None]
    network = randomized(
        models.build("drn-s", 4, num_blocks=1, num_filters=4, value_range=1)
    )
    artifact.save(network, tmp_path / "x.keras")
    expected = network(image)
    notebook(settings)
    for made in (
        sr_keras.load(tmp_path / "x.keras"),
        sr_keras.build("drn-s", 4, **network.arguments),
    ):
        made.set_weights(network.get_weights())
        assert {x.compute_dtype for x in made.layers} == {"float32"}
        # Called by the notebook, with its settings.
        np.testing.assert_array_equal(made(image), expected)
    srcnn = sr_keras.build("srcnn", 2)  # a model within it, and a convolution
    assert srcnn(image[..., :1]).shape == (1, 18, 16, 1)


@pytest.mark.slow
def test_an_export_of_a_notebook(notebook, tmp_path):
    image = smooth(12, 10)
    expected = sr_keras.upscale(image, "fast", 2)
    notebook({**OTHERS, "dtype_policy": "mixed_float16"})
    path = tmp_path / "x.tflite"
    sr_keras.export("fast", path, scale=2, measure=False)
    got = sr_keras.upscale(image, str(path))
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4)


def test_the_last_of_several_threads_restores(notebook):
    notebook(OTHERS)
    inside, leave = threading.Event(), threading.Event()

    def work():
        with standard_settings():
            inside.set()
            leave.wait(30)

    thread = threading.Thread(target=work)
    with standard_settings():
        thread.start()
        inside.wait(30)
    assert keras.config.image_data_format() == "channels_last"
    leave.set()
    thread.join()
    assert {k: v for k, v in current().items() if k in OTHERS} == OTHERS


def test_an_error_restores(notebook):
    notebook(OTHERS)
    kept = current()
    with pytest.raises(FileNotFoundError, match="no network"):
        sr_keras.load("nowhere.keras")
    assert current() == kept


def test_commands_in_a_notebook(notebook, tmp_path, capfd):
    photo = save(tmp_path / "a.png", smooth(16, 20))
    asked = ("upscale", photo, "--scale", 2, "--model", "fast", "-o")
    assert command(capfd, *asked, tmp_path / "1.png").code == 0
    notebook({**OTHERS, "dtype_policy": "mixed_float16"})
    kept = current()
    assert command(capfd, *asked, tmp_path / "2.png").code == 0
    assert current() == kept
    one, two = (tmp_path / f"{i}.png" for i in (1, 2))
    assert one.read_bytes() == two.read_bytes()


COMMANDS = """
import os, sys
from sr_keras import cli
os.chdir(sys.argv[1])
few = ["--epochs", "1", "--steps-per-epoch", "2", "--batch-size", "2",
       "--hr-patch-size", "16", "--seed", "1"]
for argv in (
    ["upscale", "a.png", "--scale", "2", "--model", "fast", "-o", "b.png"],
    ["train", "--model", "zssr", "--image", "a.png", "--scale", "2",
     "--max-steps", "4", "--crop-size", "16", "--seed", "1",
     "--recipe", "fast", "--output", "zssr"],
    ["train", "--model", "espcn", "--scale", "2", "--data", "hr", *few,
     "--validation", "hr", "--output", "espcn"],
    ["evaluate", "--model", "espcn", "--data", "hr", "--json", "t.json"],
    ["export", "espcn", "--output", "e.tflite", "--no-measure"],
):
    assert cli.main(argv) == 0, argv
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [{"image_data_format": "channels_first"}, {"floatx": "float16"}, OTHERS],
)
def test_commands_with_a_keras_json(settings, tmp_path):
    results = {}
    for name, content in (("usual", {}), ("other", settings)):
        place, home = tmp_path / name, tmp_path / f"{name}-home"
        save(place / "a.png", smooth(32, 40))
        for i in (1, 2):
            save(place / "hr" / f"{i}.png", smooth(40 + 8 * i, 40))
        home.mkdir()
        file = {"backend": "jax" if content else "tensorflow", **content}
        (home / "keras.json").write_text(json.dumps(file))
        env = {**os.environ, "KERAS_HOME": str(home), "PYTHONPATH": str(ROOT)}
        env.pop("KERAS_BACKEND", None)
        ended = subprocess.run(
            [sys.executable, "-c", COMMANDS, str(place)],
            env=env, capture_output=True, text=True,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stdout + ended.stderr
        results[name] = [
            (place / "b.png").read_bytes(),
            (place / "zssr" / "a_zssr_x2.png").read_bytes(),
            json.loads((place / "t.json").read_text())["data"],
            (place / "e.tflite").read_bytes(),
        ]
    assert results["usual"] == results["other"]


@pytest.mark.slow
def test_another_backend_is_one_line():
    needs_backend("jax")
    code = """
import numpy as np, sr_keras
image = np.full((4, 4, 3), 0.5, "float32")
network = sr_keras.build("espcn", 2, channels=3)
for name in (network, "bicubic"):
    try:
        print(sr_keras.upscale(image, name).shape)
    except ValueError as e:
        print(e)
"""
    line, bicubic = run_python(code, backend="jax").stdout.splitlines()
    assert line.startswith(
        "sr_keras computes images with TensorFlow, and Keras"
    )
    assert "runs on jax: set KERAS_BACKEND=tensorflow" in line
    assert "keras.json" in line
    assert bicubic == "(8, 8, 3)"
