"""Bands and georeference of TIFF files."""

import dataclasses

import numpy as np
import pytest
import tifffile
from image_files import numbers

from sr_keras.imaging import images
from sr_keras.imaging.strips import StripWriter

RGB, GREY = "rgb", "minisblack"


def twice(image):
    return dataclasses.replace(
        image, pixels=image.pixels.repeat(2, 0).repeat(2, 1)
    )


@pytest.mark.parametrize("strips", [False, True])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize(
    ("channels", "photometric", "extra"),
    [
        (4, RGB, (0,)),
        (5, RGB, (0, 0)),
        (5, RGB, (0, 2)),
        (5, RGB, (0, 1)),
        (3, GREY, (0, 0)),
        (2, GREY, (0,)),
        (8, GREY, (0,) * 7),
        (3, RGB, ()),
    ],
)
def test_bands_stay_what_they_are(
    tmp_path, channels, photometric, extra, planar, strips
):
    array = numbers(9, 8, channels)
    first = array if planar == "contig" else np.moveaxis(array, 2, 0)
    tifffile.imwrite(
        tmp_path / "a.tif",
        first,
        photometric=photometric,
        planarconfig=planar,
        extrasamples=extra,
    )
    image = images.read(tmp_path / "a.tif")
    assert image.alpha is None
    path = tmp_path / "b.tif"
    if strips:
        with StripWriter(path, "tiff", image, (9, 8)) as writer:
            writer.put(image.pixels)
    else:
        images.write(path, image)
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        assert page.photometric.name.lower() == photometric
        assert tuple(page.extrasamples) == extra
        np.testing.assert_array_equal(page.asarray(), array)


def test_nan_is_called_so(tmp_path):
    array = np.full((4, 5, 3), 0.5, np.float32)
    array[1, 2] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb")
    np.save(tmp_path / "a.npy", array)
    for name in ("a.tif", "a.npy"):
        with pytest.raises(ValueError, match=r"NaN\), 3 of 60"):
            images.read(tmp_path / name)


def test_networks_say_how_many_bands(upscale, tmp_path):
    tifffile.imwrite(
        *(tmp_path / "a.tif", numbers(20, 24, 5)),
        photometric=RGB,
        extrasamples=(0, 0),
    )
    ended = upscale(tmp_path / "a.tif", "-o", tmp_path / "b.tif")
    assert ended.code == 2
    assert "is a network for RGB, the image has 5 bands" in ended.err
    ended = upscale(
        *(tmp_path / "a.tif", "-o", tmp_path / "b.tif"), model="bicubic"
    )
    assert ended.code == 0
    assert images.read(tmp_path / "b.tif").pixels.shape[2] == 5


# --- georeference ------------------------------------------------------------

AREA, POINT = (1025, 0, 1, 1), (1025, 0, 1, 2)
SCALE, TIEPOINTS, MATRIX, KEYS, NAMES = 33550, 33922, 34264, 34735, 34737
GDAL, NO_DATA, RPC = 42112, 42113, 50844


def keys(raster):
    entries = (*raster, 3072, 0, 1, 32632)
    return (KEYS, "H", 4 + len(entries), (1, 1, 0, 2, *entries), True)


def tied(x=0.0, y=0.0):
    return [
        (SCALE, "d", 3, (10.0, 12.0, 0.0), True),
        (TIEPOINTS, "d", 6, (x, y, 0.0, 600000.0, 5000000.0, 0.0), True),
    ]


TURNED = (8.0, 3.0, 0.0, 6e5, 3.0, -8.0, 0.0, 5e6, *[0.0] * 7, 1.0)


def geotiff(path, *tags, shape=(8, 9, 3), **options):
    tifffile.imwrite(
        *(path, numbers(*shape)),
        photometric="rgb" if shape[-1] == 3 else None,
        extratags=list(tags),
        **options,
    )
    return images.load(path)


