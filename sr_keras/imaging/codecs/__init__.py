"""Image formats: files to arrays of the numbers in them, and back.

`sr_keras.images` is what the rest of the package uses; the modules here know
the formats, and nothing of orientation, premultiplication or float pixels.
Each format goes to the library that loses nothing of it, and a module is
imported, with its library, when a file of its kind turns up:

- `png`: libpng (imagecodecs), after a check of the chunks of our own.
- `tiff`: tifffile; palettes, CMYK and YCbCr through Pillow.
- `pillow`: JPEG, WebP, BMP, GIF.
- `avif`: libavif (imagecodecs).
- `npy`: NumPy.

Each has `decode(file, max_pixels) -> Decoded` and, except for GIF and AVIF,
`encode(kind, samples, alpha, metadata, quality) -> bytes`. `kinds` tells the
formats apart, and `metadata` knows which of them carries what.
"""

import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import BinaryIO

import numpy as np

from sr_keras.imaging.codecs.decoded import Decoded, ImageError
from sr_keras.imaging.codecs.kinds import find_kind
from sr_keras.imaging.codecs.metadata import Extra, Metadata

__all__ = [
    "Decoded",
    "Extra",
    "ImageError",
    "Metadata",
    "decode",
    "encode",
    "encode_strips",
]

# Format -> the module that has it.
_MODULES = {
    "png": "png",
    "tiff": "tiff",
    "jpg": "pillow",
    "webp": "pillow",
    "bmp": "pillow",
    "gif": "pillow",
    "avif": "avif",
    "npy": "npy",
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
    kind = find_kind(file)
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


def encode_strips(
    kind: str,
    file: BinaryIO,
    strips: Iterator[np.ndarray],
    size: tuple[int, int],
    alpha: bool,
    metadata: Metadata,
    quality: int,
) -> None:
    """Writes a file of strips, which come one after another from the top.

    PNG and TIFF are written as they come. Of the other formats the whole
    image is put together first.

    Args:
        kind: as for `encode`.
        file: open, to be written and read, empty.
        strips: ndarrays (rows, W, C) of one type.
        size: (H, W) of all of them together.
        alpha: as for `encode`.
        metadata: as for `encode`.
        quality: as for `encode`.

    Raises:
        ValueError: the strips are more or fewer rows than they should be.
    """
    strips = _counted(strips, size[0])
    module = _module(kind)
    if hasattr(module, "encode_strips"):
        module.encode_strips(file, strips, size, alpha, metadata)
        return
    samples = None
    at = 0
    for strip in strips:
        if samples is None:
            samples = np.empty((*size, strip.shape[2]), strip.dtype)
        samples[at : at + len(strip)] = strip
        at += len(strip)
    file.write(module.encode(kind, samples, alpha, metadata, quality))


def _counted(strips: Iterator[np.ndarray], rows: int) -> Iterator[np.ndarray]:
    for strip in strips:
        rows -= len(strip)
        if rows < 0:
            raise ValueError(f"{-rows} rows too many")
        yield strip
    if rows:
        raise ValueError(f"{rows} rows are missing")


def _module(kind: str) -> ModuleType:
    return importlib.import_module(f"sr_keras.imaging.codecs.{_MODULES[kind]}")
