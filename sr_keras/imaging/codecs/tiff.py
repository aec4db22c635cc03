"""TIFF through tifffile: every depth, any number of channels.

Palettes, CMYK and YCbCr go through Pillow, which converts them to RGB.
"""

import contextlib
import dataclasses
import io
import itertools
import logging
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import imagecodecs
import numpy as np
import tifffile

from sr_keras.imaging.codecs import exif, tiff_metadata
from sr_keras.imaging.codecs.decoded import (
    Decoded,
    ImageError,
    check_size,
    pieces,
    storable,
    white_of,
)
from sr_keras.imaging.codecs.metadata import Metadata
from sr_keras.imaging.codecs.tiff_pages import find_picture

# Values of the tag PhotometricInterpretation.
_MINISWHITE, _MINISBLACK, _RGB = 0, 1, 2
_PLAIN = {_MINISWHITE, _MINISBLACK, _RGB}
_CONVERTED = {3, 5, 6}  # PALETTE, SEPARATED (CMYK), YCBCR

# Rows of a strip where the image comes in strips.
_ROWS = 64

# Of zlib: higher ones take several times as long for little.
_LEVEL = 3

# Bytes of pixels above which a file may not fit into classic TIFF.
_CLASSIC = 3 << 30

# Values of the tag ExtraSamples.
_UNSPECIFIED, _PREMULTIPLIED, _ALPHA = 0, 1, 2


def decode(file: BinaryIO, max_pixels: int) -> Decoded:
    """Reads the page that is the picture; see `codecs.decode`."""
    with _quiet(), tifffile.TiffFile(file) as tiff:
        page, notes = find_picture(tiff)
        _check(page, tiff.filehandle.size, max_pixels)
        metadata = tiff_metadata.read(page, file)
        if page.photometric in _PLAIN:
            return _decode_plain(page, metadata, notes)
        if page.dtype == np.uint16:
            notes += ("16 bits: reduced to 8 by the conversion to RGB",)
        first = tiff_metadata.beginning_with(page, file)
        return _decode_converted(first, max_pixels, metadata, notes)


def encode(
    kind: str,
    samples: np.ndarray,
    alpha: bool,
    metadata: Metadata,
    quality: int,
) -> bytes:
    """Makes a deflated file of any type and channels; see `codecs.encode`."""
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        samples if samples.shape[2] > 1 else samples[..., 0],
        byteorder=exif.byte_order(metadata.exif),
        **_options(samples.shape[2], alpha, metadata),
    )
    if metadata.exif:
        exif.into_tiff(buffer, metadata.exif)
    return buffer.getvalue()


def encode_strips(
    file: BinaryIO,
    strips: Iterable[np.ndarray],
    size: tuple[int, int],
    alpha: bool,
    metadata: Metadata,
) -> None:
    """Writes TIFF as the strips come; see `codecs.encode_strips`."""
    strips = iter(strips)
    first = next(strips)
    channels = first.shape[2]
    order = exif.byte_order(metadata.exif)
    rows = pieces(itertools.chain([first], strips), _ROWS)
    tifffile.imwrite(
        file,
        (_packed(piece, order) for piece in rows),
        shape=(*size, channels) if channels > 1 else size,
        dtype=first.dtype,
        rowsperstrip=_ROWS,
        # Classic TIFF ends at 4 GB, and may not be compressed enough.
        bigtiff=size[0] * size[1] * channels * first.itemsize > _CLASSIC,
        byteorder=order,
        **_options(channels, alpha, metadata),
    )
    if metadata.exif:
        exif.into_tiff(file, metadata.exif)


def _packed(piece: np.ndarray, order: str) -> bytes:
    """A strip as it is in the file: differences along its rows, deflated."""
    piece = piece if piece.shape[2] > 1 else piece[..., 0]
    if piece.dtype.kind == "f":
        differences = imagecodecs.floatpred_encode(
            piece.astype(piece.dtype.newbyteorder(order)), axis=1
        )
    else:
        differences = imagecodecs.delta_encode(piece, axis=1)
        differences = differences.astype(piece.dtype.newbyteorder(order))
    return zlib.compress(differences.tobytes(), _LEVEL)


