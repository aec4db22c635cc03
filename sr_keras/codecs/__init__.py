"""Image formats: files to arrays of the numbers in them, and back.

`sr_keras.images` is what the rest of the package uses; the modules here know
the formats, and nothing of orientation, premultiplication or float pixels.
Each format goes to the library that loses nothing of it, and a module is
imported, with its library, when a file of its kind turns up:

- `png`: libpng (imagecodecs), after a check of the chunks of our own.
- `tiff`: tifffile; palettes, CMYK and YCbCr through Pillow.
- `pillow`: JPEG, WebP, BMP, GIF.
- `npy`: NumPy.

Each has `decode(file, max_pixels) -> Decoded` and, but for GIF, which is only
read, `encode(kind, samples, alpha, metadata, quality) -> bytes`.
"""

import importlib
from types import ModuleType
from typing import BinaryIO

import numpy as np

from sr_keras.codecs.decoded import Decoded, ImageError, Metadata
from sr_keras.codecs.exif import tidy as tidy_exif

__all__ = [
    "Decoded",
    "ImageError",
    "Metadata",
    "decode",
    "encode",
    "tidy_exif",
]

# Format -> the module that has it.
_MODULES = {
    "png": "png",
    "tiff": "tiff",
    "jpg": "pillow",
    "webp": "pillow",
    "bmp": "pillow",
    "gif": "pillow",
    "npy": "npy",
}

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
    b"GIF8": "gif",
    b"\x93NUMPY": "npy",
}


def decode(file: BinaryIO, max_pixels: int) -> Decoded:
    """Reads an image of any format, found by its first bytes.

    Args:
        file: an open file on disk, at its beginning.
        max_pixels: the size above which a file is refused, going by its
            header, before anything is decoded.

    Returns:
        The image as stored.

    Raises:
        ImageError: with the reason and what to do, without the file's name.
        OSError: the disk failed.
    """
    kind = _kind(file)
    try:
        return _module(kind).decode(file, max_pixels)
    except (ImageError, ImportError):
        raise
    except MemoryError as error:
        raise ImageError("does not fit into memory: cut it up first") from error
    except Exception as error:
        # The libraries raise many unrelated types for a broken file; only a
        # failing disk sets an error number.
        if isinstance(error, OSError) and error.errno:
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(
            f"cannot be read as {kind.upper()} ({reason}): it is broken, cut "
            "off or of an unusual kind; get a fresh copy or save it as PNG"
        ) from error


def encode(
    kind: str,
    samples: np.ndarray,
    alpha: bool,
    metadata: Metadata,
    quality: int,
) -> bytes:
    """Makes the content of a file.

    Args:
        kind: "png", "jpg", "tiff", "webp", "bmp" or "npy".
        samples: (H, W, C) uint8, or uint16 for PNG, or also float32 for TIFF
            and .npy; the caller has seen to it that the format holds it.
        alpha: whether the last channel is alpha.
        metadata: carried as far as the format has a place for it.
        quality: 1 to 100, for JPEG and WebP.

    Returns:
        The bytes.
    """
    return _module(kind).encode(kind, samples, alpha, metadata, quality)


def _module(kind: str) -> ModuleType:
    return importlib.import_module(f"sr_keras.codecs.{_MODULES[kind]}")


def _kind(file: BinaryIO) -> str:
    head = file.read(16)
    file.seek(0)
    if not head:
        raise ImageError("is empty (0 bytes): get a fresh copy")
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            return kind
    raise ImageError(
        f"is not an image that can be read: it begins with {head[:8]!r}; "
        "give PNG, JPEG, TIFF, WebP, BMP, GIF or .npy"
    )
