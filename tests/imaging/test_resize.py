import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from flower import FLOWER, gaussian, skewed
from PIL import Image
from scipy import fft

from sr_keras.imaging.resize import (
    apply,
    imresize,
    imresize_part,
    matrices,
    output_size,
    resize,
    weights,
)

HALF = [
    [171, 166, 173, 187, 188, 176],
    [119, 127, 144, 168, 178, 168],
    [209, 212, 215, 202, 159, 153],
    [200, 197, 173, 143, 136, 121],
    [113, 150, 164, 163, 122, 88],
    [167, 197, 181, 136, 135, 109],
]
THIRD = [
    [150, 157, 181, 178],
    [183, 191, 183, 159],
    [175, 175, 148, 114],
    [157, 180, 143, 108],
]
QUARTER = [[153, 174, 179], [192, 179, 141], [162, 161, 112]]
DOUBLE_TOP = """
209 210 213 214 213 210 203 200 202 204 208 210
211 212 213 213 212 212 213 211 207 197 182 175
"""
NAMES = ["cubic", "linear", "box", "nearest", "lanczos3", "fourier"]


def exact_cubic(x):
    x = abs(x)
    if x <= 1:
        return Fraction(3, 2) * x**3 - Fraction(5, 2) * x**2 + 1
    if x <= 2:
        return -(x**3) / 2 + Fraction(5, 2) * x**2 - 4 * x + 2
    return Fraction(0)


def exact_line(values, length, scale):
    """One axis of imresize, by its definition, in rational arithmetic."""
    out = []
    for i in range(length):
        u = (i + Fraction(1, 2)) / scale - Fraction(1, 2)
        stretch = min(scale, 1)
        reach = int(2 / stretch) + 3
        taps = range(int(u) - reach, int(u) + reach)
        w = [exact_cubic((u - k) * stretch) for k in taps]
        k = [k % (2 * len(values)) for k in taps]
        k = [min(j, 2 * len(values) - 1 - j) for j in k]
        total = sum(a * int(values[j]) for a, j in zip(w, k, strict=True))
        rounded = (total / sum(w) + Fraction(1, 2)).__floor__()
        out.append(min(max(rounded, 0), 255))
    return out


@pytest.mark.parametrize(
    "factor, expected", [(2, HALF), (3, THIRD), (4, QUARTER)]
)
def test_shrinks_uint8_bit_for_bit(factor, expected):
    small = imresize(FLOWER, 1 / factor)
    assert small.dtype == np.uint8
    np.testing.assert_array_equal(small, expected)


def test_enlarges_uint8_bit_for_bit():
    big = imresize(FLOWER, 2)
    assert big.shape == (24, 24)
    np.testing.assert_array_equal(big[0], np.array(DOUBLE_TOP.split(), int))


