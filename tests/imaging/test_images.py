import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest
from image_files import picture

from sr_keras.imaging import images
from sr_keras.imaging.images import Image

# --- leaving float ---------------------------------------------------------


@pytest.mark.parametrize("bits", [8, 16])
def test_quantize_returns_every_number_of_a_file(bits):
    numbers = np.arange(1 << bits)
    floats = (numbers / np.float64(len(numbers) - 1)).astype(np.float32)
    back = images.quantize(floats, bits)
    assert back.dtype == f"uint{bits}"
    np.testing.assert_array_equal(back, numbers)


def test_quantize_rounds_half_away_from_zero():
    # Half to even, as np.round does it, gives 0, 2, 2, 4.
    halves = np.array([0.5, 1.5, 2.5, 3.5]) / 255
    np.testing.assert_array_equal(images.quantize(halves, 8), [1, 2, 3, 4])


def test_quantize_rounds_just_below_half_down():
    value = np.float32([0.0019607842])
    assert value * 255 < 0.5
    assert np.floor(value * 255 + np.float32(0.5)) == 1  # the sum is rounded
    assert images.quantize(value, 8) == 0


def test_quantize_clips_and_does_not_wrap():
    outside = np.array([-0.1, -1e9, 1.004, 7.0, np.inf, -np.inf])
    expected = [0, 0, 255, 255, 255, 0]
    np.testing.assert_array_equal(images.quantize(outside, 8), expected)


def test_quantize_takes_half_precision():
    assert images.quantize(np.float16([1.0]), 16) == 65535


def test_quantize_to_32_bits_only_clips():
    values = np.float32([-1, 0.1234567, 2])
    back = images.quantize(values, 32)
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back, np.float32([0, 0.1234567, 1]))


@pytest.mark.parametrize(
    ("pixels", "bits", "error", "message"),
    [
        (np.zeros(3), 12, ValueError, "8, 16 or 32"),
        (np.array([0.0, np.nan]), 8, ValueError, "NaN"),
        (np.array([0, 255], np.uint8), 8, TypeError, "floats"),
    ],
)
def test_quantize_refuses(pixels, bits, error, message):
    with pytest.raises(error, match=message):
        images.quantize(pixels, bits)


# --- round trips -----------------------------------------------------------

LOSSLESS = [
    (suffix, channels, alpha, bits)
    for suffix, depths, kinds in [
        (".png", (8, 16), [(1, 0), (1, 1), (3, 0), (3, 1)]),
        (".tif", (8, 16, 32), [(1, 0), (1, 1), (3, 0), (3, 1), (2, 0)]),
        (".tiff", (8, 16, 32), [(4, 0), (5, 0), (12, 0)]),
        (".npy", (8, 16, 32), [(1, 0), (2, 0), (3, 0), (4, 0), (31, 0)]),
        (".bmp", (8,), [(1, 0), (3, 0)]),
    ]
    for bits in depths
    for channels, alpha in kinds
]


@pytest.mark.parametrize(("suffix", "channels", "alpha", "bits"), LOSSLESS)
def test_what_is_written_is_read(tmp_path, suffix, channels, alpha, bits):
    image = picture(channels, bool(alpha), bits)
    images.write(tmp_path / f"a{suffix}", image)
    back = images.read(tmp_path / f"a{suffix}")
    assert back.pixels.dtype == np.float32
    np.testing.assert_array_equal(back.pixels, image.pixels)
    assert (back.alpha is None) == (image.alpha is None)
    if alpha:
        np.testing.assert_array_equal(back.alpha, image.alpha)
    assert back.bits == bits
    assert back.format == images.SUFFIXES[suffix]
    assert back.notes == ()


WRITTEN = {s for s, k in images.SUFFIXES.items() if k not in ("gif", "avif")}


