"""PNG through libpng, with the chunks looked at here.

Pillow reduces 16-bit colour to 8 bits, does not check the checksums of the
pixels, and does not see the transparent grey of files of 2 and 4 bits. libpng
does all that, but takes a file whose end is missing and has no say over the
metadata. So the chunks are checked here, which yields the metadata on the way.
"""

import struct
import zlib
from collections.abc import Iterable
from typing import BinaryIO

import imagecodecs
import numpy as np

from sr_keras.codecs import png_metadata
from sr_keras.codecs.decoded import (
    Decoded,
    check_size,
    only_first,
    white_of,
)
from sr_keras.codecs.metadata import Metadata
from sr_keras.codecs.png_metadata import Chunk

_SIGNATURE = b"\x89PNG\r\n\x1a\n"

# What the pixels need. The rest is kept from libpng, which prints a line of
# its own for each chunk that it does not like.
_PIXELS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}


def decode(file: BinaryIO, max_pixels: int) -> Decoded:
    """Reads PNG of any kind; see `codecs.decode`."""
    chunks = _chunks(file.read())
    width, height = struct.unpack_from(">II", chunks[0][1])
    check_size(height, width, 1, max_pixels)
    plain = _join(chunk for chunk in chunks if chunk[0] in _PIXELS)
    samples = imagecodecs.png_decode(plain).reshape(height, width, -1)
    metadata, notes = png_metadata.read(chunks)
    frames = int.from_bytes(dict(chunks).get(b"acTL", b"")[:4], "big")
    notes = only_first(frames, "animation: frames") + notes
    return Decoded(
        samples,
        samples.shape[2] in (2, 4),
        "png",
        white_of(samples.dtype),
        metadata=metadata,
        notes=notes,
    )


def encode(
    kind: str,
    samples: np.ndarray,
    alpha: bool,
    metadata: Metadata,
    quality: int,
) -> bytes:
    """Makes PNG of 8 or 16 bits; see `codecs.encode`."""
    grey = samples.shape[2] == 1
    coded = imagecodecs.png_encode(samples[..., 0] if grey else samples)
    header, *pixels = _chunks(coded)
    return _join([header, *png_metadata.write(metadata), *pixels])


def encode_strips(
    file: BinaryIO,
    strips: Iterable[np.ndarray],
    size: tuple[int, int],
    alpha: bool,
    metadata: Metadata,
) -> None:
    """Writes PNG as the strips come; see `codecs.encode_strips`."""
    packer, above = None, None
    for strip in strips:
        if packer is None:
            # Runs only: of filtered photos that is smaller than what level 1
            # makes of them, in less time.
            packer = zlib.compressobj(1, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
            file.write(
                _join([_header(size, strip), *png_metadata.write(metadata)])
            )
        rows, above = _filtered(strip, above)
        if packed := packer.compress(rows):
            file.write(_chunk(b"IDAT", packed))
    file.write(_chunk(b"IDAT", packer.flush()) + _chunk(b"IEND", b""))


def _header(size: tuple[int, int], strip: np.ndarray) -> Chunk:
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[strip.shape[2]]
    bits = 8 * strip.dtype.itemsize
    height, width = size
    head = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    return b"IHDR", head


def _filtered(strip: np.ndarray, above: np.ndarray) -> tuple:
    """Rows with the filter "up" (PNG 1.2, 6.4), and the last one's bytes."""
    # Big-endian, as PNG has it.
    wide = strip.dtype.itemsize > 1
    samples = strip.astype(">u2") if wide else np.ascontiguousarray(strip)
    lines = samples.reshape(len(strip), -1).view(np.uint8)
    rows = np.empty((len(lines), lines.shape[1] + 1), np.uint8)
    rows[:, 0] = 2
    first = np.zeros_like(lines[0]) if above is None else above
    np.subtract(lines[0], first, out=rows[0, 1:])
    np.subtract(lines[1:], lines[:-1], out=rows[1:, 1:])
    return rows, lines[-1].copy()


def _chunks(data: bytes) -> list[Chunk]:
    """The (name, content) of each chunk, all of them checked."""
    chunks, at = [], len(_SIGNATURE)
    while not chunks or chunks[-1][0] != b"IEND":
        length, name = (
            int.from_bytes(data[at : at + 4], "big"),
            data[at + 4 : at + 8],
        )
        content = data[at + 8 : at + 8 + length]
        at += 12 + length
        if at > len(data):
            raise ValueError("its end is missing")
        if _checksum(name, content) != data[at - 4 : at]:
            raise ValueError(f"wrong checksum of {name.decode('latin-1')!r}")
        chunks.append((name, content))
    if chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        raise ValueError("its header is missing")
    return chunks


def _join(chunks: Iterable[Chunk]) -> bytes:
    """A file of chunks."""
    return b"".join([_SIGNATURE, *(_chunk(*chunk) for chunk in chunks)])


def _chunk(name: bytes, content: bytes) -> bytes:
    length = struct.pack(">I", len(content))
    return b"".join([length, name, content, _checksum(name, content)])


def _checksum(name: bytes, content: bytes) -> bytes:
    return zlib.crc32(content, zlib.crc32(name)).to_bytes(4, "big")