def _options(channels: int, alpha: bool, metadata: Metadata) -> dict:
    """The options for tifffile that all files have."""
    return {
        "compression": "zlib",
        "predictor": True,
        "iccprofile": metadata.icc,
        "metadata": None,
        "software": False,
        "resolution": metadata.dpi or (1, 1),
        "resolutionunit": "INCH" if metadata.dpi else "NONE",
        "extratags": tiff_metadata.tags(metadata.extra),
        **_layout(channels, alpha, metadata.extra.layout),
    }


def _layout(channels: int, alpha: bool, known: tuple[int, ...] | None) -> dict:
    """The options for tifffile that say what each channel is.

    Args:
        channels: all of them.
        alpha: whether the last is alpha.
        known: `Extra.layout` of the photo.
    """
    if channels == 1:
        return {"photometric": "minisblack"}
    colors = 3 if channels - alpha == 3 else 1
    extra = [_UNSPECIFIED] * (channels - alpha - colors) + [_ALPHA] * alpha
    if known and known[0] + len(known[1:]) == channels:
        colors, *extra = known
    return {
        "photometric": "rgb" if colors == 3 else "minisblack",
        "planarconfig": "contig",
        "extrasamples": extra,
    }


def _check(page: tifffile.TiffPage, file_size: int, max_pixels: int) -> None:
    """Refuses what cannot be read, before it is decoded."""
    channels = page.samplesperpixel
    check_size(page.imagelength, page.imagewidth, channels, max_pixels)
    if page.imagedepth > 1:
        raise ImageError("is a volume: save one slice of it as an image")
    if page.photometric not in _PLAIN | _CONVERTED:
        kind = getattr(page.photometric, "name", page.photometric)
        raise ImageError(f"has colours of kind {kind}: save it as RGB")
    # The decoders of JPEG and LZW make up what is missing of the last strip.
    segments = zip(page.dataoffsets, page.databytecounts, strict=True)
    if any(start + size > file_size for start, size in segments):
        raise ValueError("its end is missing")


def _decode_plain(
    page: tifffile.TiffPage, metadata: Metadata, notes: tuple[str, ...]
) -> Decoded:
    """Grey, RGB or any number of channels, as tifffile decodes them."""
    white = white_of(page.dtype)
    samples = page.asarray().reshape(page.shape)
    if samples.ndim == 2:
        samples = samples[..., None]
    elif page.axes == "SYX":
        samples = np.moveaxis(samples, 0, -1)
    samples = storable(samples)
    if samples.dtype.kind == "u":
        # 4 bits come in bytes, 12 bits in words, and neither is scaled up.
        white = (1 << int(np.max(page.bitspersample))) - 1
    if page.photometric == _MINISWHITE:
        first = white - samples[..., :1]
        samples = np.concatenate([first, samples[..., 1:]], axis=-1)
    colors, *extra = layout = _layout_of(page)
    alpha = len(extra) == 1 and extra[0] in (_ALPHA, _PREMULTIPLIED)
    if not alpha:
        beside = dataclasses.replace(metadata.extra, layout=layout)
        metadata = dataclasses.replace(metadata, extra=beside)
    return Decoded(
        samples,
        alpha,
        "tiff",
        white,
        extra == [_PREMULTIPLIED],
        metadata,
        notes,
    )


def _layout_of(page: tifffile.TiffPage) -> tuple[int, ...]:
    """How many channels are colour, and what each of the others is."""
    colors = 3 if page.photometric == _RGB else 1
    count = page.samplesperpixel - colors
    known = page.extrasamples
    if not known and count == 1:
        # OpenCV leaves the tag out, and means alpha; so does Pillow read it.
        known = [_ALPHA]
    extra = [*map(int, known), *[_UNSPECIFIED] * count]
    return colors, *extra[:count]


def _decode_converted(
    file: BinaryIO,
    max_pixels: int,
    metadata: Metadata,
    notes: tuple[str, ...],
) -> Decoded:
    from sr_keras.imaging.codecs import pillow

    file.seek(0)
    picture, _ = pillow.open_picture(file, ("TIFF",), max_pixels)
    return pillow.convert(picture, metadata, notes)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps tifffile's log, which goes to the screen, from errors we raise."""

    def refuse(record: logging.LogRecord) -> bool:
        return False

    logger = logging.getLogger("tifffile")
    logger.addFilter(refuse)
    try:
        yield
    finally:
        logger.removeFilter(refuse)
