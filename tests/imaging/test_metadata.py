"""Orientation, EXIF, colour profile and resolution of image files."""

import io
import struct
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from image_files import chunk, numbers, png_file, stored
from PIL import Image, ImageOps

from sr_keras.imaging import images
from sr_keras.imaging.codecs.exif import into_tiff

# --- orientation -------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once(
    pillow_file, tmp_path, suffix, orientation
):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.fromarray(numbers(6, 9, 3))
    path = pillow_file(picture, f"a.{suffix}", exif=exif, dpi=(200, 100))
    image = images.read(path)
    upright = ImageOps.exif_transpose(Image.open(path))
    np.testing.assert_array_equal(stored(image), upright)
    if suffix != "webp":  # which has no place for it
        dpi = (100, 200) if orientation >= 5 else (200, 100)
        np.testing.assert_allclose(image.dpi, dpi, rtol=1e-3)
    images.write(tmp_path / f"b.{suffix}", image)
    written = Image.open(tmp_path / f"b.{suffix}")
    assert written.size == upright.size
    assert written.getexif().get(0x0112, 1) == 1
    again = images.read(tmp_path / f"b.{suffix}")
    assert again.pixels.shape == image.pixels.shape


@pytest.mark.parametrize("orientation", [0, 9, 60000])
def test_orientation_that_is_none_is_left(pillow_file, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.fromarray(numbers(6, 9, 3))
    image = images.read(pillow_file(picture, "a.png", exif=exif))
    np.testing.assert_array_equal(stored(image), picture)


def test_orientation_of_a_large_tiff(tmp_path):
    array = numbers(6, 9, 3)
    tag = [(0x0112, "H", 1, 6, True)]
    tifffile.imwrite(tmp_path / "a.tif", array, bigtiff=True, extratags=tag)
    image = images.read(tmp_path / "a.tif")
    np.testing.assert_array_equal(stored(image), np.rot90(array, -1))


# --- metadata ----------------------------------------------------------------

OWNER = "© 2024 Müller".encode()


def exif_of_a_camera(order=b"MM"):
    """A block with text, a folder, a maker's note, GPS and a thumbnail."""
    exif = Image.Exif()
    exif.endian = "<" if order == b"II" else ">"
    exif[0x010F] = "Maker"
    exif[0x0112] = 1
    exif[0x8298] = OWNER
    exif[0x9C9B] = "title".encode("utf-16-le")
    exif[0x8769] = {
        0x829A: 0.25,
        0x9003: "2024:01:02 03:04:05",
        0x927C: b"note" * 5,
        0xA002: 9,
        0xA003: 6,
        0xA005: {1: "R98"},
    }
    exif[0x8825] = {1: "N", 2: (47.0, 22.0, 5.5)}
    return exif.tobytes()


def check_exif(block):
    exif = Image.Exif()
    exif.load(block)
    assert exif[0x010F] == "Maker"
    assert exif[0x8298].encode("latin-1") == OWNER
    assert exif[0x9C9B] == "title".encode("utf-16-le")
    folder = exif.get_ifd(0x8769)
    assert folder[0x829A] == 0.25
    assert folder[0x9003] == "2024:01:02 03:04:05"
    assert folder[0x927C] == b"note" * 5
    assert (folder[0xA002], folder[0xA003]) == (9, 6)
    assert exif.get_ifd(0xA005) == {1: "R98"}
    assert exif.get_ifd(0x8825) == {1: "N", 2: (47.0, 22.0, 5.5)}


def profile(space):
    return bytes(16) + space + bytes(100)


@pytest.mark.parametrize("order", [b"II", b"MM"])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("suffix", ["png", "tif", "jpg", "webp", "bmp"])
def test_metadata_goes_along(tmp_path, suffix, channels, bits, order):
    rgb = channels == 3
    icc = profile(b"RGB " if rgb else b"GRAY")
    first = images.Image(
        np.full((6, 9, channels), 0.5, np.float32),
        bits=bits,
        icc=icc,
        exif=exif_of_a_camera(order),
        dpi=(300.0, 150.0),
    )
    images.write(tmp_path / "first.png", first)
    carried = images.read(tmp_path / "first.png")
    check_exif(carried.exif)
    images.write(tmp_path / f"a.{suffix}", carried)
    image = images.read(tmp_path / f"a.{suffix}")
    assert image.bits == (bits if suffix in ("png", "tif") else 8)
    if suffix != "webp":
        np.testing.assert_allclose(image.dpi, (300, 150), rtol=1e-4)
    if suffix != "bmp":
        check_exif(image.exif)
        gone = suffix == "webp" and not rgb  # its pixels are RGB
        assert image.icc == (None if gone else icc)
    assert image.notes == ()


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg", "webp"])
def test_pillow_finds_the_metadata(tmp_path, suffix):
    image = images.Image(
        np.full((6, 9, 3), 0.5, np.float32),
        bits=16,
        icc=profile(b"RGB "),
        exif=exif_of_a_camera(),
        dpi=(300.0, 150.0),
    )
    images.write(tmp_path / f"a.{suffix}", image)
    picture = Image.open(tmp_path / f"a.{suffix}")
    picture.load()
    assert picture.info["icc_profile"] == profile(b"RGB ")
    exif = picture.getexif()
    assert exif[0x8298].encode("latin-1") == OWNER
    assert exif.get_ifd(0x8769)[0x9003] == "2024:01:02 03:04:05"
    assert exif.get_ifd(0x8825)[1] == "N"
    if suffix != "webp":
        dpi = [float(dots) for dots in picture.info["dpi"]]
        np.testing.assert_allclose(dpi, (300, 150), rtol=1e-4)


def test_thumbnail_and_layout_description_are_left_out(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", numbers(6, 9, 3), software="me")
    exif = Image.Exif()
    exif.load(images.read(tmp_path / "a.tif").exif)
    assert 0x010E not in exif  # tifffile's {"shape": [6, 9, 3]}
    assert exif[0x0131] == "me"


def test_profile_for_other_colours_is_left_out(pillow_file):
    picture = Image.fromarray(numbers(6, 9))
    path = pillow_file(picture, "a.jpg", icc_profile=profile(b"RGB "))
    image = images.read(path)
    assert image.icc is None
    assert image.notes == (
        "its colour profile is for other colours and is left out",
    )


@pytest.mark.parametrize(
    "block",
    [b"rubbish", b"II", b"", b"MM\0*\xff\xff\xff\xff", b"II*\0\x08\0\0\0\5\0"],
)
def test_damaged_exif_does_not_stop(put, capfd, recwarn, block):
    path = put(png_file((1, 1, 8, 0), chunk(b"eXIf", block), rows=b"\0\7"))
    image = images.read(path)
    assert stored(image) == 7
    assert image.exif is None
    assert "".join(capfd.readouterr()) == ""
    assert not recwarn.list


def test_exif_that_points_to_itself_ends(put):
    loop = b"II*\0\x08\0\0\0" + struct.pack("<HHHIII", 1, 0x8769, 4, 1, 8, 0)
    path = put(png_file((1, 1, 8, 0), chunk(b"eXIf", loop), rows=b"\0\7"))
    assert images.read(path).exif is None


def test_damaged_profile_is_left_out(put, capfd):
    broken = chunk(b"iCCP", b"name\0\0rubbish")
    image = images.read(put(png_file((1, 1, 8, 0), broken, rows=b"\0\7")))
    assert image.icc is None
    assert image.notes == ("its colour profile is damaged and is left out",)
    assert "".join(capfd.readouterr()) == ""


@pytest.mark.parametrize(
    ("unit", "dpi"), [(1, None), (2, (100, 50)), (3, (254, 127))]
)
def test_units_of_tiff(tmp_path, unit, dpi):
    tifffile.imwrite(
        tmp_path / "a.tif",
        numbers(6, 9),
        resolution=(100, 50),
        resolutionunit=unit,
    )
    image = images.read(tmp_path / "a.tif")
    assert image.dpi == (dpi and pytest.approx(dpi))


def test_tiff_counts_in_inches_where_it_does_not_say(tmp_path):
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer, numbers(6, 9), resolution=(100, 50), resolutionunit=3
    )
    content = buffer.getvalue()
    unit = struct.pack("<HHI", 296, 3, 1)
    assert content.count(unit) == 1
    other = struct.pack("<HHI", 297, 3, 1)  # another tag in its place
    (tmp_path / "a.tif").write_bytes(content.replace(unit, other))
    assert images.read(tmp_path / "a.tif").dpi == (100, 50)


@pytest.mark.parametrize(("unit", "dpi"), [(0, None), (1, (25.4, 50.8))])
def test_units_of_png(put, unit, dpi):
    density = chunk(b"pHYs", struct.pack(">IIB", 1000, 2000, unit))
    image = images.read(put(png_file((1, 1, 8, 0), density, rows=b"\0\7")))
    assert image.dpi == (dpi and pytest.approx(dpi))


def test_no_density_is_none(put):
    density = chunk(b"pHYs", struct.pack(">IIB", 0, 0, 1))
    image = images.read(put(png_file((1, 1, 8, 0), density, rows=b"\0\7")))
    assert image.dpi is None


@pytest.mark.parametrize("width", range(1, 9))
def test_offsets_in_tiff_are_even(tmp_path, width):
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "odd...", "even."  # with their zero
    noise = numbers(3, width, 1) / np.float32(255)
    image = images.Image(noise, exif=exif.tobytes())
    images.write(tmp_path / "a.tif", image)
    content = (tmp_path / "a.tif").read_bytes()
    order = "<" if content[:2] == b"II" else ">"
    (start,) = struct.unpack_from(order + "I", content, 4)
    offsets = [start]
    (count,) = struct.unpack_from(order + "H", content, start)
    for at in range(start + 2, start + 2 + 12 * count, 12):
        tag, _, _, value = struct.unpack_from(order + "HHII", content, at)
        offsets += [value] if tag in (0x010F, 0x0110) else []
    assert len(offsets) == 3
    assert not any(offset % 2 for offset in offsets)


@pytest.mark.parametrize("order", ["<", ">"])
def test_large_tiff_gets_the_exif(tmp_path, order):
    array = numbers(3, 4)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, array, bigtiff=True, byteorder=order)
    with open(path, "r+b") as file:
        into_tiff(file, exif_of_a_camera(b"II" if order == "<" else b"MM"))
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_bigtiff
        np.testing.assert_array_equal(tiff.asarray(), array)
        assert tiff.pages[0].tags[271].value == "Maker"
        assert tiff.pages[0].tags[34853].value["GPSLatitudeRef"] == "N"
    check_exif(images.read(path).exif)


def test_nothing_is_printed_about_odd_files(put, pillow_file):
    # In a process of its own: libpng's lines come when the process ends.
    broken = chunk(b"iCCP", b"name\0\0rubbish")
    first = put(png_file((1, 1, 8, 0), broken, rows=b"\0\7"), "a.png")
    short = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12"
    second = pillow_file(Image.new("L", (8, 8)), "b.jpg", exif=short)
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, numbers(3, 4), software="x" * 100)
    content = bytearray(buffer.getvalue())
    at = content.index(struct.pack("<HHI", 305, 2, 101)) + 8
    content[at : at + 4] = b"\xff\xff\xff\x7f"
    third = put(content, "c.tif")
    code = "import sys; from sr_keras import images; "
    code += "[images.read(path) for path in sys.argv[1:]]"
    run = subprocess.run(
        [sys.executable, "-c", code, first, second, third],
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
