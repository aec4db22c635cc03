"""AVIF files, which are read and not written."""

import io

import imagecodecs
import numpy as np
import pytest
from image_files import stored
from PIL import Image, features

from sr_keras.imaging import images

pytestmark = pytest.mark.skipif(
    not (features.check("avif") and imagecodecs.AVIF.available),
    reason="this Pillow or imagecodecs was built without AVIF",
)

RAMP = np.linspace(0, 255, 24 * 32 * 3).reshape(24, 32, 3).astype(np.uint8)


def file(array=RAMP, mode="RGB", **options):
    buffer = io.BytesIO()
    Image.fromarray(array, mode).save(buffer, "AVIF", quality=100, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_reads_what_pillow_reads(put, mode):
    alpha = RAMP[..., :1]
    array = np.concatenate([RAMP, alpha], -1) if len(mode) > 3 else RAMP
    path = put(file(array, mode), "a.avif")
    image = images.read(path)
    assert (image.format, image.bits) == ("avif", 8)
    assert (image.alpha is not None) == (mode == "RGBA")
    near = np.abs(stored(image).astype(int) - np.asarray(Image.open(path)))
    assert near.max() <= 1  # two decoders
    assert image.notes == ()


def test_metadata_and_orientation(put):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    icc = bytes(16) + b"RGB " + bytes(108)
    path = put(file(exif=exif.tobytes(), icc_profile=icc), "a.avif")
    image = images.read(path)
    assert (image.height, image.width) == (32, 24)
    assert b"Maker" in image.exif
    assert image.icc == icc


@pytest.mark.parametrize("bits", [10, 12])
def test_deep_files_keep_their_bits(put, bits):
    white = (1 << bits) - 1
    deep = np.linspace(0, white, 24 * 32 * 3).reshape(24, 32, 3)
    deep = deep.round().astype(np.uint16)
    content = imagecodecs.avif_encode(deep, level=100, bitspersample=bits)
    image = images.read(put(content, "a.avif"))
    assert image.bits == 16
    np.testing.assert_allclose(image.pixels, deep / white, atol=0.01)
    assert len(np.unique(image.pixels)) > 400  # more than 8 bits have


def test_large_cut_off_and_refused(put):
    content = file()
    with pytest.raises(ValueError, match="above the limit"):
        images.read(put(content, "a.avif"), max_pixels=700)
    with pytest.raises(ValueError, match="cannot be read as AVIF"):
        images.read(put(content[: len(content) // 2], "a.avif"))
    image = images.read(put(content, "a.avif"))
    with pytest.raises(ValueError, match="cannot be written as '.avif'"):
        images.write("b.avif", image)
