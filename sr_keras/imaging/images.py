"""Image files: the only place where they are read and written.

Reading gives float32 pixels in [0, 1] with the alpha apart, turned the right
way up; writing gives back what came in: grey stays grey, 16 bits stay 16, and
colour profile, EXIF and resolution go along. `codecs` knows the formats.
"""

import dataclasses
import io
import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sr_keras.imaging import codecs
from sr_keras.imaging.arrays import check_image, check_type
from sr_keras.imaging.codecs import metadata as metadata_of
from sr_keras.imaging.codecs.decoded import turn
from sr_keras.imaging.find import SUFFIXES, find, left_out
from sr_keras.imaging.quantize import quantize
from sr_keras.support.atomic import replaced

__all__ = [
    "Image",
    "MAX_PIXELS",
    "SUFFIXES",
    "Stored",
    "bits_of",
    "check_fits",
    "decode",
    "find",
    "format_of",
    "from_working",
    "left_out",
    "load",
    "load_bytes",
    "metadata_for",
    "quantize",
    "read",
    "samples_of",
    "to_working",
    "write",
]

# Largest image that `read` takes unless told otherwise: 300 megapixels.
MAX_PIXELS = 300_000_000

# Format -> most bits a channel that it holds.
_BITS = {"png": 16, "jpg": 8, "webp": 8, "bmp": 8, "tiff": 32, "npy": 32}

_ANY_CHANNELS = {"tiff", "npy"}
_NO_ALPHA = {"jpg", "bmp"}

# Format -> most pixels a side.
_MAX_SIDE = {"jpg": 65_500, "webp": 16_383, "png": 1_000_000}


@dataclass(frozen=True, eq=False)
class Image:
    r"""One image, and what its file should look like.

    Attributes:
        pixels: (H, W, C) float32 in [0, 1]; C is 1 for grey, 3 for RGB, or
            any number for .npy and TIFF. Not multiplied by alpha.
        alpha: (H, W, 1) float32 in [0, 1], or None.
        bits: bits a channel of the file: 8, 16, or 32 for floats.
        format: "png", "jpg", "tiff", "webp", "bmp", "npy", "gif" or "avif".
        icc: colour profile, of the colours that `pixels` has.
        exif: EXIF block that begins with b"Exif\0\0"; its orientation is 1.
        dpi: dots per inch, horizontally and vertically.
        extra: XMP, IPTC, comments and other texts.
        notes: sentences that the person whose file it is should see.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    bits: int = 8
    format: str = "png"
    icc: bytes | None = None
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None
    extra: codecs.Extra = codecs.Extra()
    notes: tuple[str, ...] = ()

    @property
    def height(self) -> int:
        """Rows."""
        return self.pixels.shape[0]

    @property
    def width(self) -> int:
        """Columns."""
        return self.pixels.shape[1]

    def on_white(self) -> np.ndarray:
        """The pixels as they look on white: colours under alpha 0 are gone."""
        if self.alpha is None:
            return self.pixels
        return self.pixels * self.alpha + (1 - self.alpha)


@dataclass(frozen=True, eq=False)
class Stored:
    """An image as its file has it, turned the right way up.

    A large image of 8 bits takes a quarter of the memory of its `Image`.

    Attributes:
        like: an image without pixels that has all the rest.
        shape: (H, W, C) of the working array, alpha counted in.
    """

    like: Image
    _samples: np.ndarray
    _white: int
    _premultiplied: bool

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of the working array, alpha counted in."""
        return self._samples.shape

    def part(self, window: tuple[slice, slice]) -> np.ndarray:
        """What `to_working` makes of a part, a pair of slices."""
        return to_working(self.image(window))

    def cropped(self, window: tuple[slice, slice]) -> "Stored":
        """The same of a part, a pair of slices."""
        samples = np.ascontiguousarray(self._samples[window])
        extra = metadata_of.cut(self.like.extra, window)
        like = dataclasses.replace(self.like, extra=extra)
        return dataclasses.replace(self, _samples=samples, like=like)

    def image(self, window: tuple = (slice(None), slice(None))) -> Image:
        """The image, or a part of it, a pair of slices."""
        samples = np.ascontiguousarray(self._samples[window])
        pixels, alpha = np.divide(samples, self._white, dtype=np.float32), None
        if self.like.alpha is not None:
            pixels, alpha = pixels[..., :-1].copy(), pixels[..., -1:].copy()
        if self._premultiplied and alpha is not None:
            pixels = _divide(pixels, alpha)
        return dataclasses.replace(self.like, pixels=pixels, alpha=alpha)


