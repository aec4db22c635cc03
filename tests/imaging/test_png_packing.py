"""PNG files: as small as those of other programs, and read by them."""

import io

import imagecodecs
import numpy as np
import pytest
from image_files import chunk, png_file, stored
from PIL import Image

from sr_keras.imaging import codecs, images

RNG = np.random.default_rng(8)


def drawing():
    """Flat shapes that repeat."""
    tile = np.zeros((24, 24, 3), np.uint8)
    tile[4:12, 6:20] = 220, 40, 30
    tile[14:22, 2:9] = 30, 60, 200
    return np.tile(tile, (12, 16, 1))


def photo():
    """Smooth shapes with a little noise."""
    y, x = np.mgrid[:300, :400] / 40
    waves = [np.sin(x + c) * np.cos(y - c) for c in range(3)]
    pixels = 128 + 90 * np.stack(waves, -1) + RNG.normal(0, 2, (300, 400, 3))
    return pixels.clip(0, 255).astype(np.uint8)


def smooth():
    """A gradient without noise."""
    ramp = np.arange(400) * 255 // 399
    return np.tile(ramp[None, :, None], (300, 1, 3)).astype(np.uint8)


def enlarge(array):
    return array.repeat(2, 0).repeat(2, 1)


PICTURES = {
    "drawing": drawing(),
    "photo": photo(),
    "gradient": smooth(),
    "flat": np.full((300, 400, 3), 77, np.uint8),
    "nearest": enlarge(photo()),
    "drawing, enlarged": enlarge(drawing()),
    "grey": photo()[..., :1],
    "alpha": np.concatenate([photo(), smooth()[..., :1]], -1),
    "grey with alpha": photo()[..., :2],
}


def pack(array, cuts=()):
    strips = np.split(array, list(cuts))
    file = io.BytesIO()
    codecs.encode_strips(
        *("png", file, iter(strips), array.shape[:2], array.shape[2] in (2, 4)),
        *(codecs.Metadata(), 95),
    )
    return file.getvalue()


@pytest.mark.parametrize("name", PICTURES)
def test_as_small_as_pillow(name):
    array = PICTURES[name]
    buffer = io.BytesIO()
    Image.fromarray(array.squeeze()).save(buffer, "PNG")
    content = pack(array)
    again = np.asarray(Image.open(io.BytesIO(content)))
    np.testing.assert_array_equal(again, array.squeeze())
    assert len(content) < 1.12 * len(buffer.getvalue()) + 200


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_as_small_as_libpng_with_16_bits(channels):
    fine = photo().astype(np.uint16) * 257 + RNG.integers(
        0, 9, (300, 400, 3), dtype=np.uint16
    )
    array = np.concatenate([fine, fine[..., :1]], -1)[..., :channels]
    array = np.ascontiguousarray(array)
    content = pack(array)
    again = imagecodecs.png_decode(content)
    np.testing.assert_array_equal(again, array.squeeze())
    reference = imagecodecs.png_encode(array.squeeze())
    assert len(content) < 1.12 * len(reference)


@pytest.mark.parametrize("cuts", [(1,), range(1, 600), (64, 65, 400)])
def test_strips_leave_no_trace(cuts):
    array = PICTURES["nearest"]
    cuts = [c for c in cuts if c < len(array)]
    assert pack(array, cuts) == pack(array)


def test_many_pieces_are_one_picture():
    # Wide enough for pieces of few rows, some packed in each way.
    both = np.concatenate([photo()[:60, :384], drawing()[:60]])
    wide = np.tile(both, (1, 9, 1))
    for array in (wide, wide.repeat(9, 1)):
        again = Image.open(io.BytesIO(pack(array)))
        np.testing.assert_array_equal(np.asarray(again), array)


# --- errors in what the pixels do not need ----------------------------------


def damage(content, name):
    """The file with a wrong checksum of a chunk."""
    content = bytearray(content)
    at = content.index(name)
    size = int.from_bytes(content[at - 4 : at], "big")
    content[at + 4 + size] ^= 0xFF
    return bytes(content)


OTHERS = {
    b"tEXt": b"Comment\0hello",
    b"pHYs": bytes(9),
    b"eXIf": b"II*\0\x08\0\0\0\0\0",
    b"iCCP": b"name\0\0rubbish",
    b"gAMA": bytes([0, 0, 177, 143]),
    b"tIME": bytes(7),
    b"prVt": b"private",
    b"acTL": bytes(8),
}


@pytest.mark.parametrize("name", OTHERS)
def test_errors_outside_the_pixels_are_noted(put, capfd, name):
    content = png_file((1, 1, 8, 0), chunk(name, OTHERS[name]), rows=b"\0\7")
    image = images.read(put(damage(content, name), "a.png"))
    assert stored(image) == 7
    assert image.notes == (f"wrong checksum of {name.decode()!r}: left out",)
    assert (image.icc, image.exif, image.extra) == (None, None, codecs.Extra())
    assert "".join(capfd.readouterr()) == ""


def test_several_errors_are_one_note(put):
    chunks = [chunk(name, OTHERS[name]) for name in (b"tEXt", b"tIME")]
    content = png_file((1, 1, 8, 0), *chunks, rows=b"\0\7")
    content = damage(damage(content, b"tEXt"), b"tIME")
    image = images.read(put(content, "a.png"))
    assert image.notes == ("wrong checksum of 'tEXt', 'tIME': left out",)


@pytest.mark.parametrize("name", [b"PLTE", b"tRNS", b"IHDR", b"IDAT", b"IEND"])
def test_errors_in_what_pixels_need_are_errors(put, name):
    palette, clear = chunk(b"PLTE", bytes(range(48))), chunk(b"tRNS", b"\0\1")
    content = png_file((1, 1, 8, 3), palette, clear, rows=b"\0\7")
    with pytest.raises(ValueError, match=f"checksum of '{name.decode()}'"):
        images.read(put(damage(content, name), "a.png"))
