"""Exported files: that they compute what the network does, and hold to it."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from cli_runs import command, save, scene, tree
from keras import layers, ops

import sr_keras
from sr_keras import models
from sr_keras.exporting import tflite
from sr_keras.imaging import images
from sr_keras.imaging.resize import imresize
from sr_keras.inference import exported
from sr_keras.models import artifact
from sr_keras.models.layers import PixelShuffle
from sr_keras.models.network import Network


def tiny(channels=3, seed=0, **about):
    """A small network for RGB or luma, of weights that show in 8 bits."""
    keras.utils.set_random_seed(seed)
    name, more = "edsr", {"num_blocks": 1, "num_filters": 6}
    if channels == 1:
        name, more = "espcn", {}
    network = models.build(name, 2, **more)
    if channels == 1:
        # About grey: luma that cannot be is clipped only where it comes out.
        last = network.layers[-2]
        last.kernel.assign(0.2 * last.kernel)
        last.bias.assign([0.5] * 4)
    network.about = about
    return network


@pytest.fixture(scope="module")
def rgb():
    return tiny()


@pytest.fixture(scope="module")
def luma():
    return tiny(1)


@pytest.fixture
def photos(tmp_path):
    """A folder of two photos."""
    for i, size in enumerate(((96, 80), (70, 72))):
        save(tmp_path / "photos" / f"{i}.png", scene(*size, seed=i))
    return tmp_path / "photos"


def export(network, path, **options):
    return sr_keras.export(network, path, measure=False, **options)


def enlarged(network, image, **options):
    return sr_keras.upscale(image, network, **options)


@pytest.mark.parametrize(
    "quantize, most", [("none", 1e-5), ("float16", 5e-3), ("dynamic", 0.05)]
)
def test_tflite_computes_what_the_network_does(rgb, tmp_path, quantize, most):
    report = export(rgb, tmp_path / "a.tflite", quantize=quantize)
    assert report["max_difference"] < most
    # What is stored coarsely is not the same.
    assert (report["max_difference"] > 1e-5) == (quantize != "none")
    assert report["operations"]["DEPTH_TO_SPACE"] == 1
    assert not {"READ_VARIABLE", "VAR_HANDLE"} & set(report["operations"])
    image = scene(30, 23)
    found = enlarged(tmp_path / "a.tflite", image)
    assert abs(found - enlarged(rgb, image)).max() < most


def test_the_report_stands_beside_the_file(rgb, photos, tmp_path):
    report = export(rgb, tmp_path / "a.tflite", data=photos)
    stored = json.loads((tmp_path / "a.tflite.parity.json").read_text())
    assert stored == report
    assert [row["photo"] for row in report["photos"]] == ["0.png", "1.png"]
    hr = images.quantize(scene(96, 80, seed=0), 8)
    lr = imresize(hr, 0.5) / np.float32(255)
    from sr_keras.evaluation.metrics import psnr

    expected = psnr(enlarged(rgb, lr), hr, "y", 2)
    assert report["photos"][0]["psnr_file"] == pytest.approx(expected, abs=1e-3)
    text = (tmp_path / "a.tflite.parity.md").read_text()
    assert "DEPTH_TO_SPACE" in text and "| 1.png |" in text


def test_int8_takes_and_gives_bytes(rgb, photos, tmp_path):
    path = tmp_path / "a.tflite"
    report = export(rgb, path, quantize="int8", calibration=photos)
    assert 1e-3 < report["max_difference"] < 0.1
    run = exported.interpreter(path.read_bytes(), path)
    given, made = run.get_input_details()[0], run.get_output_details()[0]
    assert given["dtype"] == made["dtype"] == np.uint8
    assert given["quantization"] == (pytest.approx(1 / 255), 0)
    assert (given["name"], made["name"]) == ("images", "sr")


class Ranged(layers.Layer):
    """A feature with a learned range, as fine-tuning leaves it."""

    def call(self, x):
        import tensorflow as tf

        return tf.quantization.fake_quant_with_min_max_vars(x, 0.0, 1.0)

    def compute_output_shape(self, shape):
        return shape


@pytest.mark.parametrize("count", [1, 3])
def test_learned_ranges_need_no_photos(tmp_path, count):
    inputs = keras.Input((None, None, count))
    x = layers.Conv2D(4 * count, 3, padding="same")(Ranged()(inputs))
    x = Ranged()(layers.ReLU()(x))
    x = PixelShuffle(2)(x)
    network = Network(inputs, x, 2, name="ranged")
    export(network, tmp_path / "a.tflite", quantize="int8")
    run = exported.interpreter((tmp_path / "a.tflite").read_bytes(), "a")
    assert run.get_input_details()[0]["shape"][-1] == 3
    for details in (*run.get_input_details(), *run.get_output_details()):
        assert details["dtype"] == np.uint8
        assert details["quantization"] == (pytest.approx(1 / 255), 0)
    with pytest.raises(ValueError, match="--quantize int8"):
        export(network, tmp_path / "b.tflite")


def test_colour_goes_around_luma_or_does_not(luma, tmp_path):
    image = scene(24, 20)
    for colour, count in ((True, 3), (False, 1)):
        path = tmp_path / f"{count}.tflite"
        export(luma, path, colour=colour)
        made = exported.load(path)
        assert made.input_shape[-1] == count and made.luma != colour
        found = enlarged(made, image)
        assert abs(found - enlarged(luma, image)).max() < 1e-5


@pytest.mark.parametrize("size", [(70, 59), (32, 40), (20, 100)])
def test_a_fixed_size_is_tiled_to_that_size(rgb, tmp_path, size):
    export(rgb, tmp_path / "a.tflite", input_size=(32, 40))
    made = exported.load(tmp_path / "a.tflite")
    shapes = []
    run, made._opened = made._opened, lambda x: shapes.append(x.shape) or run(x)
    image = scene(*size)
    found = enlarged(made, image)
    assert set(shapes) == {(1, 32, 40, 3)}
    error = abs(found - enlarged(rgb, image)).max(axis=(1, 2))
    # What is smaller than the file's size sees itself mirrored at its end.
    assert error[: 2 * (size[0] - rgb.reach)].max() < 1e-5
    assert error.max() < 1e-5 or size[0] < 32


def test_windows_leave_nothing_out():
    assert exported._windows(40, 40, 6) == [(0, 0)]
    for length in range(40, 200):
        windows = exported._windows(length, 40, 6)
        ends = [top for _, top in windows[1:]] + [length + 6]
        for (start, top), end in zip(windows, ends, strict=True):
            assert 0 <= start <= length - 40
            assert top >= start + (6 if start else 0) and end <= start + 40 + 6


class Spread(layers.Layer):
    def call(self, x):
        n, h, w, c = ops.shape(x)
        return ops.reshape(x, (n, h // 2, 2, w, c))[:, :, 0]

    def compute_output_shape(self, shape):
        return (shape[0], None, *shape[2:])


def test_what_phones_have_not_is_refused(tmp_path):
    inputs = keras.Input((None, None, 3))
    network = Network(inputs, Spread()(inputs), 1, name="spread")
    with pytest.raises(ValueError, match="5 axes"):
        export(network, tmp_path / "a.tflite")
    with pytest.raises(ValueError, match="fourier .*--input-size"):
        export("fourier", tmp_path / "a.tflite")
    assert not tree(tmp_path)


def test_a_loss_beyond_the_limit_leaves_no_file(rgb, photos, tmp_path):
    before = tree(tmp_path)
    options = {"quantize": "int8", "calibration": photos, "data": photos}
    with pytest.raises(ValueError, match="loses .* dB, more than"):
        export(rgb, tmp_path / "a.tflite", max_loss_db=0, **options)
    assert tree(tmp_path) == before


def test_a_network_of_nan_is_refused(tmp_path):
    network = tiny()
    network.set_weights([w * np.nan for w in network.get_weights()])
    with pytest.raises(ValueError, match="NaN"):
        export(network, tmp_path / "a.tflite")
    assert not tree(tmp_path)


LOADS = """
import base64, sys
import numpy as np
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
x = np.load(sys.argv[2])
sr = model.signatures["serving_default"](images=tf.constant(x))["sr"]
content = tf.io.read_file(sys.argv[3])
files = tf.stack([content, tf.io.encode_jpeg(tf.io.decode_png(content))])
got = model.signatures["serve_bytes"](image_bytes=files)["sr_bytes"]
np.save(sys.argv[4], sr)
tf.io.write_file(sys.argv[5], got[0])
assert tf.io.decode_png(got[1]).shape == (48, 40, 3)
assert not {name for name in sys.modules if name.startswith("sr_keras")}
"""


@pytest.mark.slow
def test_a_saved_model_needs_neither_us_nor_a_size(luma, tmp_path):
    export(luma, tmp_path / "saved")
    image = scene(24, 20)
    batch = np.stack([image, image[::-1]])
    np.save(tmp_path / "in.npy", batch)
    save(tmp_path / "in.png", image)
    names = ("saved", "in.npy", "in.png", "out.npy", "out.png")
    done = subprocess.run(
        [sys.executable, "-c", LOADS, *(tmp_path / n for n in names)],
        capture_output=True, text=True, cwd=tmp_path, env={},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    expected = [enlarged(luma, x) for x in batch]
    assert abs(np.load(tmp_path / "out.npy") - expected).max() < 1e-5
    coarse = images.read(tmp_path / "in.png").pixels
    codes = images.quantize(enlarged(luma, coarse), 8)
    found = images.quantize(images.read(tmp_path / "out.png").pixels, 8)
    assert abs(codes.astype(int) - found).max() <= 1


@pytest.mark.slow
def test_onnx_computes_what_the_network_does(luma, tmp_path):
    for name in ("onnx", "tf2onnx", "onnxruntime"):
        pytest.importorskip(name, reason="pip install 'sr_keras[onnx]'")
    report = export(luma, tmp_path / "a.onnx")
    assert report["max_difference"] < 1e-5
    assert report["operations"]["DepthToSpace"] >= 1
    image = scene(30, 23)
    found = enlarged(tmp_path / "a.onnx", image)
    assert abs(found - enlarged(luma, image)).max() < 1e-5


def test_refiners_have_their_interpolation_inside(tmp_path):
    keras.utils.set_random_seed(0)
    for name, more in (
        ("zssr", {"num_layers": 2, "num_filters": 4}),
        ("srcnn", {"num_filters": (4, 4)}),
    ):
        network = models.build_bare(name, 2, **more)
        report = export(network, tmp_path / f"{name}.tflite")
        assert report["max_difference"] < 1e-5
        assert report["scale"] == 2
    odd = models.build_bare("zssr", (2, 2.37), num_layers=2, num_filters=4)
    with pytest.raises(ValueError, match="whole factor.*2.37x2"):
        export(odd, tmp_path / "odd.tflite")
    with pytest.raises(ValueError, match="learned x2, not x3"):
        export(network, tmp_path / "odd.tflite", scale=3)


def test_the_commands_take_a_file_for_a_network(rgb, photos, place, capfd):
    artifact.save(rgb, "a.keras")
    made = command(
        capfd, "export", "a.keras", "-o", "a.tflite", "--data", photos,
        "--no-measure",
    )  # fmt: skip
    assert (made.code, made.err) == (0, "")
    assert "operations: " in made.out and "wrote a.tflite" in made.out
    done = command(capfd, "export", "a.keras", "-o", "saved", "--no-measure")
    assert done.code == 0, done.err
    found = []
    for model in ("a.keras", "a.tflite", "saved"):
        more = ("--model", model, "--overwrite")
        done = command(capfd, "upscale", photos / "0.png", "-o", "o.png", *more)
        assert (done.code, done.err) == (0, "")
        codes = images.quantize(images.read("o.png").pixels, 8)
        done = command(
            capfd, "evaluate", "--model", model, "--data", photos,
            "--json", "e.json", "--protocol", "y", "--metric", "psnr",
        )  # fmt: skip
        assert (done.code, done.err) == (0, "")
        found.append((codes.astype(int), done.out))
    for i, name in enumerate(("a.tflite", "saved"), 1):
        assert abs(found[0][0] - found[i][0]).max() <= 1
        assert found[0][1].replace("a.keras", name) == found[i][1]
    for wrong in (
        ("train", "--model", "a.tflite", "--data", photos),
        ("adapt", "--model", "a.tflite", "--images", photos),
        ("export", "a.tflite", "-o", "b.tflite"),
        ("evaluate", "--model", "a.tflite", "--data", photos,
         "--precision", "bfloat16"),
    ):  # fmt: skip
        done = command(capfd, *wrong)
        assert done.code == 2 and "is an exported file" in done.err
        assert len(done.lines) == 1


BAD = {
    "a factor": ("a.keras --scale 3 -o a.tflite", "enlarges by 2, not by 3"),
    "no folder": ("a.keras -o no/a.tflite", "no folder"),
    "an ending": ("a.keras --format onnx -o a.tflite", "ends in .onnx"),
    "a folder's": ("a.keras --format saved_model -o a.tflite", "is a folder"),
    "numbers": ("a.keras -o saved --quantize int8", "for --format tflite"),
    "a size": ("a.keras -o a.tflite --input-size 4x64", "16 pixels or more"),
    "no size": ("a.keras -o a.tflite --input-size big", "64x64"),
    "no photos": ("a.keras -o a.tflite --quantize int8", "--calibrate"),
    "no data": ("a.keras -o a.tflite --data no", "does not exist"),
    "a limit": ("a.keras -o a.tflite --max-loss-db -1", "from 0"),
    "there": ("a.keras -o old.tflite", "--overwrite"),
    "no network": ("no.keras -o a.tflite", "no network"),
    "foreign": ("old.tflite -o a.tflite", "not a TFLite file"),
}


def test_bad_input_is_one_line_and_leaves_nothing(rgb, place, capfd):
    artifact.save(rgb, "a.keras")
    (place / "old.tflite").write_bytes(b"old")
    before = tree(place)
    for line, told in BAD.values():
        ended = command(capfd, "export", *line.split(), "--no-measure")
        assert ended.code == 2, line
        assert len(ended.lines) == 1, ended.err
        assert told in ended.err
        assert tree(place) == before


def test_files_of_others_are_refused(tmp_path):
    import tensorflow as tf

    function = tf.function(lambda x: x + 1.0)
    concrete = function.get_concrete_function(tf.TensorSpec((1, 8, 8, 3)))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    (tmp_path / "a.tflite").write_bytes(converter.convert())
    tf.saved_model.save(tf.Module(), str(tmp_path / "saved"))
    for name in ("a.tflite", "saved"):
        with pytest.raises(ValueError, match="was not written by sr-keras"):
            sr_keras.load(tmp_path / name)


@pytest.mark.slow
def test_time_and_memory_are_measured(rgb, tmp_path):
    report = sr_keras.export(rgb, tmp_path / "a.tflite")
    assert report["measured_at"] == [256, 256]
    assert 0 < report["milliseconds"] < 60_000
    assert report["peak_megabytes"] > 1
    assert tflite.operations((tmp_path / "a.tflite").read_bytes())


@pytest.mark.slow
@pytest.mark.parametrize("name", models.list_models())
def test_every_network(name, tmp_path):
    small = {"num_blocks": 1, "num_filters": 8} if "edsr" in name else {}
    scale = 4 if name.startswith("drn") else 2
    network = models.build(name, scale, **small)
    report = export(network, tmp_path / "a.tflite", input_size=(48, 48))
    assert report["max_difference"] < 1e-3
