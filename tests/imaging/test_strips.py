"""Files that are written strip by strip."""

import io

import numpy as np
import pytest
from checks import picture

from sr_keras.imaging import codecs, images
from sr_keras.imaging.strips import StripWriter
from sr_keras.support.atomic import Pump, replaced


def image_of(channels, alpha, bits, exif=None):
    pixels = picture(150, 37, channels)
    values = picture(150, 37, 1, 3).clip(0.2) if alpha else None
    return images.Image(pixels, values, bits, exif=exif, dpi=(300, 200))


def written(path, image, cuts=(0, 70, 71, 140, 150)):
    working = images.to_working(image)
    kind = images.format_of(path)
    with StripWriter(path, kind, image, working.shape[:2]) as writer:
        for start, stop in zip(cuts, cuts[1:], strict=False):
            writer.put(working[start:stop])
    return images.read(path)


@pytest.mark.parametrize("kind", ["png", "tiff", "webp", "jpg", "bmp", "npy"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("alpha", [False, True])
def test_the_same_image_as_at_once(tmp_path, kind, channels, bits, alpha):
    image = image_of(channels, alpha, bits)
    got = written(tmp_path / f"a.{kind}", image)
    images.write(
        tmp_path / f"b.{kind}",
        images.from_working(images.to_working(image), image),
    )
    expected = images.read(tmp_path / f"b.{kind}")
    np.testing.assert_array_equal(got.pixels, expected.pixels)
    assert (got.bits, got.dpi) == (expected.bits, expected.dpi)
    if alpha and kind not in ("jpg", "bmp", "npy"):
        np.testing.assert_array_equal(got.alpha, expected.alpha)


@pytest.mark.parametrize("order", [b"II", b"MM"])
@pytest.mark.parametrize("bits", [8, 16, 32])
def test_tiff_of_either_byte_order_with_exif(tmp_path, order, bits):
    from PIL import Image

    exif = Image.Exif()
    exif.endian = "<" if order == b"II" else ">"
    exif[0x010F] = "maker"
    image = image_of(3, False, bits, exif.tobytes())
    got = written(tmp_path / "a.tif", image)
    assert (tmp_path / "a.tif").read_bytes()[:2] == order
    expected = image.pixels
    if bits < 32:
        white = (1 << bits) - 1
        expected = images.quantize(image.pixels, bits) / np.float32(white)
    np.testing.assert_array_equal(got.pixels, expected)
    assert b"maker" in got.exif


def test_codes_go_through_as_they_are(tmp_path):
    image = image_of(3, False, 8)
    codes = images.quantize(image.pixels, 8)
    path = tmp_path / "a.png"
    with StripWriter(path, "png", image, (150, 37)) as writer:
        assert writer.codes == 8
        writer.put_codes(codes[:99])
        writer.put_codes(codes[99:])
    np.testing.assert_array_equal(
        images.read(path).pixels, codes / np.float32(255)
    )
    with_alpha = StripWriter(path, "png", image_of(3, True, 8), (150, 37))
    assert with_alpha.codes is None


@pytest.mark.parametrize("kind", ["png", "tiff"])
@pytest.mark.parametrize("cuts", [(0, 140), (0, 150, 160)])
def test_missing_and_superfluous_rows(tmp_path, kind, cuts):
    image = image_of(3, False, 8)
    working = picture(200, 37)
    with pytest.raises(ValueError, match="10 rows"):  # noqa: SIM117
        with StripWriter(tmp_path / f"a.{kind}", kind, image, (150, 37)) as w:
            for start, stop in zip(cuts, cuts[1:], strict=False):
                w.put(working[start:stop])
    assert not list(tmp_path.iterdir())


def test_what_was_there_stays_where_something_fails(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"before")
    image = image_of(3, False, 8)
    with pytest.raises(KeyboardInterrupt):  # noqa: SIM117
        with StripWriter(path, "png", image, (150, 37)) as writer:
            writer.put(image.pixels[:50])
            raise KeyboardInterrupt
    assert path.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("kind", ["png", "tiff", "jpg"])
def test_streams_that_go_forward_only(kind):
    class Pipe(io.RawIOBase):
        content = b""

        def writable(self):
            return True

        def write(self, data):
            self.content += bytes(data)
            return len(data)

    image, pipe = image_of(3, False, 8), Pipe()
    with StripWriter(pipe, kind, image, (150, 37)) as writer:
        writer.put(image.pixels)
    assert images.decode(pipe.content, "pipe").pixels.shape == (150, 37, 3)


def test_an_encoder_that_fails_ends_the_others():
    def encode(strips):
        next(strips)
        raise OSError("full")

    with pytest.raises(OSError, match="full"), Pump(encode) as pump:
        for _ in range(1000):
            pump.put(np.zeros(1))


def test_a_large_tiff_says_so(monkeypatch):
    from sr_keras.imaging.codecs import tiff

    monkeypatch.setattr(tiff, "_CLASSIC", 1000)
    file = io.BytesIO()
    strips = iter([np.zeros((20, 30, 3), "uint8")])
    codecs.encode_strips(
        *("tiff", file, strips, (20, 30), False, codecs.Metadata(), 95)
    )
    assert file.getvalue()[2] == 43


def test_replaced_keeps_links(tmp_path):
    (tmp_path / "real").write_bytes(b"1")
    (tmp_path / "link").symlink_to("real")
    with replaced(tmp_path / "link") as file:
        file.write(b"2")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"2"


def test_stored_parts_are_parts_of_the_image(tmp_path):
    for channels, alpha, bits in ((3, True, 16), (1, False, 8), (3, False, 32)):
        path = tmp_path / "a.tif"
        images.write(path, image_of(channels, alpha, bits))
        stored, whole = images.load(path), images.read(path)
        window = slice(20, 61), slice(5, 30)
        expected = images.to_working(whole)
        assert stored.shape == expected.shape
        np.testing.assert_array_equal(stored.part(window), expected[window])
        part = stored.cropped(window).part((slice(3, 9), slice(0, 4)))
        np.testing.assert_array_equal(part, expected[23:29, 5:9])
