"""Pyramids, previews and cameras' raw files: which picture is read, if any."""

import io

import numpy as np
import pytest
import tifffile
from image_files import stored
from PIL import Image

from sr_keras.imaging import images

REDUCED, MASK, CFA, LINEAR = 1, 4, 32803, 34892
DNG = (50706, "B", 4, (1, 4, 0, 0), True)
RNG = np.random.default_rng(5)
PICTURE = RNG.integers(0, 256, (24, 32, 3), dtype=np.uint8)
SENSOR = RNG.integers(0, 1 << 14, (24, 32), dtype=np.uint16)


def pages(*kinds, **options):
    """A TIFF of pages: (array, tifffile's options for it)."""
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer, **options) as tiff:
        for array, kind in kinds:
            colors = "rgb" if array.ndim == 3 else "minisblack"
            tiff.write(
                array, **{"photometric": colors, "metadata": None, **kind}
            )
    return buffer.getvalue()


def small(factor):
    return np.ascontiguousarray(PICTURE[::factor, ::factor])


FULL = (PICTURE, {})
THUMBNAIL = (small(8), {"subfiletype": REDUCED})
ORDERS = [{}, {"byteorder": ">"}, {"bigtiff": True}]


@pytest.mark.parametrize("options", ORDERS)
@pytest.mark.parametrize(
    "kinds",
    [
        [THUMBNAIL, FULL],
        [FULL, THUMBNAIL],
        [THUMBNAIL, (small(4), {"subfiletype": REDUCED}), FULL],
        [(small(8), {"subfiletype": REDUCED, "subifds": 1}), FULL],
        [(PICTURE, {"subifds": 2}), THUMBNAIL, THUMBNAIL],
        [(PICTURE, {"tile": (16, 16)}), THUMBNAIL],
    ],
)
def test_the_first_that_is_no_thumbnail_is_read(put, kinds, options):
    image = images.read(put(pages(*kinds, **options), "a.tif"))
    np.testing.assert_array_equal(stored(image), PICTURE)
    assert image.notes == ()


def test_the_older_tag_says_so_too(put):
    old = (255, "H", 1, 2, True)
    content = pages((small(8), {"extratags": [old]}), FULL)
    image = images.read(put(content, "a.tif"))
    np.testing.assert_array_equal(stored(image), PICTURE)


def test_where_all_are_thumbnails_the_first_is_read(put):
    other = (small(4), {"subfiletype": REDUCED})
    image = images.read(put(pages(THUMBNAIL, other), "a.tif"))
    np.testing.assert_array_equal(stored(image), small(8))


def test_other_pictures_are_counted_and_copies_are_not(put):
    content = pages(FULL, THUMBNAIL, FULL, THUMBNAIL)
    image = images.read(put(content, "a.tif"))
    assert image.notes == ("several pages: only the first of 2 pages is used",)


def test_a_mask_is_no_picture(put):
    tag = (254, "I", 1, MASK, True)
    mask = (small(1)[..., 0].copy(), {"extratags": [tag]})
    image = images.read(put(pages(mask, FULL), "a.tif"))
    np.testing.assert_array_equal(stored(image), PICTURE)
    assert image.notes == ("its transparency mask is not used",)


@pytest.mark.parametrize("options", ORDERS)
@pytest.mark.parametrize("below", [False, True])
def test_converted_pages_behind_a_thumbnail(put, options, below):
    # CMYK goes through Pillow, which reads the first page.
    ink = RNG.integers(0, 256, (24, 32, 4), dtype=np.uint8)
    first = {"subfiletype": REDUCED, **({"subifds": 1} if below else {})}
    kinds = [(small(8), first), (ink, {"photometric": "separated"})]
    image = images.read(put(pages(*kinds, **options), "a.tif"))
    expected = Image.fromarray(ink, "CMYK").convert("RGB")
    np.testing.assert_array_equal(stored(image), expected)


def test_tags_of_the_picture_go_before_those_of_its_preview(put):
    maker, model = (271, "s", 0, "Maker", True), (272, "s", 0, "Old", True)
    turn, newer = (274, "H", 1, 6, True), (272, "s", 0, "New", True)
    content = pages(
        (small(8), {"subfiletype": REDUCED, "extratags": [maker, model]}),
        (PICTURE, {"extratags": [turn, newer]}),
    )
    image = images.read(put(content, "a.tif"))
    np.testing.assert_array_equal(stored(image), np.rot90(PICTURE, -1))
    exif = Image.Exif()
    exif.load(image.exif)
    assert (exif[271], exif[272]) == ("Maker", "New")


# --- raw files ---------------------------------------------------------------


def raw_files():
    preview = {"subfiletype": REDUCED, "subifds": 1}
    sensor = (SENSOR, {"photometric": CFA})
    first = pages(FULL)
    box = b"\0\0\0\x18ftyp"
    return {
        "a.dng": pages((small(8), {**preview, "extratags": [DNG]}), sensor),
        "linear.dng": pages((PICTURE, {"photometric": LINEAR})),
        "rgb.dng": pages((PICTURE, {"extratags": [DNG]})),
        "a.nef": pages((small(8), preview), sensor),
        "a.pef": pages(sensor),
        "pages.tif": pages(THUMBNAIL, sensor),
        "big.tif": pages((small(8), preview), sensor, bigtiff=True),
        "suffix.ARW": first,
        "a.cr2": b"II*\0\x10\0\0\0CR\2\0" + bytes(100),
        "a.cr3": box + b"crx \0\0\0\1crx isom" + bytes(100),
        "a.raf": b"FUJIFILMCCD-RAW 0201" + bytes(100),
        "a.orf": b"IIRO\x08\0\0\0" + bytes(100),
        "a.rw2": b"IIU\0\x18\0\0\0" + bytes(100),
        "a.crw": b"II\x1a\0\0\0HEAPCCDR" + bytes(100),
        "a.x3f": b"FOVb" + bytes(100),
        "a.mrw": b"\0MRM" + bytes(100),
    }


@pytest.mark.parametrize(("name", "content"), raw_files().items())
def test_raw_files_are_to_be_developed(put, name, content):
    path = put(content, name)
    with pytest.raises(ValueError, match="develop it first") as caught:
        images.read(path)
    assert str(caught.value) == (
        f"{path} is a camera's raw file: develop it first, to TIFF or PNG"
    )


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp41", "film"),
        (b"8BPS\0\1", "Photoshop"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\xff\x0a\0\0", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"%PDF-1.7", "PDF"),
        (b"v/1\x01\2\0\0\0", "OpenEXR"),
    ],
)
def test_other_kinds_are_named(put, content, name):
    path = put(content + bytes(40))
    with pytest.raises(ValueError, match=name) as caught:
        images.read(path)
    assert "save" in str(caught.value)
    assert "\n" not in str(caught.value)