@pytest.mark.parametrize(
    "scale", [Fraction(1, 2), Fraction(1, 3), Fraction(4, 9), Fraction(7, 3)]
)
def test_agrees_with_exact_arithmetic(scale):
    image = np.random.default_rng(1).integers(0, 256, (18, 9), np.uint8)
    h, w = -(-18 * scale // 1), -(-9 * scale // 1)
    rows = np.array([exact_line(c, h, scale) for c in image.T]).T
    expected = [exact_line(r, w, scale) for r in rows]
    # The size is given: in floats 18 * (1/3) need not be 6 exactly.
    got = imresize(image, float(scale), size=(h, w))
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("factor", [2, 3, 4, 8])
def test_reproduces_the_stored_set5(factor):
    root = os.environ.get("SR_KERAS_DATA")
    if not root:
        pytest.skip("SR_KERAS_DATA does not say where Set5 is")
    folder = Path(root) / "benchmark" / "Set5"
    paths = sorted((folder / "HR").glob("*.png"))
    assert len(paths) == 5
    for path in paths:
        lr = folder / "LR_bicubic" / f"X{factor}"
        lr = np.array(Image.open(lr / f"{path.stem}x{factor}.png"))
        hr = np.array(Image.open(path))
        hr = hr[: len(lr) * factor, : lr.shape[1] * factor]
        if factor == 8:  # these were resized as floats and rounded once
            small = imresize(hr / 255, 1 / 8) * 255
            small = np.floor(np.clip(small, 0, 255) + 0.5)
        else:
            small = imresize(hr, 1 / factor)
        assert (small != lr).sum() == 0, path.name


def test_agrees_with_pillow_inside():
    # Pillow's bicubic is the same kernel, but it cuts it off at the border.
    image = np.random.default_rng(2).random((60, 50)).astype(np.float32)
    theirs = Image.fromarray(image).resize((25, 30), Image.BICUBIC)
    ours = imresize(image, 0.5)
    difference = np.abs(ours - np.asarray(theirs))[3:-3, 3:-3]
    assert difference.max() < 1e-6
    assert np.abs(ours - np.asarray(theirs)).max() > 1e-3


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scale", [0.3, 0.5, 1.0, 1.7, 3.0])
def test_weights_keep_the_brightness(name, scale):
    matrix = weights(11, 7, scale, name)
    assert matrix.shape == (7, 11)
    assert matrix.dtype == np.float64
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_a_scale_of_one_changes_nothing(name):
    np.testing.assert_allclose(weights(9, 9, 1, name), np.eye(9), atol=1e-14)


@pytest.mark.parametrize("name", ["cubic", "linear", "lanczos3", "fourier"])
def test_a_mirrored_image_gives_a_mirrored_result(name):
    image = np.random.default_rng(3).random((10, 8, 3))
    for scale in (0.5, 2.0):
        flipped = imresize(image[::-1, ::-1], scale, kernel=name)
        expected = imresize(image, scale, kernel=name)[::-1, ::-1]
        np.testing.assert_allclose(flipped, expected, atol=1e-14)


def test_the_border_is_the_mirrored_image():
    image = np.random.default_rng(4).random((6, 6))
    wide = np.pad(image, 6, mode="symmetric")
    np.testing.assert_allclose(
        imresize(image, 2), imresize(wide, 2)[12:-12, 12:-12], atol=1e-14
    )


def test_nearest_copies_pixels():
    expected = FLOWER.repeat(3, axis=0).repeat(3, axis=1)
    np.testing.assert_array_equal(imresize(FLOWER, 3, kernel="box"), expected)
    small = imresize(FLOWER, 1 / 3, kernel="nearest")
    np.testing.assert_array_equal(small, FLOWER[1::3, 1::3])


def test_linear_is_exact_on_a_ramp():
    ramp = np.arange(10.0)[None].repeat(4, axis=0)
    big = imresize(ramp, (1, 2), kernel="linear")
    np.testing.assert_allclose(big[0, 1:-1], np.arange(0.25, 9, 0.5))


@pytest.mark.parametrize("scale", [2, 3])
def test_fourier_is_the_padded_spectrum(scale):
    image = np.random.default_rng(15).random((7, 10))
    spectrum = fft.dctn(image, norm="ortho") * scale
    more = [(0, n * (scale - 1)) for n in image.shape]
    expected = fft.idctn(np.pad(spectrum, more), norm="ortho")
    got = imresize(image, scale, kernel="fourier")
    np.testing.assert_allclose(got, expected, atol=1e-13)


def test_fourier_is_exact_for_a_wave_it_can_hold():
    def wave(u):  # symmetric about -0.5 and 19.5
        return np.cos(np.pi * 6 * (u + 0.5) / 20)

    line = wave(np.arange(20))[None]
    got = imresize(line, (1, 2.37), kernel="fourier")
    expected = wave((np.arange(48) + 0.5) / 2.37 - 0.5)
    np.testing.assert_allclose(got[0], expected, atol=1e-13)


def test_sizes_and_scales():
    image = FLOWER[:7, :10]
    assert imresize(image, 0.5).shape == (4, 5)  # ceil
    assert imresize(image, (2, 0.5)).shape == (14, 5)
    assert imresize(image, size=(3, 9)).shape == (3, 9)
    by_size = imresize(image, size=(14, 15))
    np.testing.assert_array_equal(by_size, imresize(image, (2, 1.5)))
    # With both, the scale alone says where the pixels lie.
    cut = imresize(image, 2, size=(5, 6))
    np.testing.assert_array_equal(cut, imresize(image, 2)[:5, :6])


def test_the_size_of_a_whole_product_is_that_product():
    assert output_size((3, 30), (1 / 3 + 1e-16, 0.1)) == (1, 3)
    assert output_size((7, 10), (0.5, 0.31)) == (4, 4)
    assert output_size((1, 2), (0.1, 0.1)) == (1, 1)


@pytest.mark.parametrize("kernel", ["cubic", "fourier", np.ones((3, 5)) / 15])
def test_matrices_are_the_resizing(kernel):
    image = np.random.default_rng(16).random((12, 9, 2))
    pairs = matrices((12, 9), (0.5, 0.4), kernel=kernel)
    np.testing.assert_allclose(
        apply(pairs, image),
        imresize(image, (0.5, 0.4), kernel=kernel),
        atol=1e-14,
    )


def test_the_axis_with_the_smaller_scale_goes_first():
    image = np.random.default_rng(5).integers(0, 256, (40, 40), np.uint8)
    across = imresize(imresize(image, (1, 0.5)), (0.75, 1))
    np.testing.assert_array_equal(imresize(image, (0.75, 0.5)), across)
    down = imresize(imresize(image, (0.75, 1)), (1, 0.5))
    assert (across != down).any()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint16"])
def test_keeps_the_dtype(dtype):
    top = 65535 if dtype == "uint16" else 1
    image = (FLOWER[..., None] / 255 * top).astype(dtype)
    small = imresize(image, 0.5)
    assert small.dtype == dtype
    assert small.shape == (6, 6, 1)
    expected = np.array(HALF) / 255 * top
    assert np.abs(small[..., 0] - expected).max() < 0.003 * top


def test_floats_are_not_clipped():
    edge = np.zeros((4, 8))
    edge[:, 4:] = 1
    big = imresize(edge, 2)
    assert big.min() < -0.01
    assert big.max() > 1.01


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({}, "scale, size or both"),
        ({"scale": 0}, "positive and finite"),
        ({"scale": -2}, "positive and finite"),
        ({"scale": float("nan")}, "positive and finite"),
        ({"scale": (1, 2, 3)}, "two values at most"),
        ({"size": (0, 4)}, "whole numbers from 1 up"),
        ({"size": (2.5, 4)}, "whole numbers from 1 up"),
        ({"size": (float("inf"), 4)}, "whole numbers from 1 up"),
        ({"scale": ()}, "two values at most"),
        ({"size": 4}, "size is .height, width."),
        ({"scale": 2, "kernel": "qubic"}, "no kernel 'qubic'.*fourier"),
    ],
)
def test_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        imresize(FLOWER, **arguments)
    with pytest.raises(ValueError, match=message):
        resize(np.zeros((1, 4, 4, 1), np.float32), **arguments)