@pytest.mark.parametrize("suffix", sorted(WRITTEN))
@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 7), (1, 9), (9, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_tiny_images(tmp_path, suffix, height, width, channels):
    image = Image(np.full((height, width, channels), 0.6, np.float32))
    images.write(tmp_path / f"a{suffix}", image)
    back = images.read(tmp_path / f"a{suffix}")
    assert (back.height, back.width) == (height, width)
    assert back.pixels.shape[2] == (3 if suffix == ".webp" else channels)
    np.testing.assert_allclose(back.pixels, 0.6, atol=0.02)


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_quality_is_used(tmp_path, suffix):
    ramp = np.linspace(0, 1, 64, dtype=np.float32)
    image = Image(np.stack(np.meshgrid(ramp, ramp, [0.3]), -1)[:, :, 0])
    errors = []
    for quality in (5, 60, 100):
        images.write(tmp_path / f"a{suffix}", image, quality)
        back = images.read(tmp_path / f"a{suffix}").pixels
        errors.append(np.abs(back - image.pixels).mean())
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.01


def test_suffix_may_be_in_capitals(tmp_path):
    images.write(tmp_path / "A.PNG", picture())
    assert images.read(tmp_path / "A.PNG").format == "png"


def test_content_and_not_suffix_says_the_format(tmp_path):
    images.write(tmp_path / "a.tif", picture())
    os.rename(tmp_path / "a.tif", tmp_path / "a.png")
    assert images.read(tmp_path / "a.png").format == "tiff"


# --- conversions on writing ------------------------------------------------


@pytest.mark.parametrize("suffix", [".jpg", ".bmp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_alpha_goes_onto_white(tmp_path, suffix, channels):
    pixels = np.zeros((16, 16, channels), np.float32)
    alpha = np.full((16, 16, 1), 0.25, np.float32)
    images.write(tmp_path / f"a{suffix}", Image(pixels, alpha))
    back = images.read(tmp_path / f"a{suffix}")
    assert back.alpha is None
    assert back.pixels.shape[2] == channels
    np.testing.assert_allclose(back.pixels, 191 / 255, atol=1e-6)


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".bmp"])
def test_16_bits_become_8_where_they_must(tmp_path, suffix):
    image = dataclasses.replace(
        picture(bits=16), pixels=np.full((8, 8, 3), 0.5)
    )
    images.write(tmp_path / f"a{suffix}", image, 100)
    back = images.read(tmp_path / f"a{suffix}")
    assert back.bits == 8
    np.testing.assert_allclose(back.pixels, 128 / 255, atol=0.012)


def test_floats_become_16_bit_png(tmp_path):
    image = Image(np.full((2, 2, 1), 0.123456, np.float32), bits=32)
    images.write(tmp_path / "a.png", image)
    back = images.read(tmp_path / "a.png")
    assert back.bits == 16
    np.testing.assert_array_equal(back.pixels * 65535, round(0.123456 * 65535))


def test_npy_holds_alpha_as_its_last_channel(tmp_path):
    image = picture(3, alpha=True)
    images.write(tmp_path / "a.npy", image)
    both = np.concatenate([image.pixels, image.alpha], -1)
    np.testing.assert_array_equal(
        np.load(tmp_path / "a.npy"), np.round(both * 255).astype(np.uint8)
    )


@pytest.mark.parametrize(
    ("name", "image", "message"),
    [
        ("a.gif", picture(), "'.gif': use .png .jpg"),
        ("a.jp2", picture(), "'.jp2': use .png .jpg"),
        ("a", picture(), "use .png .jpg"),
        ("a.png", picture(5), "5 channels: use .tif or .npy"),
        ("a.webp", picture(height=1, width=16384), "16384x1: .* 16383"),
        ("a.jpg", picture(height=65501, width=1), "1x65501: .* 65500"),
    ],
)
def test_what_a_format_cannot_hold(tmp_path, name, image, message):
    with pytest.raises(ValueError, match=message):
        images.write(tmp_path / name, image)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("quality", [0, 101])
def test_quality_is_1_to_100(tmp_path, quality):
    with pytest.raises(ValueError, match=f"1 to 100, not {quality}"):
        images.write(tmp_path / "a.jpg", picture(), quality)


# --- alpha -----------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
def test_working_array_is_premultiplied_and_back(channels):
    image = picture(channels, alpha=True, bits=16, icc=b"i", exif=b"e")
    array = images.to_working(image)
    assert array.shape == (5, 6, channels + 1)
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array[..., :-1], image.pixels * image.alpha)
    back = images.from_working(array, image)
    np.testing.assert_allclose(back.pixels, image.pixels, atol=2e-6)
    np.testing.assert_array_equal(back.alpha, image.alpha)
    assert (back.bits, back.icc, back.exif) == (16, b"i", b"e")


