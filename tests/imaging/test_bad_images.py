"""Bad image files: each is one line that says what is wrong."""

import io
import struct

import numpy as np
import pytest
import tifffile
from image_files import numbers, png_file
from PIL import Image

from sr_keras.imaging import images


def refused(path, capfd, error=ValueError, **options):
    """The error's text: one line that begins with the path, nothing else."""
    with pytest.raises(error) as caught:
        images.read(path, **options)
    text = str(caught.value)
    assert text.startswith(f"{path} ")
    assert "\n" not in text
    assert "".join(capfd.readouterr()) == ""
    return text


def test_missing_file_and_folder(tmp_path, capfd):
    text = refused(tmp_path / "no.png", capfd, FileNotFoundError)
    assert "does not exist" in text
    assert "cannot be opened" in refused(tmp_path, capfd, OSError)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty (0 bytes)"),
        (b"hello, this is text", "is not an image"),
        (b"\x89PNG\r\n\x1a\n", "end is missing"),
        (b"\xff\xd8\xff", "cannot be read as JPG"),
        (b"II*\0", "cannot be read as TIFF"),
        (b"MM\0*\0\0\0\x08\0\0\0\0\0\0", "has no pixels"),
        (b"GIF89a", "cannot be read as GIF"),
        (b"BMW is a car", "cannot be read as BMP"),
        (b"RIFF sound of a kind", "cannot be read as WEBP"),
        (b"\x93NUMPY\1\0", "cannot be read as NPY"),
    ],
)
def test_what_is_no_image(put, capfd, content, message):
    assert message in refused(put(content, "a.png"), capfd)


def whole_files():
    """A name and content for each format, large enough to be cut."""
    array = numbers(40, 50, 3).repeat(2, 0).repeat(2, 1)
    files = {}
    for name, options in {
        "a.png": {},
        "a.jpg": {},
        "b.jpg": {"progressive": True},
        "a.webp": {},
        "b.webp": {"lossless": True},
        "a.bmp": {},
        "a.gif": {},
    }.items():
        buffer = io.BytesIO()
        kind = {"jpg": "JPEG"}.get(name[2:], name[2:].upper())
        Image.fromarray(array).save(buffer, kind, **options)
        files[name] = buffer.getvalue()
    for kind in (None, "lzw", "zlib", "jpeg", "packbits"):
        buffer = io.BytesIO()
        # The pixels last, as most programs write them.
        tifffile.imwrite(
            buffer, array, compression=kind, photometric="rgb", metadata=None
        )
        files[f"{kind}.tif"] = buffer.getvalue()
    buffer = io.BytesIO()
    np.save(buffer, array)
    return files | {"a.npy": buffer.getvalue()}


WHOLE = whole_files()


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("left", [0.999, 0.9, 0.5, 0.1, 0.01, -1])
def test_truncated(put, capfd, name, left):
    content = WHOLE[name]
    assert images.read(put(content, name)).width == 100
    length = len(content) - 1 if left < 0 else int(len(content) * left)
    if name == "a.gif" and left < 0:
        pytest.skip("the last byte of a GIF says only that it ends")
    refused(put(content[:length], name), capfd)


@pytest.mark.parametrize("missing", [1, 4, 12])
def test_png_without_its_last_bytes(put, capfd, missing):
    # All the pixels are there: libpng and Pillow do not mind.
    text = refused(put(WHOLE["a.png"][:-missing], "a.png"), capfd)
    assert "its end is missing" in text


@pytest.mark.parametrize("kind", [b"IHDR", b"IDAT", b"IEND"])
def test_png_with_a_wrong_checksum(put, capfd, kind):
    content = bytearray(WHOLE["a.png"])
    start = content.index(kind)
    length = int.from_bytes(content[start - 4 : start], "big")
    content[start + 4 + length] ^= 1
    text = refused(put(content, "a.png"), capfd)
    assert f"wrong checksum of '{kind.decode()}'" in text


