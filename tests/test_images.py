import dataclasses
import os
import resource
import stat
import subprocess
import sys

import numpy as np
import pytest

from sr_keras import images
from sr_keras.images import Image

RNG = np.random.default_rng(7)


def picture(channels=3, alpha=False, bits=8, height=5, width=6, **options):
    """An image of random numbers that files of these bits can hold."""
    white = (1 << bits) - 1
    shape = (height, width, channels + alpha)
    values = RNG.integers(0, white + 1, shape) / white
    values = values.astype(np.float32)
    pixels = values[..., :channels]
    apart = values[..., channels:] if alpha else None
    return Image(pixels, apart, bits, **options)


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


@pytest.mark.parametrize("suffix", sorted(images.SUFFIXES.keys() - {".gif"}))
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
    back = images.from_working(np.tile(array * 3 - 1, (2, 2, 1)), image)
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


@pytest.mark.parametrize("shape", [(4, 4, 3), (4, 4, 5), (4, 4), (1, 4, 4, 4)])
def test_working_array_of_other_channels_is_refused(shape):
    with pytest.raises(ValueError, match=r"\(H, W, 4\)"):
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


# --- whole or not at all ---------------------------------------------------


@pytest.fixture
def file_limit():
    """Lets files grow to 100 bytes only, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_full_disk_leaves_nothing_behind(tmp_path, file_limit):
    with pytest.raises(OSError, match=r"a\.png cannot be written") as caught:
        images.write(tmp_path / "a.png", picture(height=40))
    assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_full_disk_leaves_the_old_file(tmp_path, file_limit):
    (tmp_path / "a.npy").write_bytes(b"old")
    with pytest.raises(OSError, match="cannot be written"):
        images.write(tmp_path / "a.npy", picture(height=40))
    assert os.listdir(tmp_path) == ["a.npy"]
    assert (tmp_path / "a.npy").read_bytes() == b"old"


@pytest.mark.parametrize("error", [OSError(28, "full"), KeyboardInterrupt()])
def test_failing_rename_leaves_the_old_file(tmp_path, monkeypatch, error):
    (tmp_path / "a.png").write_bytes(b"old")

    def fail(*_):
        assert len(os.listdir(tmp_path)) == 2  # the new one lies ready
        raise error

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(type(error)):
        images.write(tmp_path / "a.png", picture())
    assert os.listdir(tmp_path) == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"old"


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder.png").mkdir()
    for name in ("none/a.png", "file/a.png", "folder.png"):
        with pytest.raises(
            OSError, match=f"{name} cannot be written"
        ) as caught:
            images.write(tmp_path / name, picture())
        assert "\n" not in str(caught.value)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.png"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match=r"a\.png cannot be written \(Perm"):
        images.write(tmp_path / "a.png", picture())
    tmp_path.chmod(0o700)


def test_written_file_has_ordinary_permissions(tmp_path):
    (tmp_path / "plain").touch()
    images.write(tmp_path / "a.png", picture())
    modes = [(tmp_path / name).stat().st_mode for name in ("plain", "a.png")]
    assert modes[0] == modes[1]


def test_replaced_file_keeps_its_permissions_and_links(tmp_path):
    (tmp_path / "real.png").write_bytes(b"old")
    (tmp_path / "real.png").chmod(0o600)
    (tmp_path / "link.png").symlink_to("real.png")
    images.write(tmp_path / "link.png", picture())
    assert (tmp_path / "link.png").is_symlink()
    assert images.read(tmp_path / "real.png").width == 6
    mode = (tmp_path / "real.png").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


# --- finding files ---------------------------------------------------------


@pytest.fixture
def album(tmp_path):
    for name in [
        "b.png",
        "a.JPG",
        "notes.txt",
        ".hidden.png",
        "sub/c.tif",
        "sub/deep/d.npy",
        ".git/e.png",
        "odd[1].png",
    ]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("", ["a.JPG", "b.png", "odd[1].png", "sub/c.tif", "sub/deep/d.npy"]),
        ("sub", ["c.tif", "deep/d.npy"]),
        ("*", ["a.JPG", "b.png", "odd[1].png"]),
        ("*.png", ["b.png", "odd[1].png"]),
        ("s*/*.tif", ["sub/c.tif"]),
        ("sub/*", ["c.tif"]),
        ("**/*.[nt]*", ["sub/c.tif", "sub/deep/d.npy"]),
        ("**/**/d.npy", ["sub/deep/d.npy"]),
        ("odd[1].png", ["odd[1].png"]),
        ("notes.txt", ["notes.txt"]),
    ],
)
def test_find(album, pattern, names):
    found = images.find(album / pattern)
    assert [relative.as_posix() for _, relative in found] == names
    for path, relative in found:
        assert path.is_file()
        assert path.as_posix().endswith(relative.as_posix())


def test_find_takes_patterns_from_here(album, monkeypatch):
    monkeypatch.chdir(album)
    found = images.find("*.png")
    assert [str(path) for path, _ in found] == ["b.png", "odd[1].png"]


@pytest.mark.parametrize(
    ("pattern", "error", "message"),
    [
        ("none.png", FileNotFoundError, "none.png does not exist"),
        ("*.bmp", FileNotFoundError, r"\*.bmp does not exist"),
        ("*.txt", ValueError, "no images: looked for .png .jpg .jpeg .tif"),
        ("folder.png", ValueError, "no images: looked for .png .jpg"),
    ],
)
def test_find_nothing(album, pattern, error, message):
    with pytest.raises(error, match=message) as caught:
        images.find(album / pattern)
    assert "\n" not in str(caught.value)


def test_find_says_when_a_folder_cannot_be_read(album, monkeypatch):
    scan = os.scandir

    def refuse(path):
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError, match="deep"):
        images.find(album)


def test_find_of_an_empty_name():
    with pytest.raises(FileNotFoundError):
        images.find("")


# --- importing -------------------------------------------------------------


def test_import_is_light():
    code = (
        "import sys, sr_keras.images; "
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    heavy = {"tensorflow", "keras", "cv2", "scipy", "PIL", "tifffile"}
    heavy |= {"imagecodecs", "jax", "torch"}
    assert heavy & set(run.stdout.split()) == set()
