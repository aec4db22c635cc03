"""JPEG, WebP, BMP and GIF, and the TIFF kinds that Pillow converts."""

import contextlib
import dataclasses
import io
import re
import struct
import threading
import warnings
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from sr_keras.imaging.codecs import iptc
from sr_keras.imaging.codecs.attached import find_attached
from sr_keras.imaging.codecs.decoded import (
    Decoded,
    ImageError,
    check_size,
    only_first,
)
from sr_keras.imaging.codecs.metadata import Extra, Metadata, Text

# Pillow's name -> ours. MPO is JPEG with more JPEGs behind it.
_NAMES = {
    "JPEG": "jpg",
    "MPO": "jpg",
    "WEBP": "webp",
    "BMP": "bmp",
    "DIB": "bmp",
    "GIF": "gif",
    "TIFF": "tiff",
}

# Pillow's pixel mode -> without and with transparency.
_MODES = {
    "1": ("L", "LA"),
    "L": ("L", "LA"),
    "LA": ("L", "LA"),
    "P": ("RGB", "RGBA"),
    "PA": ("RGB", "RGBA"),
    "RGB": ("RGB", "RGBA"),
    "RGBA": ("RGB", "RGBA"),
    "RGBX": ("RGB", "RGBA"),
    "YCbCr": ("RGB", "RGBA"),
}

# Codes of JPEG's segments for Photoshop's resources and for comments.
_APP13, _COM = 0xED, 0xFE

# A marker is a byte FF and its code; in pixels FF is followed by 0, and the
# codes D0 to D7 only mark the way.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_END = 0xD9

# Bytes of the header of a BMP file of version 5.
_BITMAP_V5 = 124

# Pillow's own limit of pixels is one number for the whole process.
_LIMIT = threading.Lock()


def decode(file: BinaryIO, max_pixels: int) -> Decoded:
    """Reads JPEG, WebP, BMP or GIF; see `codecs.decode`."""
    formats = ("JPEG", "WEBP", "BMP", "DIB", "GIF")
    picture, frames = open_picture(file, formats, max_pixels)
    if _NAMES[picture.format] == "jpg":
        notes = find_attached(picture, frames, _behind_jpeg(file))
    else:
        notes = only_first(frames, "animation: frames")
    metadata = metadata_of(picture)
    if not metadata.icc and picture.format in ("BMP", "DIB"):
        metadata = dataclasses.replace(metadata, icc=_bitmap_profile(file))
    return convert(picture, metadata, notes)


def encode(
    kind: str,
    samples: np.ndarray,
    alpha: bool,
    metadata: Metadata,
    quality: int,
) -> bytes:
    """Makes JPEG, WebP or BMP; see `codecs.encode`."""
    options = {}
    if kind in ("jpg", "webp"):
        options = {"quality": quality, "icc_profile": metadata.icc}
        options["exif"] = metadata.exif or b""
        options["xmp"] = metadata.extra.xmp or b""
    if kind == "jpg":
        # All of the colour where quality is asked for: 4:4:4, else 4:2:0.
        options["subsampling"] = 0 if quality >= 90 else 2
        options["extra"] = _segments(metadata.extra)
    if kind in ("jpg", "bmp") and metadata.dpi:
        options["dpi"] = metadata.dpi
    grey = samples.shape[2] == 1
    picture = Image.fromarray(samples[..., 0] if grey else samples)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG" if kind == "jpg" else kind.upper(), **options)
    return buffer.getvalue()


def _segments(extra: Extra) -> bytes:
    """The segments of a JPEG for IPTC and comments."""
    parts = []
    if extra.iptc:
        resources = iptc.SIGNATURE + iptc.to_resources(extra.iptc)
        parts.append((_APP13, resources))
    parts += [(_COM, text.text.encode()) for text in extra.texts]
    return b"".join(
        struct.pack(">BBH", 0xFF, code, len(content) + 2) + content
        for code, content in parts
    )


def metadata_of(picture: Image.Image) -> Metadata:
    """The metadata that Pillow has found in a file."""
    info = picture.info
    return Metadata(
        *(info.get("icc_profile"), info.get("exif"), info.get("dpi")),
        _extra(picture),
    )


