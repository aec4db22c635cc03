"""Data beside the picture of a JPEG: not used, which is said, and not kept."""

import io

import numpy as np
import pytest
from image_files import chunk, png_file, stored
from PIL import Image
from test_carried import packet

from sr_keras.imaging import images

GAIN_MAP = (
    "HDR photo: its second picture, a gain map, is not used; the result is SDR"
)
SEVERAL = "several pictures: only the first of 2 pictures is used"
FILM = "moving photo: its film is not used"

PICTURE = Image.fromarray(np.full((24, 32, 3), 99, np.uint8))
ANNOUNCED = packet(
    'hdrgm:Version="1.0" xmp:Rating="5"',
    "<Container:Directory><rdf:Seq><rdf:li><Container:Item "
    'Item:Semantic="GainMap"/></rdf:li></rdf:Seq></Container:Directory>',
)
ISO = b"urn:iso:std:iso:ts:21496:-1\0" + bytes(4)


def jpeg(picture=PICTURE, **options):
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def mpo(**options):
    buffer = io.BytesIO()
    PICTURE.save(
        buffer, "MPO", save_all=True, append_images=[PICTURE], **options
    )
    return buffer.getvalue()


def segment(code, content):
    length = (len(content) + 2).to_bytes(2, "big")
    return b"\xff" + bytes([code]) + length + content


SMALL = jpeg(PICTURE.resize((8, 6)).convert("L"))
INNER = jpeg(xmp=packet('hdrgm:GainMapMax="2.5"'))
APPLE = packet().replace(b"hdr-gain-map/1.0/", b"unused/")
APPLE = APPLE.replace(
    b"<rdf:Description ",
    b'<rdf:Description xmlns:H="http://ns.apple.com/HDRGainMap/1.0/" ',
)


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (mpo(), SEVERAL),
        (jpeg(xmp=ANNOUNCED) + SMALL, GAIN_MAP),
        (jpeg(xmp=packet('hdrgm:Version="1.0"')) + SMALL, GAIN_MAP),
        (jpeg(extra=segment(0xE2, ISO)) + SMALL, GAIN_MAP),
        (jpeg() + INNER, GAIN_MAP),
        (jpeg() + jpeg(xmp=APPLE), GAIN_MAP),
        (mpo(xmp=ANNOUNCED), GAIN_MAP),
        (jpeg() + SMALL, SEVERAL),
        (jpeg() + b"\0\0\0\x18ftypmp42" + bytes(60), FILM),
        (jpeg() + b"rubbish", None),
        (jpeg(), None),
    ],
)
def test_what_is_not_used_is_said(put, content, note):
    image = images.read(put(content, "a.jpg"))
    assert image.notes == ((note,) if note else ())
    np.testing.assert_array_equal(stored(image), np.asarray(PICTURE))


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_no_result_announces_a_gain_map(put, tmp_path, suffix):
    image = images.read(put(jpeg(xmp=ANNOUNCED) + SMALL, "a.jpg"))
    images.write(tmp_path / f"b.{suffix}", image)
    content = (tmp_path / f"b.{suffix}").read_bytes()
    assert b"hdrgm:Version" not in content
    assert b"GainMap" not in content
    assert b'xmp:Rating="5"' in content


def test_the_index_of_pictures_is_not_written(put, tmp_path):
    image = images.read(put(mpo(), "a.jpg"))
    images.write(tmp_path / "b.jpg", image)
    assert b"MPF\0" not in (tmp_path / "b.jpg").read_bytes()
    assert images.read(tmp_path / "b.jpg").notes == ()


def test_content_credentials_are_left_out(put):
    box = b"JP\0\1\0\0\0\1\0\0\0\x20jumbc2pa" + bytes(20)
    png = png_file((1, 1, 8, 0), chunk(b"caBX", box), rows=b"\0\7")
    first = images.read(put(jpeg(extra=segment(0xEB, box)), "a.jpg"))
    second = images.read(put(png, "a.png"))
    assert (
        first.notes
        == second.notes
        == (
            "its content credentials (C2PA) hold for the former file alone: "
            "left out",
        )
    )


def test_the_command_says_it(upscale, put, tmp_path):
    path = put(jpeg(xmp=ANNOUNCED) + SMALL, "a.jpg")
    ended = upscale(path, "-o", tmp_path / "b.jpg", model="bicubic")
    assert ended.code == 0
    assert ended.err.splitlines() == [f"a.jpg: {GAIN_MAP}"]
