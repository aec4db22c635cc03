"""XMP, IPTC, comments and texts: carried along, or said to be lost."""

import dataclasses
import struct
import xml.etree.ElementTree as ElementTree
import zlib

import numpy as np
import pytest
import tifffile
from image_files import chunk, numbers, png_file, stored
from PIL import Image, IptcImagePlugin

from sr_keras.imaging import images
from sr_keras.imaging.codecs import Extra, xmp
from sr_keras.imaging.codecs.metadata import Text

SPACES = {
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "hdrgm": "http://ns.adobe.com/hdr-gain-map/1.0/",
    "GPano": "http://ns.google.com/photos/1.0/panorama/",
    "GCamera": "http://ns.google.com/photos/1.0/camera/",
    "xmpNote": "http://ns.adobe.com/xmp/note/",
    "Container": "http://ns.google.com/photos/1.0/container/",
    "Item": "http://ns.google.com/photos/1.0/container/item/",
}


def packet(attributes="", elements=""):
    """An XMP packet with properties of both kinds."""
    spaces = " ".join(f'xmlns:{p}="{uri}"' for p, uri in SPACES.items())
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf='
        '"http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        f"{spaces} {attributes}>{elements}</rdf:Description></rdf:RDF>"
        "</x:xmpmeta>"
    ).encode()


RATED = packet('xmp:Rating="5"', "<xmp:Label>Größe</xmp:Label>")
RECORDS = b"\x1c\x02\x19\x00\x04word\x1c\x02\x05\x00\x05title"
COMMENT = Text("Comment", "a comment, naïve")
PROMPT = Text("parameters", "red box, Seed: 1 ✓")

# Format -> what it has a place for.
PLACES = {
    "png": {"xmp", "iptc", "comment", "texts"},
    "jpg": {"xmp", "iptc", "comment"},
    "tif": {"xmp", "iptc"},
    "webp": {"xmp"},
    "bmp": set(),
}


def annotated(**options):
    pixels = np.full((16, 24, 3), 0.5, np.float32)
    return images.Image(pixels, **options)


@pytest.mark.parametrize("first", [k for k in PLACES if PLACES[k]])
@pytest.mark.parametrize("second", PLACES)
def test_from_format_to_format(tmp_path, first, second):
    extra = Extra(RATED, RECORDS, (COMMENT, PROMPT))
    images.write(tmp_path / f"a.{first}", annotated(extra=extra))
    got = images.read(tmp_path / f"a.{first}")
    assert got.notes == ()
    check(got.extra, PLACES[first])
    kind = images.format_of(tmp_path / f"b.{second}")
    _, lost = images.metadata_for(kind, got, (16, 24))
    images.write(tmp_path / f"b.{second}", got)
    check(
        images.read(tmp_path / f"b.{second}").extra,
        PLACES[first] & PLACES[second],
    )
    gone = PLACES[first] - PLACES[second]
    assert ("XMP" in (lost or "")) == ("xmp" in gone)
    assert ("IPTC" in (lost or "")) == ("iptc" in gone)
    assert ("text" in (lost or "")) == bool({"texts", "comment"} & gone)
    assert "\n" not in (lost or "")


def check(extra, places):
    assert extra.xmp == (RATED if "xmp" in places else None)
    assert extra.iptc == (RECORDS if "iptc" in places else None)
    texts = (COMMENT,) * ("comment" in places) + (PROMPT,) * ("texts" in places)
    assert extra.texts == texts


def test_other_programs_find_them(tmp_path):
    extra = Extra(RATED, RECORDS, (COMMENT, PROMPT))
    for name in ("a.png", "a.jpg", "a.tif", "a.webp"):
        images.write(tmp_path / name, annotated(extra=extra))
    png, jpg, tif, webp = (
        Image.open(tmp_path / name)
        for name in ("a.png", "a.jpg", "a.tif", "a.webp")
    )
    assert png.text["parameters"] == PROMPT.text
    assert png.text["Comment"] == COMMENT.text
    assert png.text["XML:com.adobe.xmp"].encode() == RATED
    assert jpg.info["xmp"] == webp.info["xmp"] == RATED
    assert jpg.info["comment"] == COMMENT.text.encode()
    for picture in (jpg, tif):
        found = IptcImagePlugin.getiptcinfo(picture)
        assert found == {(2, 25): b"word", (2, 5): b"title"}
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        assert bytes(tiff.pages[0].tags[700].value) == RATED