def _extra(picture: Image.Image) -> Extra:
    """XMP, IPTC and comments of a picture."""
    info = picture.info
    comments, resources = [info.get("comment", b"")], b""
    if hasattr(picture, "applist"):
        comments = [text for name, text in picture.applist if name == "COM"]
        resources = b"".join(
            segment.removeprefix(iptc.SIGNATURE)
            for name, segment in picture.applist
            if name == "APP13" and segment.startswith(iptc.SIGNATURE)
        )
    return Extra(
        info.get("xmp"),
        iptc.from_resources(resources),
        tuple(Text("Comment", _decode(c)) for c in comments if c.strip(b"\0")),
    )


def _bitmap_profile(file: BinaryIO) -> bytes | None:
    """The profile in a BMP file of version 5, which Pillow leaves out."""
    file.seek(0)
    start = 14 if file.read(2) == b"BM" else 0
    file.seek(start)
    head = file.read(_BITMAP_V5)
    if len(head) < _BITMAP_V5 or head[56:60] != b"DEBM":
        return None
    size, at, length = (
        int.from_bytes(head[i : i + 4], "little") for i in (0, 112, 116)
    )
    if size != _BITMAP_V5:
        return None
    file.seek(start + at)
    return file.read(length) or None


def _decode(text: bytes) -> str:
    """A comment, whose encoding nothing says."""
    text = text.rstrip(b"\0")
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def open_picture(
    file: BinaryIO, formats: tuple[str, ...], max_pixels: int
) -> tuple[Image.Image, int]:
    """Opens a file under our limit of pixels instead of Pillow's.

    Returns:
        The picture, not yet decoded, and its number of frames.

    Raises:
        ImageError: it has more than `max_pixels`.
    """
    with _LIMIT, warnings.catch_warnings():
        # They are about broken EXIF, which `codecs.exif` sees to.
        warnings.simplefilter("ignore")
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            picture = Image.open(file, formats=formats)
            check_size(picture.height, picture.width, 1, max_pixels)
            return picture, getattr(picture, "n_frames", 1)
        except UnidentifiedImageError as error:
            # Its own message is the name of a Python object.
            raise ValueError("its header makes no sense") from error
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _behind_jpeg(file: BinaryIO) -> bytes:
    """The bytes behind a JPEG's end, whose lack Pillow does not always see."""
    before = file.tell()
    file.seek(0)
    content = file.read()
    file.seek(before)
    at = 2
    while marker := _MARKER.search(content, at):
        at = marker.end()
        if content[at - 1] == _END:
            return content[at:]
        # A segment, which may hold a whole thumbnail, says its length.
        at += int.from_bytes(content[at : at + 2], "big")
    raise ValueError("its end is missing")


def convert(
    picture: Image.Image, metadata: Metadata, notes: tuple[str, ...]
) -> Decoded:
    """Decodes a picture of any mode to grey or RGB, each with alpha or not.

    Raises:
        ImageError: the mode has no such equivalent.
    """
    picture.load()
    kind = _NAMES[picture.format]
    if picture.mode == "CMYK":
        picture, note = _cmyk_to_rgb(picture, metadata.icc)
        metadata = dataclasses.replace(metadata, icc=None)
        notes += (note,)
    if picture.mode not in _MODES:
        raise ImageError(f"has pixels of kind {picture.mode}: save it as RGB")
    alpha = picture.has_transparency_data
    samples = np.asarray(picture.convert(_MODES[picture.mode][alpha]))
    samples = samples.reshape(picture.height, picture.width, -1)
    return Decoded(samples, alpha, kind, 255, metadata=metadata, notes=notes)


def _cmyk_to_rgb(
    picture: Image.Image, icc: bytes | None
) -> tuple[Image.Image, str]:
    """The picture in sRGB, and the note on how it got there.

    Its profile is used up here: it describes CMYK, and must not go to the RGB
    output. That gets none, which means sRGB.
    """
    with contextlib.suppress(ImageCms.PyCMSError):
        if icc:
            rgb = ImageCms.profileToProfile(
                picture,
                io.BytesIO(icc),
                ImageCms.createProfile("sRGB"),
                ImageCms.Intent.RELATIVE_COLORIMETRIC,
                "RGB",
                flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
            )
            return rgb, "CMYK: converted to sRGB by its colour profile"
    note = "CMYK: converted to RGB by the plain formula, for want of a profile"
    return picture.convert("RGB"), note
