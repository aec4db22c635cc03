"""PNG's colour chunks: kept in PNG, a profile elsewhere, or said to be lost."""

import dataclasses
import io
import struct
import zlib

import numpy as np
import pytest
from image_files import chunk, png_file
from PIL import Image, ImageCms

from sr_keras.imaging import images
from sr_keras.imaging.codecs import png_color
from sr_keras.imaging.strips import StripWriter

SRGB = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
P3 = (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)


def gamma(value):
    return b"gAMA", struct.pack(">I", round(value * 100_000))


def primaries(places):
    return b"cHRM", struct.pack(">8I", *(round(p * 100_000) for p in places))


def codes(*values):
    return b"cICP", bytes(values)


def photo(put, *chunks, kind=2):
    pixels = bytes(range(40, 40 + 4 * 3)) if kind == 2 else bytes([64] * 4)
    described = [chunk(*pair) for pair in chunks]
    return put(png_file((4, 1, 8, kind), *described, rows=b"\0" + pixels))


def chunk_of(path, name):
    content = path.read_bytes()
    at = content.find(name)
    if at < 0:
        return None
    size = int.from_bytes(content[at - 4 : at], "big")
    return content[at + 4 : at + 4 + size]


MASTERING = (b"mDCV", bytes(range(24)))
LEVELS = (b"cLLI", bytes(range(8)))

ALL = [
    gamma(1),
    primaries(P3),
    (b"sRGB", b"\0"),
    codes(9, 16, 0, 1),
    MASTERING,
    LEVELS,
]


@pytest.mark.parametrize("kind", [0, 2])
@pytest.mark.parametrize("strips", [False, True])
def test_png_keeps_its_chunks(put, tmp_path, kind, strips):
    image = images.read(photo(put, *ALL, kind=kind))
    out = tmp_path / "b.png"
    if strips:
        with StripWriter(out, "png", image, (1, 4)) as writer:
            writer.put(image.pixels)
    else:
        images.write(out, image)
    for name, content in ALL:
        assert chunk_of(out, name) == content
        assert out.read_bytes().index(name) < out.read_bytes().index(b"IDAT")
    assert images.metadata_for("png", image, (1, 4))[1] is None


def in_srgb(path):
    """The first pixel as Pillow's colour management shows it."""
    picture = Image.open(path)
    icc = picture.info["icc_profile"]
    return ImageCms.profileToProfile(
        picture,
        ImageCms.ImageCmsProfile(io.BytesIO(icc)),
        ImageCms.createProfile("sRGB"),
        outputMode="RGB",
    ).getpixel((0, 0))


def encode(light):
    """sRGB's curve, IEC 61966-2-1."""
    light = np.clip(light, 0, 1)
    high = 1.055 * light ** (1 / 2.4) - 0.055
    return np.where(light <= 0.0031308, 12.92 * light, high) * 255


TO_XYZ = {
    "p3": np.array(
        [[0.4866, 0.2657, 0.1982], [0.229, 0.6917, 0.0793], [0, 0.0451, 1.0439]]
    ),
    "srgb": np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722],
         [0.0193, 0.1192, 0.9505]]
    ),
}  # fmt: skip


@pytest.mark.parametrize("suffix", ["tif", "jpg", "webp"])
@pytest.mark.parametrize(
    ("chunks", "space", "power"),
    [
        ([gamma(1)], "srgb", 1),
        ([gamma(1 / 1.8)], "srgb", 1.8),
        ([gamma(1 / 2.6), primaries(P3)], "p3", 2.6),
        ([codes(12, 8, 0, 1)], "p3", 1),
        ([codes(12, 4, 0, 1), (b"sRGB", b"\0")], "p3", 2.2),
    ],
)
def test_other_formats_get_a_profile(
    put, tmp_path, chunks, space, power, suffix
):
    image = images.read(photo(put, *chunks))
    out = tmp_path / f"b.{suffix}"
    assert images.metadata_for(images.format_of(out), image, (1, 4))[1] is None
    flat = np.full((16, 16, 3), [0.3, 0.6, 0.4], np.float32)
    images.write(out, dataclasses.replace(image, pixels=flat), 100)
    light = np.array([0.3, 0.6, 0.4]) ** power
    seen = np.linalg.inv(TO_XYZ["srgb"]) @ TO_XYZ[space] @ light
    np.testing.assert_allclose(in_srgb(out), encode(seen), atol=3)


def test_grey_gets_a_grey_profile(put, tmp_path):
    image = images.read(photo(put, gamma(1), kind=0))
    images.write(tmp_path / "b.tif", image)
    assert images.read(tmp_path / "b.tif").icc[16:20] == b"GRAY"
    np.testing.assert_allclose(
        in_srgb(tmp_path / "b.tif"), encode(64 / 255), atol=2
    )


@pytest.mark.parametrize(
    "chunks",
    [
        [(b"sRGB", b"\0"), gamma(0.45455), primaries(SRGB)],
        [gamma(0.45455)],
        [gamma(0.45455), primaries(SRGB)],
        [codes(1, 13, 0, 1)],
        [gamma(0)],
        [(b"gAMA", b"\0")],
    ],
)
def test_srgb_needs_no_profile(put, tmp_path, chunks):
    image = images.read(photo(put, *chunks))
    kept, lost = images.metadata_for("jpg", image, (1, 4))
    assert kept.icc is lost is None


@pytest.mark.parametrize(
    ("chunks", "lost"),
    [
        ([codes(9, 16, 0, 1), MASTERING, LEVELS], "cICP, mDCV and cLLI"),
        ([codes(9, 18, 0, 1)], "cICP"),
        ([primaries([0] * 8)], "cHRM"),
        ([primaries([0.3] * 8)], "cHRM"),
    ],
)
def test_what_no_profile_describes_is_said(put, chunks, lost):
    image = images.read(photo(put, *chunks))
    kept, text = images.metadata_for("jpg", image, (1, 4))
    assert text == f"JPG cannot carry its {lost}: left out"
    assert kept.icc is None


def test_a_profile_goes_before_gamma(put):
    icc = bytes(16) + b"RGB " + bytes(100)
    packed = b"name\0\0" + zlib.compress(icc)
    path = photo(put, (b"iCCP", packed), gamma(1), primaries(P3))
    image = images.read(path)
    kept, lost = images.metadata_for("jpg", image, (1, 4))
    assert (kept.icc, lost) == (icc, None)
    assert images.metadata_for("bmp", image, (1, 4))[1] == (
        "BMP cannot carry its colour profile: left out"
    )


def test_the_profile_is_the_same_every_time():
    first, _ = png_color.describe((gamma(1),), 3)
    assert first[24:36] == struct.pack(">6H", 2000, 1, 1, 0, 0, 0)


def test_profile_of_a_bitmap(put, tmp_path):
    icc = bytes(16) + b"RGB " + bytes(100)
    pixels = bytes(range(12)) * 2
    head = struct.pack("<IiiHHIIiiII", 124, 4, 2, 1, 24, 0, 24, 0, 0, 0, 0)
    head += bytes(16) + b"DEBM" + bytes(52)  # LCS "MBED", little-endian
    head += struct.pack("<II", 124 + len(pixels), len(icc)) + bytes(4)
    start = 14 + len(head)
    total = start + len(pixels) + len(icc)
    file = b"BM" + struct.pack("<IHHI", total, 0, 0, start) + head
    image = images.read(put(file + pixels + icc, "a.bmp"))
    assert (image.height, image.width) == (2, 4)
    assert image.icc == icc
