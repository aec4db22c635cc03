"""Writing an image strip by strip, while the strips are still being made."""

import contextlib
import dataclasses
import os
import shutil
import tempfile

import numpy as np

from sr_keras.imaging import codecs, images
from sr_keras.support import signals
from sr_keras.support.atomic import Pump, replaced


class StripWriter:
    """A file that is written from the top down; whole or not at all.

    A context manager. The encoder has a thread of its own.

    Args:
        target: Path, or an open binary file that need not be seekable.
        kind: str, the format.
        like: images.Image, whose alpha, bits and metadata the file gets.
        size: pair (height, width).
        quality: int, 1 to 100, for JPEG and WebP.

    Attributes:
        codes: int, the bits of `quantize.quantize` where what is written are
            the rounded pixels of the working array as they are: it may be
            given to `put_codes`; None where it may not.

    Raises:
        ValueError: the format cannot hold the image.
    """

    def __init__(self, target, kind, like, size, quality=95):
        if not 1 <= quality <= 100:
            raise ValueError(f"quality must be 1 to 100, not {quality}")
        channels = like.pixels.shape[-1]
        images.check_fits(
            getattr(target, "name", target), kind, (*size, channels)
        )
        self._target, self._kind, self._like = target, kind, like
        self._size, self._quality = tuple(size), quality
        bits = images.bits_of(kind, like)
        plain = like.alpha is None and not (kind == "webp" and channels == 1)
        self.codes = bits if plain and bits < 32 else None
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(self._opened())
            self._pump = stack.enter_context(
                Pump(lambda strips: self._encode(file, strips))
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception):
        return self._stack.__exit__(*exception)

    def put(self, working):
        """Write the next rows of a working array, float32 (rows, W, C)."""
        part = images.from_working(working, self._like)
        self._pump.put(images.samples_of(self._kind, part)[0])

    def put_codes(self, codes):
        """Write the next rows, rounded already: see `codes`."""
        self._pump.put(codes)

    def _encode(self, file, strips):
        alpha = self._like.alpha is not None and self._kind not in (
            "jpg",
            "bmp",
        )
        metadata, _ = images.metadata_for(self._kind, self._like, self._size)
        codecs.encode_strips(
            *(self._kind, file, strips, self._size),
            *(alpha, metadata, self._quality),
        )

    @contextlib.contextmanager
    def _opened(self):
        if not hasattr(self._target, "write"):
            with replaced(self._target) as file:
                yield file
            return
        # Not all that can be written to can be gone back in, as TIFF is.
        with (
            tempfile.NamedTemporaryFile() as file,
            signals.undone(lambda: os.unlink(file.name)),
        ):
            yield file
            file.seek(0)
            shutil.copyfileobj(file, self._target)
            self._target.flush()


def blank(channels, like=None):
    """An image without pixels, for a `StripWriter` of other channels.

    Args:
        channels: int, 1 or 3.
        like: images.Image, whose resolution it gets.

    Returns:
        images.Image of 8 bits.
    """
    pixels = np.empty((0, 0, channels), "float32")
    dpi = like.dpi if like else None
    return dataclasses.replace(images.Image(pixels), dpi=dpi)
