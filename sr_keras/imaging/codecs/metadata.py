"""Data that travels beside the pixels, and the part of it that formats hold."""

import math
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sr_keras.imaging.codecs import exif, geotiff, xmp

# A JPEG segment has a 16-bit length, which counts itself.
LARGEST_SEGMENT = 65533

# Bytes in JPEG's segments: XMP's begins with its namespace (XMP part 3,
# 1.1.3), IPTC's with the header of a Photoshop resource; a profile is cut into
# 255 at most, with 14 bytes of header.
_ROOM = {
    "icc": 255 * (LARGEST_SEGMENT - 14),
    "xmp": LARGEST_SEGMENT - len(b"http://ns.adobe.com/xap/1.0/\0"),
    "iptc": LARGEST_SEGMENT - 32,
}

_COMMENT = "Comment"

# Format -> fields of `Metadata` and `Extra` that it has a place for.
_PLACES = {
    "png": {"icc", "exif", "dpi", "xmp", "iptc", "texts"},
    "jpg": {"icc", "exif", "dpi", "xmp", "iptc", "texts"},
    "tiff": {"icc", "exif", "dpi", "xmp", "iptc", "place"},
    "webp": {"icc", "exif", "xmp"},
    "bmp": {"dpi"},
    "npy": set(),
}

_NAMES = {
    "icc": "colour profile",
    "exif": "EXIF",
    "dpi": "resolution",
    "xmp": "XMP",
    "iptc": "IPTC",
    "texts": "text",
    "place": "georeference",
}

_PROFILE_CHANNELS = {b"GRAY": 1, b"RGB ": 3}


class Text(NamedTuple):
    """A text of a PNG file; a comment has the keyword "Comment"."""

    keyword: str
    text: str
    language: str = ""
    translated: str = ""


@dataclass(frozen=True)
class Extra:
    """Metadata that few programs look at.

    Attributes:
        xmp: XMP packet.
        iptc: records of IPTC-IIM.
        texts: comments, and the texts of PNG.
        color: the chunks of PNG that describe colours; see `png_color`.
        layout: of the channels of a TIFF: how many are colour, and the code
            of each of the others (tag ExtraSamples); None otherwise.
        place: the tags of GeoTIFF.
    """

    xmp: bytes | None = None
    iptc: bytes | None = None
    texts: tuple[Text, ...] = ()
    color: tuple[tuple[bytes, bytes], ...] = ()
    layout: tuple[int, ...] | None = None
    place: geotiff.Place | None = None