def place_of(path):
    """Function from (column, row), counted in pixels' corners, to the earth."""
    with tifffile.TiffFile(path) as tiff:
        tags = {tag.code: tag.value for tag in tiff.pages[0].tags.values()}
    shift = 0.5 if tags[KEYS][4:8] == POINT else 0.0

    def locate(x, y):
        if MATRIX in tags:
            matrix = np.reshape(tags[MATRIX], (4, 4))
            return matrix @ (x - shift, y - shift, 0, 1)
        i, j, _, east, north, _ = tags[TIEPOINTS]
        wide, high, _ = tags[SCALE]
        across, down = (x - shift - i) * wide, (y - shift - j) * high
        return np.array([east + across, north - down, 0, 1])

    return locate


@pytest.mark.parametrize("raster", [AREA, POINT])
@pytest.mark.parametrize(
    "tags", [tied(), tied(3.0, 5.5), [(MATRIX, "d", 16, TURNED, True)]]
)
@pytest.mark.parametrize("crop", [None, (slice(2, 8), slice(1, 4))])
@pytest.mark.parametrize("strips", [False, True])
def test_corners_stay_where_they_are(tmp_path, raster, tags, crop, strips):
    stored = geotiff(tmp_path / "a.tif", *tags, keys(raster))
    top, left = (0, 0) if crop is None else (2, 1)
    stored = stored.cropped(crop) if crop else stored
    large = twice(stored.image())
    if strips:
        size = large.pixels.shape[:2]
        with StripWriter(tmp_path / "b.tif", "tiff", large, size) as writer:
            writer.put(large.pixels)
    else:
        images.write(tmp_path / "b.tif", large)
    before, after = place_of(tmp_path / "a.tif"), place_of(tmp_path / "b.tif")
    for x, y in ((0, 0), (3, 0), (3, 6), (1.5, 2)):
        np.testing.assert_allclose(
            after(2 * x, 2 * y), before(left + x, top + y), rtol=0, atol=1e-6
        )
    with tifffile.TiffFile(tmp_path / "b.tif") as tiff:
        assert tiff.pages[0].tags[KEYS].value == keys(raster)[3]


def test_polynomials_of_satellites_are_scaled(tmp_path):
    values = np.arange(92.0)
    values[[2, 3, 7, 8]] = 3.5, 4.0, 3.5, 4.0
    tag = (RPC, "d", 92, tuple(values), True)
    stored = geotiff(tmp_path / "a.tif", tag)
    images.write(tmp_path / "b.tif", twice(stored.image()))
    with tifffile.TiffFile(tmp_path / "b.tif") as tiff:
        got = np.array(tiff.pages[0].tags[RPC].value)
    assert got[[2, 3, 7, 8]].tolist() == [7.5, 8.5, 7.0, 8.0]
    rest = [i for i in range(92) if i not in (2, 3, 7, 8)]
    np.testing.assert_array_equal(got[rest], values[rest])


def test_tags_of_gdal_go_along(tmp_path):
    xml = "<GDALMetadata><Item>é</Item></GDALMetadata>".encode()
    stored = geotiff(
        tmp_path / "a.tif",
        (GDAL, "s", len(xml) + 1, xml, True),
        (NO_DATA, "s", 3, "0", True),
    )
    assert stored.like.notes == (
        "its no-data value 0 is enlarged like any other",
    )
    images.write(tmp_path / "b.tif", twice(stored.image()))
    again = images.load(tmp_path / "b.tif").like.extra.place
    assert again.tags[GDAL].rstrip(b"\0") == xml
    assert again.no_data == "0"


def test_other_formats_lose_the_place_and_say_so(upscale, tmp_path):
    geotiff(tmp_path / "a.tif", *tied(), keys(AREA))
    ended = upscale(
        tmp_path / "a.tif", "-o", tmp_path / "b.png", model="bicubic"
    )
    assert ended.code == 0
    line = "a.tif: PNG cannot carry its georeference: left out"
    assert ended.err.splitlines() == [line]


def test_a_turned_picture_loses_the_place(tmp_path):
    turn = (0x0112, "H", 1, 6, True)
    stored = geotiff(tmp_path / "a.tif", *tied(), keys(AREA), turn)
    assert stored.like.extra.place is None
    assert stored.like.notes == (
        "its georeference is not for its orientation: left out",
    )
