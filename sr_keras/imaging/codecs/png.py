"""PNG through libpng, with the chunks looked at here.

Pillow reduces 16-bit colour to 8 bits, does not check the checksums of the
pixels, and does not see the transparent grey of files of 2 and 4 bits. libpng
does all that, but takes a file whose end is missing and has no say over the
metadata. So the chunks are checked here, which yields the metadata on the way.
An error in a chunk that the pixels do not need is no reason to refuse the file.
"""

import io
import itertools
import struct
import zlib
from collections.abc import Iterable
from typing import BinaryIO

import imagecodecs
import numpy as np

from sr_keras.imaging.codecs import png_metadata
from sr_keras.imaging.codecs.decoded import (
    Decoded,
    check_size,
    only_first,
    pieces,
    white_of,
)
from sr_keras.imaging.codecs.metadata import Metadata
from sr_keras.imaging.codecs.png_metadata import Chunk
from sr_keras.imaging.codecs.png_packing import Packer, rows_of_piece

_SIGNATURE = b"\x89PNG\r\n\x1a\n"

# What the pixels need. The rest is kept from libpng, which prints a line of
# its own for each chunk that it does not like.
_PIXELS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}


def decode(file: BinaryIO, max_pixels: int) -> Decoded:
    """Reads PNG of any kind; see `codecs.decode`."""
    chunks, broken = _chunks(file.read())
    width, height = struct.unpack_from(">II", chunks[0][1])
    check_size(height, width, 1, max_pixels)
    plain = _join(chunk for chunk in chunks if chunk[0] in _PIXELS)
    samples = imagecodecs.png_decode(plain).reshape(height, width, -1)
    metadata, notes = png_metadata.read(chunks)
    frames = int.from_bytes(dict(chunks).get(b"acTL", b"")[:4], "big")
    notes = only_first(frames, "animation: frames") + broken + notes
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
    buffer = io.BytesIO()
    encode_strips(buffer, [samples], samples.shape[:2], alpha, metadata)
    return buffer.getvalue()


def encode_strips(
    file: BinaryIO,
    strips: Iterable[np.ndarray],
    size: tuple[int, int],
    alpha: bool,
    metadata: Metadata,
) -> None:
    """Writes PNG as the strips come; see `codecs.encode_strips`."""
    strips = iter(strips)
    first = next(strips)
    head = _header(size, first)
    file.write(_join([head, *png_metadata.write(metadata)]))
    packer = Packer()
    count = rows_of_piece(first[0])
    for rows in pieces(itertools.chain([first], strips), count):
        file.write(_chunk(b"IDAT", packer.add(rows)))
    file.write(_chunk(b"IDAT", packer.end()) + _chunk(b"IEND", b""))


def _header(size: tuple[int, int], strip: np.ndarray) -> Chunk:
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[strip.shape[2]]
    bits = 8 * strip.dtype.itemsize
    height, width = size
    head = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    return b"IHDR", head


def _chunks(data: bytes) -> tuple[list[Chunk], tuple[str, ...]]:
    """The (name, content) of each chunk, and a note on those with errors.

    Raises:
        ValueError: the file is cut off, or the pixels are not what they were.
    """
    chunks, broken, name, at = [], [], b"", len(_SIGNATURE)
    while name != b"IEND":
        length = int.from_bytes(data[at : at + 4], "big")
        name = data[at + 4 : at + 8]
        content = data[at + 8 : at + 8 + length]
        at += 12 + length
        if at > len(data):
            raise ValueError("its end is missing")
        if _checksum(name, content) == data[at - 4 : at]:
            chunks.append((name, content))
        elif name in _PIXELS:
            raise ValueError(f"wrong checksum of {_quoted(name)}")
        else:
            broken.append(_quoted(name))
    if chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        raise ValueError("its header is missing")
    if not broken:
        return chunks, ()
    names = ", ".join(dict.fromkeys(broken))
    return chunks, (f"wrong checksum of {names}: left out",)


def _quoted(name: bytes) -> str:
    return repr(name.decode("latin-1"))


def _join(chunks: Iterable[Chunk]) -> bytes:
    """A file of chunks."""
    return b"".join([_SIGNATURE, *(_chunk(*chunk) for chunk in chunks)])


def _chunk(name: bytes, content: bytes) -> bytes:
    length = struct.pack(">I", len(content))
    return b"".join([length, name, content, _checksum(name, content)])


def _checksum(name: bytes, content: bytes) -> bytes:
    return zlib.crc32(content, zlib.crc32(name)).to_bytes(4, "big")