def read(path: str | os.PathLike, max_pixels: int = MAX_PIXELS) -> Image:
    """Reads an image file; its content, not its suffix, says the format.

    Args:
        path: a PNG, JPEG, TIFF, WebP, AVIF, BMP, GIF or .npy file. Palettes
            and CMYK become RGB; of animations and pages the first is read.
        max_pixels: larger images are refused by their header, undecoded.

    Returns:
        The image, with the EXIF orientation applied.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not an image, is broken, or is too large.
        OSError: it cannot be opened.
    """
    return load(path, max_pixels).image()


def load(path: str | os.PathLike, max_pixels: int = MAX_PIXELS) -> Stored:
    """Reads an image file as `read` does, without making floats of it."""
    path = Path(path)
    try:
        with open(path, "rb") as file:
            decoded = codecs.decode(file, max_pixels)
    except codecs.ImageError as error:
        raise ValueError(f"{path} {error}") from error
    except FileNotFoundError as error:
        text = f"{path} does not exist: check the name and the folder"
        raise FileNotFoundError(text) from error
    except OSError as error:
        text = f"{path} cannot be opened ({error.strerror}): give another file"
        raise OSError(text) from error
    return _from_decoded(decoded)


def decode(content: bytes, name: str, max_pixels: int = MAX_PIXELS) -> Image:
    """Reads the content of an image file, from an archive for example.

    Args:
        content: what the file holds; any format of `read` but .npy.
        name: what to call it in messages.
        max_pixels: larger images are refused by their header, undecoded.

    Returns:
        The image, with the EXIF orientation applied.

    Raises:
        ValueError: it is not an image, is broken, or is too large.
    """
    return load_bytes(content, name, max_pixels).image()


def load_bytes(
    content: bytes, name: str, max_pixels: int = MAX_PIXELS
) -> Stored:
    """Reads the content of an image file, without making floats of it."""
    try:
        decoded = codecs.decode(io.BytesIO(content), max_pixels)
    except codecs.ImageError as error:
        raise ValueError(f"{name} {error}") from error
    return _from_decoded(decoded)


def write(path: str | os.PathLike, image: Image, quality: int = 95) -> None:
    """Writes an image file; the suffix says the format.

    What the format cannot hold is converted: to 8 bits for JPEG, WebP and BMP,
    to 16 for a float PNG, alpha onto white for JPEG and BMP, grey to RGB for
    WebP. A .npy file holds alpha as its last channel. The file appears under
    its name when it is complete; until then, and if anything fails, what was
    there stays.

    Args:
        path: .png, .jpg, .jpeg, .tif, .tiff, .webp, .bmp or .npy.
        image: what to write.
        quality: 1 to 100, for JPEG and WebP.

    Raises:
        ValueError: an unknown format, or pixels that it cannot hold, or that
            are far from [0, 1].
        TypeError: it is no `Image` of floats.
        OSError: the place cannot be written, or is full.
    """
    path = Path(path)
    kind = format_of(path)
    if not 1 <= quality <= 100:
        raise ValueError(f"quality must be 1 to 100, not {quality}")
    check_type(image, Image, "images.Image(pixels) makes one")
    check_image(to_working(image))
    check_fits(path, kind, image.pixels.shape)
    samples, alpha = samples_of(kind, image)
    metadata, _ = metadata_for(kind, image, samples.shape[:2])
    content = codecs.encode(kind, samples, alpha, metadata, quality)
    with replaced(path) as file:
        file.write(content)


def format_of(path: Path) -> str:
    """The format that a file's name asks for.

    Raises:
        ValueError: none that can be written.
    """
    kind = SUFFIXES.get(path.suffix.lower())
    if kind not in _BITS:
        choice = ".png .jpg .jpeg .tif .tiff .webp .bmp .npy"
        suffix = repr(path.suffix or "no suffix")
        raise ValueError(f"{path} cannot be written as {suffix}: use {choice}")
    return kind


def to_working(image: Image) -> np.ndarray:
    """The array to super-resolve: colours multiplied by alpha, then alpha.

    Interpolating colours that are not multiplied by alpha would let those of
    transparent pixels, which nobody sees, bleed into the visible ones.

    Args:
        image: what to prepare.

    Returns:
        (H, W, C + 1) float32 in [0, 1], or `pixels` where alpha is None.
    """
    if image.alpha is None:
        return image.pixels
    return np.concatenate([image.pixels * image.alpha, image.alpha], axis=-1)


