"""The pixels of a PNG file: filtered and deflated, piece by piece."""

import math
import zlib
from typing import NamedTuple

import imagecodecs
import numpy as np

# Bytes that are packed together, about: a file must not depend on the strips in
# which its rows come. Of its rows, the part that both ways are tried on.
_PIECE = 1 << 20
_TRIED = 1 / 16


class _Way(NamedTuple):
    """The filters to choose from (PNG 3rd edition, 9.4), and zlib's options."""

    filters: int
    level: int
    strategy: int


_FILTERS = imagecodecs.PNG.FILTER

# The filter "Paeth" and runs alone pack photos as small as all filters and a
# search do, in a fifth of the time. Those make drawings, and all that repeats,
# many times smaller.
_RUNS = _Way(_FILTERS.PAETH, 1, zlib.Z_RLE)
_SEARCH = _Way(_FILTERS.ALL, 6, zlib.Z_FILTERED)

# A search has to be better by this to be worth its time.
_WORTH = 0.95

# Bytes that a deflate stream can refer back to.
_WINDOW = 1 << 15

# Header of a zlib stream with that window (RFC 1950), and the last block of a
# deflate stream, empty (RFC 1951).
_HEAD, _LAST = b"\x78\x9c", b"\x03\x00"


def rows_of_piece(row: np.ndarray) -> int:
    """How many rows of a picture are packed together; takes one of them."""
    return max(_PIECE // row.nbytes, 1)


class Packer:
    """A zlib stream of the filtered rows of a picture.

    Each piece is deflated in the way that suits it, with the one before as
    its dictionary, up to a byte's end: together they are one stream.
    """

    def __init__(self):
        self._above = None
        self._before = b""
        self._sum = zlib.adler32(b"")
        self._head = _HEAD

    def add(self, rows: np.ndarray) -> bytes:
        """Packs the next rows, (rows, W, C) uint8 or uint16."""
        way = _choose(rows)
        lines = _filter(rows, self._above, way)
        packed = self._head + _deflate(lines, way, self._before)
        self._above, self._head = rows[-1:].copy(), b""
        self._before = (self._before + lines)[-_WINDOW:]
        self._sum = zlib.adler32(lines, self._sum)
        return packed

    def end(self) -> bytes:
        """Ends the stream."""
        return self._head + _LAST + self._sum.to_bytes(4, "big")


def _choose(rows: np.ndarray) -> _Way:
    """The way to pack a piece, which is tried on a few of its rows."""
    count = math.ceil(len(rows) * _TRIED)
    start = (len(rows) - count) // 2
    tried = rows[start : start + count]
    runs, search = (
        len(_deflate(_filter(tried, None, way), way, b""))
        for way in (_RUNS, _SEARCH)
    )
    return _SEARCH if search < _WORTH * runs else _RUNS


def _filter(rows: np.ndarray, above: np.ndarray | None, way: _Way) -> bytes:
    """Rows with libpng's filters, as bytes."""
    first = 0 if above is None else 1
    whole = rows if above is None else np.concatenate([above, rows])
    grey = whole.shape[2] == 1
    # Level 0 stores the filtered rows, which is what is wanted of libpng.
    stored = imagecodecs.png_encode(
        whole[..., 0] if grey else whole,
        level=0,
        filter=way.filters,
    )
    lines = zlib.decompress(_pixels(stored))
    return lines[first * (len(lines) // len(whole)) :]


def _pixels(file: bytes) -> bytes:
    """The content of the IDAT chunks of a file that libpng has made."""
    parts, at = [], 8
    while at < len(file):
        size = int.from_bytes(file[at : at + 4], "big")
        if file[at + 4 : at + 8] == b"IDAT":
            parts.append(memoryview(file)[at + 8 : at + 8 + size])
        at += 12 + size
    return b"".join(parts)


def _deflate(lines: bytes, way: _Way, before: bytes) -> bytes:
    options = {"zdict": before} if before else {}
    # Negative: no header and no sum; 9: more memory for the codes.
    packer = zlib.compressobj(
        way.level, zlib.DEFLATED, -15, 9, way.strategy, **options
    )
    return packer.compress(lines) + packer.flush(zlib.Z_SYNC_FLUSH)