def test_comments_of_jpeg_and_gif(tmp_path, pillow_file):
    picture = Image.fromarray(numbers(9, 12, 3))
    path = pillow_file(picture, "a.jpg", comment=b"caf\xe9")
    content = path.read_bytes()
    second = b"\xff\xfe\x00\x07later"
    path.write_bytes(content[:2] + second + content[2:])
    texts = images.read(path).extra.texts
    assert texts == (Text("Comment", "later"), Text("Comment", "café"))
    gif = pillow_file(picture, "a.gif", comment=b"hello")
    assert images.read(gif).extra.texts == (Text("Comment", "hello"),)


def test_texts_of_png_keep_their_language(put, tmp_path):
    packed = zlib.compress("größer".encode())
    chunks = [
        chunk(b"iTXt", b"Title\0\1\0de\0Titel\0" + packed),
        chunk(b"zTXt", b"Author\0\0" + zlib.compress(b"M\xfcller")),
        chunk(b"tEXt", b"Software\0" + b"x" * 5000),
        chunk(b"zTXt", b"Source\0\0" + zlib.compress(b"")),
        chunk(b"tEXt", b"Warning\0"),
    ]
    path = put(png_file((1, 1, 8, 0), *chunks, rows=b"\0\7"))
    image = images.read(path)
    expected = (
        Text("Title", "größer", "de", "Titel"),
        Text("Author", "Müller"),
        Text("Software", "x" * 5000),
        Text("Source", ""),
        Text("Warning", ""),
    )
    assert image.extra.texts == expected
    images.write(tmp_path / "b.png", image)
    assert images.read(tmp_path / "b.png").extra.texts == expected
    assert (tmp_path / "b.png").stat().st_size < 1000


def test_damaged_texts_are_counted(put):
    broken = chunk(b"zTXt", b"Author\0\0rubbish")
    raw = chunk(b"tEXt", b"Raw profile type exif\0\nexif\n 3\nxyz\n")
    path = put(png_file((1, 1, 8, 0), broken, raw, rows=b"\0\7"))
    image = images.read(path)
    assert image.extra.texts == ()
    assert image.notes == ("2 of its texts damaged and left out",)


def raw_profile(kind, content, name=b"tEXt"):
    digits = content.hex()
    lines = [digits[i : i + 72] for i in range(0, len(digits), 72)]
    text = "\n".join(["", kind, f"{len(content):8}", *lines, ""]).encode()
    keyword = f"Raw profile type {kind}".encode() + b"\0"
    if name == b"zTXt":
        keyword, text = keyword + b"\0", zlib.compress(text)
    return chunk(name, keyword + text)


@pytest.mark.parametrize("kind", ["exif", "APP1"])
@pytest.mark.parametrize("name", [b"tEXt", b"zTXt"])
def test_exif_in_texts_turns_the_picture(put, kind, name):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    old = raw_profile(kind, exif.tobytes(), name)
    path = put(png_file((2, 1, 8, 0), old, rows=b"\0\7\x09"))
    image = images.read(path)
    np.testing.assert_array_equal(stored(image), [[7], [9]])
    assert b"Maker" in image.exif
    assert image.extra.texts == image.notes == ()


def test_other_profiles_in_texts(put):
    resources = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(RECORDS)) + RECORDS
    chunks = [
        raw_profile("iptc", resources),
        raw_profile("xmp", RATED, b"zTXt"),
        raw_profile("icc", bytes(16) + b"GRAY" + bytes(100)),
        chunk(b"tEXt", b"exif:PixelXDimension\x004000"),
        chunk(b"tEXt", b"Thumb::Image::Width\x004000"),
    ]
    image = images.read(put(png_file((1, 1, 8, 0), *chunks, rows=b"\0\7")))
    assert image.extra == Extra(RATED, RECORDS)
    assert image.icc[16:20] == b"GRAY"


