"""Files to test with: made by hand, or by other programs."""

import struct
import zlib

import numpy as np

from sr_keras.imaging import images

RNG = np.random.default_rng(11)


def numbers(*shape, bits=8):
    """Random unsigned integers."""
    return RNG.integers(0, 1 << bits, shape, dtype=f"uint{bits}")


def stored(image):
    """The numbers of an image's file, alpha last, (H, W) where grey."""
    parts = (
        [image.pixels] if image.alpha is None else [image.pixels, image.alpha]
    )
    array = images.quantize(np.concatenate(parts, -1), image.bits)
    return array[..., 0] if array.shape[2] == 1 else array


def chunk(name, content):
    """One piece of a PNG file."""
    checksum = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + checksum


def png_file(header, *chunks, rows):
    """A PNG put together by hand: header is (width, height, depth, kind)."""
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", *header, 0, 0, 0)),
            *chunks,
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        ]
    )


def picture(channels=3, alpha=False, bits=8, height=5, width=6, **options):
    """An image of random numbers that files of these bits can hold."""
    white = (1 << bits) - 1
    shape = (height, width, channels + alpha)
    values = RNG.integers(0, white + 1, shape) / white
    values = values.astype(np.float32)
    pixels = values[..., :channels]
    apart = values[..., channels:] if alpha else None
    return images.Image(pixels, apart, bits, **options)
