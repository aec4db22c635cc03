"""EXIF blocks, taken apart and put together without touching the values.

Pillow reads EXIF well, but writing it back turns every non-ASCII letter of a
name or copyright notice into "?", changes the types of unknown tags, and fails
for compressed TIFF; tifffile writes no EXIF folder at all. An EXIF block and
the front of a TIFF file are the same structure, a directory of tags, so one
reader and one writer of directories that copy the values as bytes serve both.
"""

import io
import struct
from typing import BinaryIO, NamedTuple

PREFIX = b"Exif\0\0"
ORIENTATION = 0x0112

# TIFF type code -> bytes per value. A type that is not here is left out.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8}
_SIZES |= {11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}

_EXIF_FOLDER = 0x8769
# Tags whose value is the offset of a directory: EXIF, GPS, interoperability.
_POINTERS = {_EXIF_FOLDER, 0x8825, 0xA005}

# The tags of a TIFF file that describe the picture and not its layout:
# description, maker, model, orientation, software, date, artist, copyright,
# rating and the XP... tags of Windows.
_DESCRIPTIVE = {0x010E, 0x010F, 0x0110, ORIENTATION, 0x0131, 0x0132, 0x013B}
_DESCRIPTIVE |= {0x4746, 0x8298, *range(0x9C9B, 0x9CA0), *_POINTERS}

# Width and height in pixels: no longer true once the picture is enlarged.
_STALE = {0xA002, 0xA003}

# A description that begins so is not a sentence but the layout of the file
# (ImageJ, OME, tifffile), which is wrong for any file but its own.
_LAYOUTS = (b"ImageJ=", b"<?xml", b"<OME", b'{"')

# No sensible tag is larger; a broken count must not take the memory.
_LARGEST = 1 << 26


class Entry(NamedTuple):
    """One tag: its TIFF type, number of values, and bytes or directory."""

    type: int
    count: int
    value: "bytes | dict[int, Entry]"


Directory = dict[int, Entry]


def tidy(block: bytes) -> tuple[int, bytes | None]:
    """Takes the orientation out of an EXIF block, for whoever applies it.

    Args:
        block: the EXIF block of a file, with or without `PREFIX`.

    Returns:
        The orientation, 1 to 8 (1 where the block has none or nonsense), and
        the block with `PREFIX`, its orientation set to 1, without the
        thumbnail and the size in pixels; None where nothing is left of it.

    Raises:
        ValueError: the block does not begin as EXIF does.
    """
    while block.startswith(PREFIX):
        block = block[len(PREFIX) :]
    order, directory = _parse(io.BytesIO(block))
    orientation = 1
    if ORIENTATION in directory:
        orientation = _number(directory[ORIENTATION].value, order)
        one = struct.pack(order + "H", 1)
        directory[ORIENTATION] = Entry(3, 1, one)
    folder = directory.get(_EXIF_FOLDER)
    for tag in _STALE if folder else ():
        folder.value.pop(tag, None)
    orientation = orientation if 1 <= orientation <= 8 else 1
    return orientation, _build(order, directory) if directory else None


def from_tiff(file: BinaryIO) -> bytes | None:
    """The EXIF block of a TIFF file: the tags that describe the picture.

    Args:
        file: an open TIFF or BigTIFF file.

    Returns:
        The block with `PREFIX`, or None where the file has no such tag.

    Raises:
        ValueError: the file does not begin as TIFF does.
    """
    order, directory = _parse(file)
    kept = {tag: directory[tag] for tag in _DESCRIPTIVE & directory.keys()}
    description = kept.get(0x010E)
    if description and description.value.startswith(_LAYOUTS):
        del kept[0x010E]
    return _build(order, kept) if kept else None