def test_png_with_a_flipped_bit_of_its_pixels(put, capfd):
    content = bytearray(WHOLE["a.png"])
    content[len(content) // 2] ^= 16
    assert "wrong checksum" in refused(put(content, "a.png"), capfd)


def test_png_with_too_few_rows(put, capfd):
    refused(put(png_file((9, 9, 8, 0), rows=b"\0" * 20)), capfd)


@pytest.mark.parametrize("name", ["b.webp", "a.gif", "zlib.tif", "lzw.tif"])
def test_scrambled_middle(put, capfd, name):
    # A JPEG, which has no checksum, may only look odd.
    content = bytearray(WHOLE[name])
    middle = len(content) // 2
    for at in range(middle, middle + 40):
        content[at] ^= 0xFF
    refused(put(content, name), capfd)


def test_scrambled_jpeg_tables(put, capfd):
    content = bytearray(WHOLE["a.jpg"])
    at = content.index(b"\xff\xc4") + 5
    content[at : at + 16] = b"\xff" * 16
    refused(put(content, "a.jpg"), capfd)


def test_jpeg_with_something_behind_it(put):
    # As in a phone's moving pictures: a film follows the photo.
    content = WHOLE["a.jpg"] + b"film \xff\xda \xff\xd8"
    assert images.read(put(content, "a.jpg")).width == 100


def test_jpeg_cut_after_its_thumbnail(put, capfd):
    # The thumbnail in the EXIF block has an end marker of its own.
    segment = b"Exif\0\0" + WHOLE["a.jpg"][:4000] + b"\xff\xd9"
    length = struct.pack(">H", len(segment) + 2)
    content = b"\xff\xd8\xff\xe1" + length + segment + WHOLE["a.jpg"][2:]
    assert images.read(put(content, "a.jpg")).notes == (
        "its EXIF is damaged and is left out",
    )
    refused(put(content[:-2], "a.jpg"), capfd)


def bombs():
    """Small files whose headers say 30000x30000."""
    side = 30000
    rows = bytes(1000)
    tiff = io.BytesIO()
    tifffile.imwrite(tiff, numbers(1, 1), photometric="minisblack")
    tiff = bytearray(tiff.getvalue())
    for tag in (256, 257):
        at = tiff.index(struct.pack("<HHII", tag, 4, 1, 1))
        struct.pack_into("<I", tiff, at + 8, side)
    jpeg = bytearray(WHOLE["a.jpg"])
    at = jpeg.index(struct.pack(">HH", 80, 100))
    struct.pack_into(">HH", jpeg, at, side, side)
    bmp = bytearray(WHOLE["a.bmp"])
    struct.pack_into("<ii", bmp, 18, side, side)
    gif = bytearray(WHOLE["a.gif"])
    struct.pack_into("<HH", gif, 6, side, side)
    npy = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False}
    np.lib.format.write_array_header_1_0(npy, header | {"shape": (side, side)})
    return {
        "a.png": png_file((side, side, 8, 2), rows=rows),
        "a.tif": bytes(tiff),
        "a.jpg": bytes(jpeg),
        "a.bmp": bytes(bmp),
        "a.gif": bytes(gif),
        "a.npy": npy.getvalue(),
    }


@pytest.mark.parametrize(("name", "content"), bombs().items())
def test_bomb(put, capfd, recwarn, name, content):
    path = put(content, name)
    text = refused(path, capfd)
    if name != "a.npy":  # where the length of the file gives it away
        assert "30000x30000, 900 megapixels, above the limit of 300" in text
        assert "--max-pixels" in text
    assert not recwarn.list


def test_limit_can_be_raised_above_that_of_pillow(pillow_file, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    path = pillow_file(Image.new("L", (20, 20)), "a.jpg")
    with pytest.raises(ValueError, match="above the limit of 0.000399"):
        images.read(path, max_pixels=399)
    assert images.read(path, max_pixels=400).width == 20
    assert Image.MAX_IMAGE_PIXELS == 10


def test_channels_count_as_pixels(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((10, 10, 40), np.uint8))
    with pytest.raises(ValueError, match="10x10 with 40 channels"):
        images.read(tmp_path / "a.npy", max_pixels=999)
    assert images.read(tmp_path / "a.npy", max_pixels=1000).width == 10


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 2, 2, 2)), "is (H, W) or (H, W, C)"),
        (np.zeros(5), "is (H, W) or (H, W, C)"),
        (np.zeros((0, 5)), "has no pixels"),
        (np.zeros((5, 5, 0)), "has no pixels"),
        (np.zeros((2, 2), np.int64), "holds int64 numbers"),
        (np.zeros((2, 2), complex), "holds complex128 numbers"),
        (np.full((2, 2), 255.0), "floats from 255 to 255: scale them"),
        (np.full((2, 2), np.nan), "NaN"),
        (np.array([["a"]]), "holds <U1 numbers"),
        (np.array([[{}]]), "cannot be read as NPY"),
    ],
)
def test_arrays_that_are_no_images(tmp_path, capfd, array, message):
    np.save(tmp_path / "a.npy", array)
    assert message in refused(tmp_path / "a.npy", capfd)


@pytest.mark.parametrize("dtype", ["bool", "float16", "float64"])
def test_other_types_of_arrays(tmp_path, dtype):
    array = np.array([[0, 1], [1, 0]], dtype)
    np.save(tmp_path / "a.npy", array)
    image = images.read(tmp_path / "a.npy")
    assert image.bits == (8 if dtype == "bool" else 32)
    np.testing.assert_array_equal(image.pixels[..., 0], [[0, 1], [1, 0]])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": numbers(4, 5, 3), "photometric": "cielab"}, "kind CIELAB"),
        ({"data": numbers(16, 16, 16), "volumetric": True}, "is a volume"),
        ({"data": np.zeros((4, 5), np.int32)}, "holds int32 numbers"),
        ({"data": np.full((4, 5), 2, np.float32)}, "floats from 2 to 2"),
    ],
)
def test_tiff_that_is_no_image(tmp_path, capfd, options, message):
    tifffile.imwrite(tmp_path / "a.tif", **options)
    assert message in refused(tmp_path / "a.tif", capfd)


def test_failing_disk_is_not_called_a_broken_file(put, monkeypatch):
    from sr_keras.imaging.codecs import png

    def fail(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(png, "decode", fail)
    with pytest.raises(OSError, match="Input/output error"):
        images.read(put(WHOLE["a.png"], "a.png"))
