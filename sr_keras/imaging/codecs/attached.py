"""Data that a JPEG file has beside its picture: other pictures, films."""

from PIL import Image

from sr_keras.imaging.codecs import xmp
from sr_keras.imaging.codecs.decoded import only_first

# Marks of gain maps: ISO 21496-1, Adobe's and Google's, Apple's.
_GAIN_MAPS = (
    b"urn:iso:std:iso:ts:21496:-1\0",
    b"http://ns.adobe.com/hdr-gain-map/1.0/",
    b"urn:com:apple:photo:2020:aux:hdrgainmap",
    b"http://ns.apple.com/HDRGainMap/1.0/",
)

GAIN_MAP = (
    "HDR photo: its second picture, a gain map, is not used; the result is SDR"
)

CREDENTIALS = (
    "its content credentials (C2PA) hold for the former file alone: left out"
)

# Bytes of a picture in which its header is looked for.
_HEADER = 1 << 16

_JPEG = b"\xff\xd8\xff"


def find_attached(
    picture: Image.Image, frames: int, behind: bytes
) -> tuple[str, ...]:
    """Says what of a JPEG file is not used.

    Args:
        picture: the file, opened by Pillow.
        frames: how many pictures its index has.
        behind: what follows the picture.

    Returns:
        Notes for the person whose file it is.
    """
    notes = only_first(frames, "several pictures: pictures")
    second = behind.find(_JPEG)
    if _has_gain_map(picture, behind[second:] if second >= 0 else b""):
        notes = (GAIN_MAP,)
    elif not notes and second == 0:
        notes = only_first(2, "several pictures: pictures")
    if b"ftyp" in behind:
        notes += ("moving photo: its film is not used",)
    if any(
        name == "APP11" and b"c2pa" in segment
        for name, segment in picture.applist
    ):
        notes += (CREDENTIALS,)
    return notes


def _has_gain_map(picture: Image.Image, second: bytes) -> bool:
    """Whether a picture, or the header of the second, speaks of a gain map."""
    if xmp.announces_gain_map(picture.info.get("xmp")):
        return True
    iso = any(
        segment.startswith(_GAIN_MAPS[0]) for _, segment in picture.applist
    )
    return iso or any(mark in second[:_HEADER] for mark in _GAIN_MAPS)
