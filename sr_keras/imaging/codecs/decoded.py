"""What a decoder returns, and the checks that every decoder makes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from sr_keras.imaging.codecs.metadata import Metadata


class ImageError(ValueError):
    """A file that is not read; the message goes on after the file's name."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """A file as it was stored: not turned, not scaled.

    Attributes:
        samples: (H, W, C) uint8, uint16 or float32; alpha, if any, last.
        alpha: whether the last channel is alpha.
        format: "png", "jpg", "tiff", "webp", "bmp", "gif", "avif" or
            "npy".
        white: the number that stands for 1.0.
        premultiplied: whether the colours are multiplied by alpha.
        metadata: profile, EXIF and resolution.
        notes: sentences for the person whose file it is.
    """

    samples: np.ndarray
    alpha: bool
    format: str
    white: int
    premultiplied: bool = False
    metadata: Metadata = field(default_factory=Metadata)
    notes: tuple[str, ...] = ()


def check_size(height: int, width: int, channels: int, limit: int) -> None:
    """Refuses a size; more than 4 channels count as more pixels.

    Raises:
        ImageError: there are no pixels, or more than `limit`.
    """
    if min(height, width, channels) < 1:
        raise ImageError(f"has no pixels: its size is {width}x{height}")
    pixels = height * width * max(1, channels / 4)
    if pixels > limit:
        wide = f" with {channels} channels" if channels > 4 else ""
        raise ImageError(
            f"is {width}x{height}{wide}, {pixels / 1e6:.6g} megapixels, above "
            f"the limit of {limit / 1e6:.6g}: raise it with --max-pixels"
        )


def white_of(dtype: np.dtype) -> int:
    """The number that stands for 1.0 in arrays of a type.

    Raises:
        ImageError: the type is not one that images have.
    """
    if dtype.kind in "bf":
        return 1
    if dtype in (np.uint8, np.uint16):
        return int(np.iinfo(dtype).max)
    raise ImageError(
        f"holds {dtype} numbers: give unsigned integers of 8 or 16 bits, or "
        "floats from 0 to 1"
    )


def storable(samples: np.ndarray) -> np.ndarray:
    """The array as uint8, uint16 or float32; floats are checked to be 0..1.

    Raises:
        ImageError: a float is outside, or is not a number.
    """
    if samples.dtype.kind == "b":
        return samples.astype(np.uint8)
    if samples.dtype.kind != "f":
        return samples
    if missing := np.count_nonzero(np.isnan(samples)):
        raise ImageError(
            f"has values that are not numbers (NaN), {missing} of "
            f"{samples.size}: put numbers from 0 to 1 in their place"
        )
    low, high = float(samples.min()), float(samples.max())
    if not (low >= -1e-6 and high <= 1 + 1e-6):
        raise ImageError(
            f"holds floats from {low:g} to {high:g}: scale them to 0..1"
        )
    return samples.clip(0, 1).astype(np.float32)


def only_first(count: int, what: str) -> tuple[str, ...]:
    """The note that the other pictures in a file are not used.

    Args:
        count: how many there are.
        what: "animation: {}" + their name, as in "animation: frames".
    """
    kind, name = what.split(": ")
    if count < 2:
        return ()
    return (f"{kind}: only the first of {count} {name} is used",)


def pieces(strips: Iterable[np.ndarray], rows: int) -> Iterator[np.ndarray]:
    """The same rows in pieces of so many, the last of them smaller."""
    kept = None
    for strip in strips:
        kept = strip if kept is None else np.concatenate([kept, strip])
        whole = len(kept) - len(kept) % rows
        for start in range(0, whole, rows):
            yield np.ascontiguousarray(kept[start : start + rows])
        kept = kept[whole:]
    if kept is not None and len(kept):
        yield np.ascontiguousarray(kept)


def turn(samples: np.ndarray, orientation: int) -> np.ndarray:
    """Applies an EXIF orientation, 1 to 8, to (H, W, C)."""
    if orientation >= 5:
        samples = samples.swapaxes(0, 1)
    # What is still mirrored, after that: from top to bottom, left to right.
    down = orientation in (3, 4, 7, 8)
    across = orientation in (2, 3, 6, 7)
    return samples[:: -1 if down else 1, :: -1 if across else 1]