@dataclass(frozen=True)
class Metadata:
    """Data that travels beside the pixels.

    Attributes:
        icc: colour profile.
        exif: EXIF block, as the file has it when decoded, and as
            `codecs.exif.tidy` returns it when encoded.
        dpi: dots per inch, horizontally and vertically.
        extra: the rest.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None
    extra: Extra = field(default_factory=Extra)


def fit(
    kind: str, metadata: Metadata, channels: int, size: tuple[int, int]
) -> tuple[Metadata, tuple[str, ...]]:
    """Selects the metadata that a file can carry.

    Args:
        kind: the format.
        metadata: of the image that was read.
        channels: colour channels of the file.
        size: (height, width) of the file.

    Returns:
        The metadata to encode, which tells the new size, and the names of
        what the file cannot carry.
    """
    extra, lost = metadata.extra, []
    if kind != "png":
        metadata, lost = _describe_color(metadata, channels)
    kept = {
        "icc": fitting_profile(metadata.icc, channels),
        "exif": metadata.exif and exif.resize(metadata.exif, size),
        "dpi": metadata.dpi,
        "xmp": extra.xmp and xmp.resize(extra.xmp, size),
        "iptc": extra.iptc,
        "texts": extra.texts,
        "place": extra.place and geotiff.resize(extra.place, size),
    }
    before = {**vars(extra), **vars(metadata)}
    for name in kept:
        if before[name] and not (kept[name] and name in _PLACES[kind]):
            kept[name] = None
            lost.append(getattr(before[name], "name", _NAMES[name]))
    if kind == "jpg":
        lost += _fit_segments(kept)
    kept["texts"] = kept["texts"] or ()
    names = ("xmp", "iptc", "texts", "place")
    extra = replace(extra, **{name: kept.pop(name) for name in names})
    return replace(metadata, **kept, extra=extra), tuple(lost)


def sentence(kind: str, lost: tuple[str, ...]) -> str | None:
    """The sentence about what `fit` has left out; None for nothing."""
    if not lost:
        return None
    names = " and ".join([", ".join(lost[:-1]), lost[-1]][len(lost) < 2 :])
    return f"{kind.upper()} cannot carry its {names}: left out"


def tidy(
    metadata: Metadata, channels: int
) -> tuple[Metadata, int, tuple[str, ...]]:
    """Makes the metadata of a file true of its picture, turned upright.

    Args:
        metadata: as the file has it.
        channels: colour channels of the file.

    Returns:
        The metadata, the EXIF orientation, 1 to 8, and notes on what is
        damaged or is left out.
    """
    notes, orientation, block = (), 1, None
    if metadata.exif:
        try:
            orientation, block = exif.tidy(metadata.exif)
        except ValueError:
            notes += ("its EXIF is damaged and is left out",)
    icc = fitting_profile(metadata.icc, channels)
    if icc != metadata.icc:
        notes += ("its colour profile is for other colours and is left out",)
    extra = metadata.extra
    if extra.xmp:
        packet, extended = xmp.tidy(extra.xmp)
        extra = replace(extra, xmp=packet)
        if extended:
            notes += ("the extension of its XMP is left out",)
        if not packet:
            notes += ("its XMP is damaged and is left out",)
    if extra.place and orientation != 1:
        extra = replace(extra, place=None)
        notes += ("its georeference is not for its orientation: left out",)
    if extra.place and extra.place.no_data:
        value = extra.place.no_data
        notes += (f"its no-data value {value} is enlarged like any other",)
    dpi = _usable_dpi(metadata.dpi, orientation)
    return Metadata(icc, block, dpi, extra), orientation, notes


def cut(extra: Extra, window: tuple[slice, slice]) -> Extra:
    """The same of a part of the picture, a pair of slices."""
    place = extra.place and geotiff.cut(extra.place, window)
    return replace(extra, place=place)


def _usable_dpi(
    dpi: tuple[float, float] | None, orientation: int
) -> tuple[float, float] | None:
    """Floats, in the order of the turned image; None where it is nonsense."""
    if dpi is None or not all(math.isfinite(d) and d > 0 for d in dpi):
        return None
    x, y = map(float, dpi)
    return (y, x) if orientation >= 5 else (x, y)


def fitting_profile(icc: bytes | None, channels: int) -> bytes | None:
    """A profile, unless it is for another number of channels."""
    known = icc and _PROFILE_CHANNELS.get(icc[16:20])
    return icc if known == channels or channels not in (1, 3) else None


def color_profile(metadata: Metadata, channels: int) -> bytes | None:
    """The profile of a picture's colours; None where they are sRGB."""
    return _describe_color(metadata, channels)[0].icc


def _describe_color(
    metadata: Metadata, channels: int
) -> tuple[Metadata, list[str]]:
    """Makes a profile of PNG's chunks; names those that it does not cover."""
    chunks = dict(metadata.extra.color)
    # cICP overrides a profile, which overrides the others (PNG 3rd edition,
    # section 4.3).
    if not chunks or channels not in (1, 3):
        return metadata, []
    from sr_keras.imaging.codecs import png_color

    made, lost = png_color.describe(metadata.extra.color, channels)
    if metadata.icc and b"cICP" not in chunks:
        return metadata, [n for n in lost if n not in ("gAMA", "cHRM")]
    return replace(metadata, icc=made or metadata.icc), lost


def _fit_segments(kept: dict) -> list[str]:
    """Cuts down what JPEG's segments are too short for; names what went."""
    lost = []
    for name, room in _ROOM.items():
        if len(kept[name] or b"") > room:
            kept[name] = None
            lost.append(f"{_NAMES[name]} above {room // 1000} kB")
    if kept["exif"]:
        kept["exif"], dropped = exif.shrink(kept["exif"], LARGEST_SEGMENT)
        lost += [f"{name} (EXIF above 64 kB)" for name in dropped]
    short = [text for text in kept["texts"] or () if _is_comment(text)]
    if kept["texts"] and len(short) < len(kept["texts"]):
        lost.append("texts but comments")
    kept["texts"] = tuple(short)
    return lost


def _is_comment(text: Text) -> bool:
    long = len(text.text.encode()) > LARGEST_SEGMENT
    return text.keyword == _COMMENT and not long