def test_refuses_bad_images():
    with pytest.raises(ValueError, match=r"shape .*\(4,\)"):
        imresize(np.zeros(4), 2)
    with pytest.raises(ValueError, match=r"\(0, 4\)"):
        imresize(np.zeros((0, 4)), 2)
    with pytest.raises(TypeError, match="int32"):
        imresize(np.zeros((4, 4), np.int32), 2)
    with pytest.raises(TypeError, match="uint8"):
        resize(FLOWER[None, ..., None], 2)
    with pytest.raises(ValueError, match=r"\(12, 12\)"):
        resize(FLOWER / 255, 2)


# The Keras twin


def all_kernels():
    rng = np.random.default_rng(11)
    return [*NAMES, gaussian(13, 1.7), gaussian(9, 1.2, 0.8), skewed(rng)]


@pytest.mark.parametrize("kernel", all_kernels(), ids=lambda k: str(k)[:8])
@pytest.mark.parametrize("scale", [0.5, (1 / 3, 0.43), (0.9, 1.0), 2.37])
def test_twin_agrees(kernel, scale):
    if not isinstance(kernel, str) and scale == 2.37:
        scale = 1 / 8
    images = np.random.default_rng(12).random((2, 31, 24, 3))
    images = images.astype(np.float32)
    got = np.asarray(resize(images, scale, kernel=kernel))
    assert got.dtype == np.float32
    for one, image in zip(got, images, strict=True):
        expected = imresize(image.astype(np.float64), scale, kernel=kernel)
        np.testing.assert_allclose(one, expected, rtol=0, atol=1e-6)


def test_twin_in_a_dataset_and_in_a_graph_is_the_eager_one():
    import tensorflow as tf

    images = np.random.default_rng(13).random((4, 12, 10, 3))
    images = images.astype(np.float32)
    kernel = gaussian(7, 1.3)

    def shrink(batch):
        return resize(batch, 0.5), resize(batch, 0.5, kernel=kernel)

    eager = [np.asarray(part) for part in shrink(images)]
    dataset = tf.data.Dataset.from_tensor_slices(images).batch(4)
    mapped = next(iter(dataset.map(shrink)))  # the batch size is unknown
    traced = tf.function(shrink)(tf.constant(images))
    for a, b, c in zip(eager, mapped, traced, strict=True):
        assert a.shape == (4, 6, 5, 3)
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-7)
        np.testing.assert_allclose(a, c, rtol=0, atol=1e-7)


def test_twin_has_the_transposed_matrix_for_a_gradient():
    import tensorflow as tf

    x = tf.Variable(np.random.default_rng(14).random((1, 8, 8, 1)))
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(resize(x, 0.5)[:, 1, 2])
    gradient = tape.gradient(y, x)[0, :, :, 0]
    w = weights(8, 4, 0.5)
    np.testing.assert_allclose(gradient, np.outer(w[1], w[2]), atol=1e-12)


def test_twin_needs_known_sizes():
    import keras

    with pytest.raises(ValueError, match="known H, W and C"):
        resize(keras.KerasTensor((None, None, 8, 3)), 2)
    assert resize(keras.KerasTensor((None, 4, 8, 3)), 2).shape[1:] == (8, 16, 3)


def test_numpy_use_loads_no_keras():
    code = "import sys, sr_keras.imaging.resize; print('keras' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert done.stdout.strip() == "False", done.stderr


@pytest.mark.parametrize("scale", [1 / 2, 1 / 3, 1 / 4, (1 / 3, 1 / 2), 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_part_has_the_bits_of_the_whole(scale, dtype):
    rng = np.random.default_rng(4)
    image = (rng.random((48, 36, 3)) * 255).astype(dtype)
    whole = imresize(image, scale)
    rows, columns = whole.shape[:2]
    for part in (
        (slice(0, rows), slice(0, columns)),
        (slice(0, 3), slice(columns - 2, columns)),
        (slice(rows // 2, rows // 2 + 5), slice(1, 2)),
    ):
        mine = imresize_part(image, scale, part)
        np.testing.assert_array_equal(mine, whole[part])