def from_working(array: np.ndarray, like: Image) -> Image:
    """The image of a super-resolved `to_working` array.

    Args:
        array: (H', W', C[+1]) in [0, 1], but for overshoot: it is clipped.
        like: the image it was made from, for all but its pixels.

    Returns:
        An image with its colours divided by alpha; 0 where alpha is 0.

    Raises:
        ValueError: the array has another number of channels or range, or NaN.
        TypeError: it is not floating, or `like` no `Image`.
    """
    check_type(like, Image, "give the one that the array was made of")
    array = check_image(array, "the array")
    channels = like.pixels.shape[-1] + (like.alpha is not None)
    if array.shape[-1] != channels:
        raise ValueError(
            f"the array must be (H, W, {channels}) to become an image like "
            f"the one read, not {array.shape}: keep its channels"
        )
    if like.alpha is None:
        fits = array.min() >= 0 and array.max() <= 1
        array = array if fits else array.clip(0, 1)
        return dataclasses.replace(like, pixels=array)
    alpha = array[..., -1:].clip(0, 1)
    # What the file will round to transparent carries no colour: dividing by
    # so little would only blow up the network's errors.
    least = 0.5 / ((1 << like.bits) - 1) if like.bits < 32 else 0
    pixels = _divide(array[..., :-1], alpha, least)
    return dataclasses.replace(like, pixels=pixels, alpha=alpha)


def _from_decoded(decoded: codecs.Decoded) -> Stored:
    """Turns what a file held, and tidies what belongs to it."""
    channels = decoded.samples.shape[2] - decoded.alpha
    metadata, orientation, notes = metadata_of.tidy(decoded.metadata, channels)
    notes = decoded.notes + notes
    samples = np.ascontiguousarray(turn(decoded.samples, orientation))
    bits = 32 if samples.dtype.kind == "f" else 8 * samples.dtype.itemsize
    pixels = np.empty((0, 0, channels), np.float32)
    alpha = pixels[..., :1] if decoded.alpha else None
    given = pixels, alpha, bits, decoded.format
    like = Image(*given, **vars(metadata), notes=notes)
    return Stored(like, samples, decoded.white, decoded.premultiplied)


def _divide(
    pixels: np.ndarray, alpha: np.ndarray, least: float = 0
) -> np.ndarray:
    """Un-premultiplies; 0 where alpha is not above `least`."""
    seen = alpha > least
    divided = pixels / np.where(seen, alpha, 1)
    return np.where(seen, divided, 0).clip(0, 1).astype(np.float32)


def check_fits(name: str | Path, kind: str, shape: tuple) -> None:
    """Refuses what cannot be converted to a format.

    Args:
        name: the file's, for the message.
        kind: the format.
        shape: (H, W, C) of the pixels, without alpha.

    Raises:
        ValueError: it has more channels or pixels than the format holds.
    """
    height, width, channels = shape
    if channels not in (1, 3) and kind not in _ANY_CHANNELS:
        text = f"{name} cannot hold {channels} channels: use .tif or .npy"
        raise ValueError(text)
    largest = _MAX_SIDE.get(kind, math.inf)
    if max(height, width) > largest:
        raise ValueError(
            f"{name} cannot hold {width}x{height}: its format has at most "
            f"{largest} pixels a side; use .tif"
        )


def metadata_for(
    kind: str, image: Image, size: tuple[int, int]
) -> tuple[codecs.Metadata, str | None]:
    """The metadata of a file made of an image, and what it lacks.

    Args:
        kind: the format.
        image: what is written, or its like.
        size: (height, width) of the file.

    Returns:
        The metadata, and a sentence about what of the image's the format
        cannot carry; None where there is no such thing.
    """
    channels = 3 if kind == "webp" else image.pixels.shape[-1]
    whole = codecs.Metadata(image.icc, image.exif, image.dpi, image.extra)
    kept, lost = metadata_of.fit(kind, whole, channels, size)
    return kept, metadata_of.sentence(kind, lost)


def bits_of(kind: str, image: Image) -> int:
    """Bits a channel that a file of this format gets."""
    return min(image.bits, _BITS[kind])


def samples_of(kind: str, image: Image) -> tuple[np.ndarray, bool]:
    """The numbers to write, alpha last, and whether there is alpha.

    Args:
        kind: the format.
        image: what to write, or a part of it.

    Returns:
        Tuple of ndarray (H, W, C), uint8, uint16 or float32, and bool.
    """
    pixels, alpha = image.pixels, image.alpha
    if alpha is not None and kind in _NO_ALPHA:
        pixels, alpha = image.on_white(), None
    if kind == "webp" and pixels.shape[-1] == 1:
        pixels = np.repeat(pixels, 3, axis=-1)
    if alpha is not None:
        pixels = np.concatenate([pixels, alpha], axis=-1)
    return quantize(pixels, bits_of(kind, image)), alpha is not None
