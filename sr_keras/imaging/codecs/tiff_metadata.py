"""Metadata in the tags of a TIFF page."""

import io
from typing import BinaryIO

import tifffile

from sr_keras.imaging.codecs import exif, geotiff, iptc
from sr_keras.imaging.codecs.metadata import Extra, Metadata

_XMP, _IPTC, _PHOTOSHOP = 700, 33723, 34377
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 282, 283, 296


def read(page: tifffile.TiffPage, file: BinaryIO) -> Metadata:
    """Reads the metadata of a page, and the EXIF of its file."""
    # Without the tag of the unit, it is the inch.
    known = page.tags.valueof(_RESOLUTION_UNIT, default=2) in (2, 3)
    given = _X_RESOLUTION in page.tags and _Y_RESOLUTION in page.tags
    dpi = page.get_resolution("inch") if known and given else None
    extra = Extra(_bytes(page, _XMP), _iptc(page), place=_place(page))
    block = exif.from_tiff(file, page.offset)
    return Metadata(page.iccprofile, block, dpi, extra)


def beginning_with(page: tifffile.TiffPage, file: BinaryIO) -> BinaryIO:
    """The file, with a page as its first one, for readers that take that."""
    tiff = page.parent
    if page.offset == tiff.pages[0].offset:
        return file
    file.seek(0)
    content = bytearray(file.read())
    order = "little" if tiff.byteorder == "<" else "big"
    at, room = (8, 8) if tiff.is_bigtiff else (4, 4)
    content[at : at + room] = page.offset.to_bytes(room, order)
    return io.BytesIO(content)


def tags(extra: Extra) -> list[tuple]:
    """Makes the tags, as tifffile takes them, that EXIF does not have."""
    packets = ((_XMP, extra.xmp), (_IPTC, extra.iptc))
    made = [
        (code, "B", len(content), content, True)
        for code, content in packets
        if content
    ]
    place = extra.place.tags if extra.place else {}
    return made + [
        (code, geotiff.TYPES[code], len(value), value, True)
        for code, value in place.items()
    ]


def _place(page: tifffile.TiffPage) -> geotiff.Place | None:
    found = {}
    for code, kind in geotiff.TYPES.items():
        if code in page.tags:
            value = page.tags[code].value
            one = isinstance(value, (int, float))
            found[code] = (value,) if one else value
            if kind == "s":
                found[code] = _bytes(page, code)
    size = page.imagelength, page.imagewidth
    return geotiff.Place(found, size) if found else None


def _iptc(page: tifffile.TiffPage) -> bytes | None:
    """IPTC records, which have a tag of their own or are in Photoshop's."""
    records = _bytes(page, _IPTC)
    if records and records.startswith(b"\x1c"):
        return records
    return iptc.from_resources(_bytes(page, _PHOTOSHOP) or b"")


def _bytes(page: tifffile.TiffPage, code: int) -> bytes | None:
    """The bytes of a tag, whatever its type."""
    if code not in page.tags:
        return None
    tag = page.tags[code]
    file = page.parent.filehandle
    file.seek(tag.valueoffset)
    return file.read(tag.valuebytecount)