# --- what a JPEG's segments are too short for -------------------------------


def test_large_exif_in_jpeg_loses_the_makers_note(tmp_path):
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif[0x8769] = {0x9003: "2024:01:02 03:04:05", 0x927C: bytes(70000)}
    image = annotated(exif=exif.tobytes())
    _, lost = images.metadata_for("jpg", image, (16, 24))
    assert lost == "JPG cannot carry its MakerNote (EXIF above 64 kB): left out"
    images.write(tmp_path / "a.jpg", image)
    kept = Image.open(tmp_path / "a.jpg").getexif()
    assert kept[0x010F] == "Maker"
    assert kept.get_ifd(0x8769) == {0x9003: "2024:01:02 03:04:05"}
    images.write(tmp_path / "a.png", image)
    assert len(images.read(tmp_path / "a.png").exif) > 70000


def test_the_largest_values_go_next(tmp_path):
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif[0x8769] = {0x9286: bytes(66000), 0x927C: b"note" * 5}
    image = annotated(exif=exif.tobytes())
    _, lost = images.metadata_for("jpg", image, (16, 24))
    assert "MakerNote" in lost
    assert "UserComment" in lost
    images.write(tmp_path / "a.jpg", image)
    assert Image.open(tmp_path / "a.jpg").getexif()[0x010F] == "Maker"


@pytest.mark.parametrize(
    ("extra", "name"),
    [
        (
            Extra(packet("", "<xmp:Label>" + "x" * 66000 + "</xmp:Label>")),
            "XMP",
        ),
        (Extra(iptc=b"\x1c\x02\x19\x80\x04" + bytes(66000)), "IPTC"),
        (Extra(texts=(Text("Comment", "x" * 66000),)), "texts"),
    ],
)
def test_what_is_too_long_for_a_segment_is_said(tmp_path, extra, name):
    image = annotated(extra=extra)
    _, lost = images.metadata_for("jpg", image, (16, 24))
    assert name in lost
    images.write(tmp_path / "a.jpg", image)
    assert images.read(tmp_path / "a.jpg").extra == Extra()


# --- sizes and orientation ---------------------------------------------------


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_exif_tells_the_new_size(tmp_path, suffix):
    exif = Image.Exif()
    if suffix != "tif":
        exif[0x0100], exif[0x0101] = 7, 8
    exif[0x8769] = {0xA002: 7, 0xA003: 8, 0x9214: (3, 4)}
    exif[0x0112] = 1
    Image.fromarray(numbers(8, 7, 3)).save(tmp_path / "a.png", exif=exif)
    image = images.read(tmp_path / "a.png")
    images.write(tmp_path / f"b.{suffix}", enlarge(image))
    got = Image.open(tmp_path / f"b.{suffix}").getexif()
    assert got.get_ifd(0x8769) == {0xA002: 14, 0xA003: 16}
    if suffix != "tif":
        assert (got[0x0100], got[0x0101]) == (14, 16)


def enlarge(image):
    return dataclasses.replace(
        image, pixels=image.pixels.repeat(2, 0).repeat(2, 1)
    )


@pytest.mark.parametrize("form", ["attribute", "element"])
def test_xmp_tells_the_new_size_and_no_turn(tmp_path, form):
    old = {
        "tiff:Orientation": 6,
        "tiff:ImageWidth": 16,
        "exif:PixelXDimension": 16,
        "exif:PixelYDimension": 24,
        "xmp:Rating": 5,
    }
    if form == "attribute":
        parts = packet(" ".join(f'{k}="{v}"' for k, v in old.items()))
    else:
        parts = packet("", "".join(f"<{k}>{v}</{k}>" for k, v in old.items()))
    images.write(tmp_path / "a.jpg", annotated(extra=Extra(parts)))
    image = images.read(tmp_path / "a.jpg")
    images.write(tmp_path / "b.png", enlarge(image))
    got = images.read(tmp_path / "b.png").extra.xmp.decode()
    new = {
        "tiff:Orientation": 1,
        "tiff:ImageWidth": 48,
        "exif:PixelXDimension": 48,
        "exif:PixelYDimension": 32,
        "xmp:Rating": 5,
    }
    for name, value in new.items():
        text = f'{name}="{value}"'
        assert (text if form == "attribute" else f"<{name}>{value}<") in got


