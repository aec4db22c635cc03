"""Formats by the first bytes of their files, and why others are not read."""

import os
from typing import BinaryIO

from sr_keras.imaging.codecs.decoded import ImageError

# First bytes of a file -> format.
_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpg",
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
    b"II+\0": "tiff",
    b"MM\0+": "tiff",
    b"RIFF": "webp",
    b"BM": "bmp",
    b"(\0\0\0": "bmp",  # the header of a bitmap without that of its file
    b"GIF8": "gif",
    b"\x93NUMPY": "npy",
}

# Box files (ISO 14496-12): brand -> format.
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"}

_RAW = "is a camera's raw file: develop it first, to TIFF or PNG"

# Canon's mark in a TIFF file, behind the first eight bytes.
_CANON = b"CR\2"

# Suffixes of cameras' files that look like TIFF.
_RAW_SUFFIXES = {".3fr", ".arw", ".cr2", ".dcr", ".dng", ".erf", ".fff"}
_RAW_SUFFIXES |= {".iiq", ".k25", ".kdc", ".mef", ".mos", ".nef", ".nrw"}
_RAW_SUFFIXES |= {".orf", ".pef", ".rw2", ".rwl", ".sr2", ".srf", ".srw"}

# First bytes -> what such a file is.
_FOREIGN = {
    b"II*\0\x10\0\0\0" + _CANON: _RAW,
    b"FUJIFILMCCD-RAW": _RAW,
    b"IIRO": _RAW,  # Olympus
    b"IIRS": _RAW,
    b"MMOR": _RAW,
    b"IIU\0": _RAW,  # Panasonic, Leica
    b"II\x1a\0\0\0HEAPCCDR": _RAW,  # Canon CRW
    b"\0MRM": _RAW,  # Minolta
    b"FOVb": _RAW,  # Sigma
    b"8BPS": "is a Photoshop file: save it as TIFF or PNG",
    b"\xff\x0a": "is a JPEG XL image: save it as PNG",
    b"\0\0\0\x0cJXL ": "is a JPEG XL image: save it as PNG",
    b"\0\0\0\x0cjP  ": "is a JPEG 2000 image: save it as PNG",
    b"\xff\x4f\xff\x51": "is a JPEG 2000 image: save it as PNG",
    b"%PDF": "is a PDF document: save its pictures as PNG",
    b"v/1\x01": "is an OpenEXR image: save it as TIFF",
    b"#?RADIANCE": "is a Radiance HDR image: save it as TIFF",
}


def find_kind(file: BinaryIO) -> str:
    """The format of a file, by its first bytes.

    Args:
        file: an open file, at its beginning, where it stays.

    Raises:
        ImageError: it is none that is read, with the reason.
    """
    head = file.read(64)
    file.seek(0)
    if not head:
        raise ImageError("is empty (0 bytes): get a fresh copy")
    if head[4:8] == b"ftyp":
        return _box_kind(head)
    for magic, reason in _FOREIGN.items():
        if head.startswith(magic):
            raise ImageError(reason)
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            if kind == "tiff" and _has_raw_suffix(file):
                raise ImageError(_RAW)
            return kind
    raise ImageError(
        f"is not an image that can be read: it begins with {head[:8]!r}; "
        "give PNG, JPEG, TIFF, WebP, AVIF, BMP, GIF or .npy"
    )


def refuse_raw() -> None:
    """Raises the error about the raw file of a camera."""
    raise ImageError(_RAW)


def _box_kind(head: bytes) -> str:
    size = int.from_bytes(head[:4], "big")
    brands = {head[8:12]}
    brands |= {head[at : at + 4] for at in range(16, min(size, len(head)), 4)}
    if brands & _AVIF_BRANDS:
        return "avif"
    if head[8:12] == b"crx ":
        raise ImageError(_RAW)
    if brands & _HEIC_BRANDS:
        raise ImageError(
            "is a HEIC image, which is not read here: save it as JPEG or PNG"
        )
    raise ImageError("is a film: save pictures of it as PNG")


def _has_raw_suffix(file: BinaryIO) -> bool:
    name = str(getattr(file, "name", ""))
    return os.path.splitext(name)[1].lower() in _RAW_SUFFIXES