def test_working_array_without_alpha_is_the_pixels():
    image = picture(4)
    array = images.to_working(image)
    np.testing.assert_array_equal(array, image.pixels)
    back = images.from_working(np.tile(array * 2 - 0.5, (2, 2, 1)), image)
    assert (back.height, back.width, back.alpha) == (10, 12, None)
    assert back.pixels.min() == 0
    assert back.pixels.max() == 1


def test_colour_of_transparent_pixels_does_not_bleed():
    pixels = np.zeros((1, 2, 3), np.float32)
    pixels[0, 0] = [1, 0, 0]  # nobody sees this red
    pixels[0, 1] = [0, 1, 0]
    alpha = np.float32([[[0], [1]]])
    image = Image(pixels, alpha)
    middle = images.to_working(image).mean(axis=1, keepdims=True)
    back = images.from_working(middle, image)
    np.testing.assert_allclose(back.pixels[0, 0], [0, 1, 0])
    np.testing.assert_allclose(back.alpha[0, 0], 0.5)


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_transparent_is_black_whatever_the_network_left_there(bits):
    like = Image(np.zeros((1, 1, 1)), np.zeros((1, 1, 1)), bits)
    # Alphas: nothing, below nothing, and what rounds to 0 in the file.
    alpha = [0, -0.1, 0.4 / (2**bits - 1) if bits < 32 else 0]
    array = np.float32([[[0.01, a] for a in alpha]])
    back = images.from_working(array, like)
    np.testing.assert_array_equal(back.pixels, 0)
    assert back.alpha.min() == 0


def test_colour_above_alpha_is_clipped():
    like = picture(1, alpha=True)
    back = images.from_working(np.float32([[[0.6, 0.5], [0.2, 1.5]]]), like)
    np.testing.assert_allclose(back.pixels[..., 0], [[1, 0.2]])
    np.testing.assert_allclose(back.alpha[..., 0], [[0.5, 1]])


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4, 4, 3), r"\(H, W, 4\)"),
        ((4, 4, 5), r"\(H, W, 4\)"),
        ((4, 4), "height, width, channels"),
        ((1, 4, 4, 4), "height, width, channels"),
    ],
)
def test_working_array_of_other_shape_is_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        images.from_working(np.zeros(shape), picture(3, alpha=True))


def test_grey_16_bit_stays_so(tmp_path):
    images.write(tmp_path / "a.png", picture(1, bits=16))
    image = images.read(tmp_path / "a.png")
    larger = images.to_working(image).repeat(2, 0).repeat(2, 1)
    images.write(tmp_path / "b.png", images.from_working(larger, image))
    header = (tmp_path / "b.png").read_bytes()[16:26]
    assert header == bytes([0, 0, 0, 12, 0, 0, 0, 10, 16, 0])


def test_grey_is_not_guessed_from_the_pixels(tmp_path):
    image = Image(np.full((3, 3, 3), 0.5, np.float32))
    images.write(tmp_path / "a.png", image)
    assert images.read(tmp_path / "a.png").pixels.shape[2] == 3


# --- importing -------------------------------------------------------------


def test_import_is_light():
    code = (
        "import sys, sr_keras.imaging.images; "
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    heavy = {"tensorflow", "keras", "cv2", "scipy", "PIL", "tifffile"}
    heavy |= {"imagecodecs", "jax", "torch"}
    assert heavy & set(run.stdout.split()) == set()