def test_panorama_is_scaled():
    old = packet(
        'GPano:FullPanoWidthPixels="400" GPano:FullPanoHeightPixels="200" '
        'GPano:CroppedAreaImageWidthPixels="100" '
        'GPano:CroppedAreaImageHeightPixels="50" '
        'GPano:CroppedAreaLeftPixels="20" GPano:CroppedAreaTopPixels="10"'
    )
    got = xmp.resize(old, (100, 200)).decode()
    assert 'FullPanoWidthPixels="800"' in got
    assert 'FullPanoHeightPixels="400"' in got
    assert 'CroppedAreaImageWidthPixels="200"' in got
    assert 'CroppedAreaLeftPixels="40"' in got
    assert 'CroppedAreaTopPixels="20"' in got


def test_xmp_about_other_data_in_the_file_is_dropped():
    directory = (
        "<Container:Directory><rdf:Seq><rdf:li rdf:parseType='Resource'>"
        "<Container:Item Item:Mime='image/jpeg' Item:Semantic='GainMap'/>"
        "</rdf:li></rdf:Seq></Container:Directory>"
    )
    thumbnails = (
        "<xmp:Thumbnails><rdf:Alt><rdf:li>AB</rdf:li></rdf:Alt>"
        "</xmp:Thumbnails>"
    )
    old = packet(
        'hdrgm:Version="1.0" GCamera:MotionPhoto="1" xmp:Rating="5" '
        'xmpNote:HasExtendedXMP="0123"',
        directory + thumbnails + "<hdrgm:GainMapMax>2</hdrgm:GainMapMax>",
    )
    assert xmp.announces_gain_map(old)
    got, extended = xmp.tidy(old)
    assert extended
    assert got == packet('xmp:Rating="5"')
    assert not xmp.announces_gain_map(got)
    ElementTree.fromstring(got)


@pytest.mark.parametrize(
    "coding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32"]
)
def test_xmp_of_any_coding_becomes_utf8(coding):
    got, _ = xmp.tidy(RATED.decode().encode(coding))
    assert got == RATED


def test_rubbish_is_no_xmp(put):
    bad = chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0rubbish")
    image = images.read(put(png_file((1, 1, 8, 0), bad, rows=b"\0\7")))
    assert image.extra.xmp is None
    assert image.notes == ("its XMP is damaged and is left out",)


# --- the command -------------------------------------------------------------


def test_upscale_says_what_is_lost(upscale, tmp_path):
    extra = Extra(RATED, RECORDS, (PROMPT,))
    images.write(tmp_path / "a.png", annotated(extra=extra))
    ended = upscale(
        tmp_path / "a.png", "-o", tmp_path / "b.webp", model="bicubic"
    )
    assert ended.code == 0
    line = "a.png: WEBP cannot carry its IPTC and text: left out"
    assert ended.err.splitlines() == [line]
    ended = upscale(
        tmp_path / "a.png", "-o", tmp_path / "b.png", model="bicubic"
    )
    assert ended.err == ""
    assert images.read(tmp_path / "b.png").extra == extra


def test_train_says_what_is_lost(train, place):
    images.write(place / "a.png", annotated(extra=Extra(iptc=RECORDS)))
    ended = train(
        *("--image", "a.png", "--scale", 2, "--output", "out"),
        *("--format", "webp"),
    )
    assert ended.code == 0
    assert "a.png: WEBP cannot carry its IPTC: left out" in ended.err
