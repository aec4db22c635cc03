"""NumPy's own files: any number of channels, floats too."""

import io
from typing import BinaryIO

import numpy as np

from sr_keras.imaging.codecs.decoded import (
    Decoded,
    ImageError,
    check_size,
    storable,
    white_of,
)
from sr_keras.imaging.codecs.metadata import Metadata


def decode(file: BinaryIO, max_pixels: int) -> Decoded:
    """Reads (H, W) or (H, W, C); see `codecs.decode`."""
    # Mapped, because the header has to be judged before the data is read.
    samples = np.load(file.name, mmap_mode="r", allow_pickle=False)
    if samples.ndim not in (2, 3):
        raise ImageError(
            f"has shape {samples.shape}: an image is (H, W) or (H, W, C)"
        )
    samples = samples[..., None] if samples.ndim == 2 else samples
    check_size(*samples.shape, max_pixels)
    white = white_of(samples.dtype)
    return Decoded(storable(np.array(samples)), False, "npy", white)


def encode(
    kind: str,
    samples: np.ndarray,
    alpha: bool,
    metadata: Metadata,
    quality: int,
) -> bytes:
    """Makes a file of (H, W, C); see `codecs.encode`."""
    buffer = io.BytesIO()
    np.save(buffer, samples)
    return buffer.getvalue()
