"""Networks in 8 bits: the rounding, its gradients, and files made of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from checks import ROOT
from cli_runs import command, scene

import pipelines
import sr_keras
from sr_keras import models
from sr_keras.exporting import calibration
from sr_keras.imaging import images
from sr_keras.imaging.color import luma
from sr_keras.inference import exported
from sr_keras.inference.load import load
from sr_keras.models.fake_quant import Rounded, rounded_kernel
from sr_keras.models.quantized import Quantized
from sr_keras.training.trainers import quantization

_PHOTOS = ROOT / "examples" / "photos" / "train"


@pytest.fixture(scope="module")
def photo():
    """Luma codes of the package's photo, (1, 96, 96, 1) in [0, 1]."""
    pixels = images.read(calibration.PHOTO).pixels[:96, :96]
    codes = np.rint(255 * luma(pixels))
    return (codes / 255).astype("float32").reshape(1, 96, 96, 1)


@pytest.fixture(scope="module")
def fast(photo):
    """The package's network with ranges, not yet fine-tuned."""
    network = Quantized(load("fast", 2))
    network.observe([photo])
    return network


def test_features_are_rounded_to_256_values_zero_among_them():
    layer = Rounded((-0.3, 1.0))
    x = np.linspace(-0.6, 1.4, 501, dtype="float32")
    step = 1.3 / 255
    zero = np.rint(0.3 / step)
    codes = np.clip(np.rint(x / step) + zero, 0, 255)
    np.testing.assert_allclose(layer(x), (codes - zero) * step, atol=1e-6)
    assert 0 in np.asarray(layer(x))


def test_kernels_are_rounded_for_each_output_channel():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 4, 2))
    kernel = kernel.astype("float32") * [1, 100]
    step = abs(kernel).max((0, 1, 2)) / 127
    expected = np.rint(kernel / step) * step
    np.testing.assert_allclose(
        rounded_kernel(tf.constant(kernel, tf.float32)), expected, rtol=1e-5
    )


def test_gradients_pass_the_rounding_and_move_the_ends():
    layer = Rounded()
    layer.build(None)
    x = tf.constant([-0.5, 0.2, 0.7, 1.5])
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(layer(x) * [1.0, 2.0, 3.0, 4.0])
    found = tape.gradient(total, [x, *layer.trainable_variables])
    np.testing.assert_array_equal(found[0], [0, 2, 3, 0])
    assert [float(g) for g in found[1:]] == [1, 4]


def test_ranges_are_those_that_were_seen():
    layer = Rounded()
    layer.build(None)
    layer.watching = True
    for low, high in ((-1.0, 2.0), (-3.0, 4.0)):
        x = tf.constant([low, 0.123, high])
        assert layer(x) is x
    layer.settle()
    assert (float(layer.low), float(layer.high)) == (-3, 4)
    assert float(layer(tf.constant(7.0))) == pytest.approx(4, abs=0.03)


def test_a_file_computes_what_the_rounded_network_does(fast, photo, tmp_path):
    path = tmp_path / "a.tflite"
    report = sr_keras.export(
        fast, path, quantize="int8", colour=False, measure=False
    )
    # No operation in float, and none that no phone has.
    assert set(report["operations"]) == {
        "ADD", "CONCATENATION", "CONV_2D", "DEPTH_TO_SPACE", "QUANTIZE",
    }  # fmt: skip
    run = exported.interpreter(path.read_bytes(), path)
    given, made = run.get_input_details()[0], run.get_output_details()[0]
    for details in (given, made):
        assert details["dtype"] == np.uint8
        assert details["quantization"] == (pytest.approx(1 / 255), 0)
    run.resize_tensor_input(given["index"], photo.shape)
    run.allocate_tensors()
    run.set_tensor(given["index"], np.rint(255 * photo).astype("uint8"))
    run.invoke()
    codes = run.get_tensor(made["index"]).astype(int)
    expected = np.rint(255 * np.asarray(fast(photo))).astype(int)
    assert np.mean(abs(codes - expected) <= 1) > 0.99
    assert abs(codes - expected).max() <= 3


@pytest.mark.parametrize("name, scale", [("edsr", 2), ("espcn", 3)])
def test_other_networks_keep_their_image(name, scale):
    keras.utils.set_random_seed(0)
    more = {"num_blocks": 1, "num_filters": 8, "residual_scaling": 0.5}
    network = models.build(name, scale, **(more if name == "edsr" else {}))
    if name == "espcn":
        network.layers[-2].bias.assign([0.5] * 9)
    lr = scene(24, 20)[None, :, :, : network.input_shape[-1]]
    twin = Quantized(network)
    twin.observe([lr])
    off = abs(np.asarray(twin(lr)) - np.clip(network(lr), 0, 1))
    assert 0 < off.max() < 0.05 and off.mean() < 0.005


def test_a_layer_without_a_form_is_named():
    with pytest.raises(ValueError, match=r"bicubic cannot .*\(\w+\) has no fo"):
        Quantized(models.build("bicubic", 2))


@pytest.mark.slow
def test_fine_tuning_leaves_the_network_as_it_is():
    network = models.build("lens", 2, num_blocks=1, num_filters=4, channels=1)
    first = network.get_weights()
    source = pipelines.open_source(str(_PHOTOS), 2, "bicubic")
    seen = []
    learner = quantization.fine_tune(
        network, source, 2, watch=lambda *found: seen.append(found)
    )
    assert [step for step, _ in seen] == [1, 2]
    assert 0 < seen[0][1] < 1e-4  # it is on what the network gives, not on HR
    for mine, theirs in zip(network.get_weights(), first, strict=True):
        assert np.array_equal(mine, theirs)
    learned = learner.get_layer("head_8bit").source.kernel
    assert not np.array_equal(learned, first[0])


@pytest.mark.slow
def test_the_command_fine_tunes(tmp_path, capfd):
    path = tmp_path / "fast8.tflite"
    ended = command(
        capfd, "export", "fast", "--scale", 2, "-o", path, "--quantize", "int8",
        "--fine-tune", _PHOTOS, "--steps", 100, "--no-measure",
        "--max-loss-db", 0.4,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert "step 100 of 100, loss" in ended.err
    assert exported.load(path).about["quantize"] == "int8"


@pytest.mark.parametrize(
    "more, reason",
    [
        (["--quantize", "float16", "--fine-tune", "x"], "goes with --quantize"),
        (["--quantize", "int8", "--fine-tune", "x", "--calibrate", "y"],
         "one of them"),
        (["--quantize", "int8", "--fine-tune", "x", "--steps", "0"],
         "--steps is 1 or more, not 0"),
        (["--quantize", "int8", "--fine-tune", "no_such_folder"],
         "no_such_folder"),
    ],
)  # fmt: skip
def test_wrong_wishes_are_one_line(tmp_path, capfd, more, reason):
    path = tmp_path / "a.tflite"
    ended = command(capfd, "export", "fast", "--scale", 2, "-o", path, *more)
    assert ended.code == 2
    assert len(ended.lines) == 1 and reason in ended.err
    assert not list(tmp_path.iterdir())
