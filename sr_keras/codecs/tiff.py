"""TIFF through tifffile: every depth, any number of channels.

Palettes, CMYK and YCbCr go through Pillow, which converts them to RGB.
"""

import contextlib
import io
import logging
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import tifffile

from sr_keras.codecs import exif
from sr_keras.codecs.decoded import (
    Decoded,
    ImageError,
    Metadata,
    check_size,
    only_first,
    storable,
    white_of,
)

_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 282, 283, 296

# Values of the tag PhotometricInterpretation.
_MINISWHITE, _MINISBLACK, _RGB = 0, 1, 2
_PLAIN = {_MINISWHITE, _MINISBLACK, _RGB}
_CONVERTED = {3, 5, 6}  # PALETTE, SEPARATED (CMYK), YCBCR

# Values of the tag ExtraSamples.
_UNSPECIFIED, _PREMULTIPLIED, _ALPHA = 0, 1, 2


def decode(file: BinaryIO, max_pixels: int) -> Decoded:
    """Reads the first page; see `codecs.decode`."""
    with _quiet(), tifffile.TiffFile(file) as tiff:
        page = tiff.pages[0]
        _check(page, tiff.filehandle.size, max_pixels)
        notes = only_first(len(tiff.pages), "several pages: pages")
        metadata = _metadata(page, file)
        if page.photometric in _PLAIN:
            return _decode_plain(page, metadata, notes)
        if page.dtype == np.uint16:
            notes += ("16 bits: reduced to 8 by the conversion to RGB",)
        return _decode_converted(file, max_pixels, metadata, notes)


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
        compression="zlib",
        predictor=True,
        iccprofile=metadata.icc,
        metadata=None,
        software=False,
        resolution=metadata.dpi or (1, 1),
        resolutionunit="INCH" if metadata.dpi else "NONE",
        **_layout(samples.shape[2], alpha),
    )
    content = buffer.getvalue()
    return exif.into_tiff(content, metadata.exif) if metadata.exif else content


def _layout(channels: int, alpha: bool) -> dict:
    """The options for tifffile that say what each channel is."""
    colour = channels - alpha == 3
    if channels == 1:
        return {"photometric": "minisblack"}
    extra = [_UNSPECIFIED] * (channels - alpha - (3 if colour else 1))
    return {
        "photometric": "rgb" if colour else "minisblack",
        "planarconfig": "contig",
        "extrasamples": extra + [_ALPHA] * alpha,
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


def _metadata(page: tifffile.TiffPage, file: BinaryIO) -> Metadata:
    # Without the tag of the unit, it is the inch.
    known = page.tags.valueof(_RESOLUTION_UNIT, default=2) in (2, 3)
    given = _X_RESOLUTION in page.tags and _Y_RESOLUTION in page.tags
    dpi = page.get_resolution("inch") if known and given else None
    return Metadata(page.iccprofile, exif.from_tiff(file), dpi)


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
    extra = _extra(page)
    return Decoded(
        samples,
        extra in (_ALPHA, _PREMULTIPLIED),
        "tiff",
        white,
        extra == _PREMULTIPLIED,
        metadata,
        notes,
    )


def _extra(page: tifffile.TiffPage) -> int:
    """What the one channel is that comes after grey or RGB."""
    colours = 3 if page.photometric == _RGB else 1
    if page.samplesperpixel - colours != 1:
        return _UNSPECIFIED
    # OpenCV leaves the tag out, and means alpha; so does Pillow read it.
    return page.extrasamples[0] if page.extrasamples else _ALPHA


def _decode_converted(
    file: BinaryIO,
    max_pixels: int,
    metadata: Metadata,
    notes: tuple[str, ...],
) -> Decoded:
    from sr_keras.codecs import pillow

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