def into_tiff(file: BinaryIO, block: bytes) -> None:
    """Adds an EXIF block to a TIFF file of one page.

    The new directory goes to the end of the file: the pixels stay where they
    are, and so do the offsets to them. A BigTIFF (above 4 GB) stays as it is:
    its directories have another layout.

    Args:
        file: a TIFF file of the byte order of the block (`byte_order`), open
            to be read and written.
        block: the EXIF block, as `tidy` returns it.
    """
    file.seek(2)
    if file.read(2) in (b"+\0", b"\0+"):
        return
    order, directory = _parse(file)
    _, added = _parse(io.BytesIO(block[len(PREFIX) :]))
    for tag in _DESCRIPTIVE & added.keys() - {ORIENTATION}:
        directory[tag] = added[tag]
    end = file.seek(0, io.SEEK_END)
    at = end + end % 2
    file.write(bytes(at - end) + _pack(directory, order, at))
    file.seek(4)
    file.write(struct.pack(order + "I", at))


def byte_order(block: bytes | None) -> str:
    """The byte order of a block with `PREFIX`: "<" or ">"."""
    return ">" if block and block[len(PREFIX) :].startswith(b"MM") else "<"


def _parse(file: BinaryIO) -> tuple[str, Directory]:
    """The byte order and first directory of an EXIF block or TIFF file."""
    file.seek(0)
    head = file.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        raise ValueError("no byte order mark")
    big = _number(head[2:4], order) == 43
    start = _number(head[8:16] if big else head[4:8], order)
    return order, _unpack(file, order, start, big)


def _unpack(
    file: BinaryIO, order: str, start: int, big: bool, depth: int = 0
) -> Directory:
    """Reads the directory at `start`, and those that it points to.

    Cameras and editors leave much broken EXIF behind: a tag that points
    outside the block is left out, and the others stay.
    """
    entry, room, counter = ("HHQ", 8, 8) if big else ("HHI", 4, 2)
    head = _read(file, start, counter)
    if not head:
        raise ValueError("a directory is missing")
    step = struct.calcsize(order + entry) + room
    table = file.read(step * min(_number(head, order), 0xFFFF))
    directory = {}
    for at in range(0, len(table) - step + 1, step):
        tag, kind, count = struct.unpack_from(order + entry, table, at)
        field = table[at + step - room : at + step]
        value = _value(file, order, field, _SIZES.get(kind, 0) * count)
        if tag in _POINTERS:
            value = _follow(file, order, _number(value, order), big, depth)
        if value:
            directory[tag] = Entry(kind, count, value)
    return directory


def _follow(
    file: BinaryIO, order: str, start: int, big: bool, depth: int
) -> Directory:
    """The directory that a tag points to; empty where there is none."""
    try:
        # The depth stops a directory that points to itself.
        return _unpack(file, order, start, big, depth + 1) if depth < 2 else {}
    except ValueError:
        return {}


def _value(file: BinaryIO, order: str, field: bytes, size: int) -> bytes:
    """The bytes of one value; empty where they are missing or unknown."""
    if size <= len(field):
        return field[:size]
    return _read(file, _number(field, order), size)


def _read(file: BinaryIO, start: int, size: int) -> bytes:
    """`size` bytes from `start`; empty where the file has fewer."""
    if size > _LARGEST or start >= 1 << 62:
        return b""
    file.seek(start)
    found = file.read(size)
    return found if len(found) == size else b""


def _number(value: bytes, order: str) -> int:
    return int.from_bytes(value, "little" if order == "<" else "big")


def _build(order: str, directory: Directory) -> bytes:
    """An EXIF block from its first directory."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    head = mark + struct.pack(order + "I", 8)
    return PREFIX + head + _pack(directory, order, 8)


def _pack(directory: Directory, order: str, start: int) -> bytes:
    """A directory and its values as bytes to put at offset `start`."""
    table, values = [], b""
    start += 2 + 12 * len(directory) + 4
    for tag in sorted(directory):
        kind, count, value = directory[tag]
        at = start + len(values)
        if isinstance(value, dict):
            kind, count = 4, 1
            values += _pack(value, order, at)
        elif len(value) > 4:
            values += value + bytes(len(value) % 2)
        far = isinstance(value, dict) or len(value) > 4
        field = struct.pack(order + "I", at) if far else value.ljust(4, b"\0")
        table.append(struct.pack(order + "HHI", tag, kind, count) + field)
    count = struct.pack(order + "H", len(table))
    # The four zero bytes say that no second directory (thumbnail) follows.
    return count + b"".join(table) + bytes(4) + values
