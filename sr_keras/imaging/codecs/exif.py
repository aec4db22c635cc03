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

# Width and height in pixels: in the first directory, the EXIF folder and that
# of interoperability.
_WIDTHS, _HEIGHTS = {0x0100, 0xA002, 0x1001}, {0x0101, 0xA003, 0x1002}

# Tags that hold no longer once the picture is another: how TIFF stores pixels,
# and the pixels that the camera looked at.
_STALE = {0x0102, 0x0103, 0x0106, 0x0111, 0x0115, 0x0116, 0x0117, 0x011C}
_STALE |= {0x014A, 0x0201, 0x0202, 0x9214, 0xA214}

_MAKER_NOTE = 0x927C

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
        thumbnail; None where nothing is left of it.

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
    for folder in _folders(directory):
        for tag in _STALE & folder.keys():
            del folder[tag]
    orientation = orientation if 1 <= orientation <= 8 else 1
    return orientation, _build(order, directory) if directory else None


def resize(block: bytes, size: tuple[int, int]) -> bytes:
    """Writes the size of the picture wherever the block tells it.

    Args:
        block: the EXIF block, as `tidy` returns it.
        size: (height, width).

    Returns:
        The block with that size.
    """
    order, directory = _parse(io.BytesIO(block[len(PREFIX) :]))
    for folder in _folders(directory):
        for tags, side in ((_HEIGHTS, size[0]), (_WIDTHS, size[1])):
            for tag in tags & folder.keys():
                folder[tag] = Entry(4, 1, struct.pack(order + "I", side))
    return _build(order, directory)


def shrink(block: bytes, room: int) -> tuple[bytes | None, tuple[str, ...]]:
    """Drops values until a block fits: the maker's note, then the largest.

    Args:
        block: the EXIF block, as `tidy` returns it.
        room: bytes that it may have.

    Returns:
        The block, None where nothing fits, and the names of what went.
    """
    order, directory = _parse(io.BytesIO(block[len(PREFIX) :]))
    dropped = []
    while block and len(block) > room:
        _, _, tag, folder = max(
            (tag == _MAKER_NOTE, len(entry.value), tag, i)
            for i, folder in enumerate(_folders(directory))
            for tag, entry in folder.items()
            if not isinstance(entry.value, dict)
        )
        del _folders(directory)[folder][tag]
        dropped.append(_name(tag))
        left = any(_folders(directory))
        block = _build(order, directory) if left else None
    return block, tuple(dropped)


def from_tiff(file: BinaryIO, start: int | None = None) -> bytes | None:
    """The EXIF block of a TIFF file: the tags that describe the picture.

    Args:
        file: an open TIFF or BigTIFF file.
        start: where the directory of the picture is, which the tags of the
            first one add to.

    Returns:
        The block with `PREFIX`, or None where the file has no such tag.

    Raises:
        ValueError: the file does not begin as TIFF does.
    """
    order, directory = _parse(file)
    if start is not None:
        directory |= _parse(file, start)[1]
    kept = {tag: directory[tag] for tag in _DESCRIPTIVE & directory.keys()}
    description = kept.get(0x010E)
    if description and description.value.startswith(_LAYOUTS):
        del kept[0x010E]
    return _build(order, kept) if kept else None


def into_tiff(file: BinaryIO, block: bytes) -> None:
    """Adds an EXIF block to a TIFF file of one page.

    The new directory goes to the end of the file: the pixels stay where they
    are, and so do the offsets to them.

    Args:
        file: a TIFF file of the byte order of the block (`byte_order`), open
            to be read and written.
        block: the EXIF block, as `tidy` returns it.
    """
    file.seek(2)
    big = file.read(2) in (b"+\0", b"\0+")
    order, directory = _parse(file)
    _, added = _parse(io.BytesIO(block[len(PREFIX) :]))
    for tag in _DESCRIPTIVE & added.keys() - {ORIENTATION}:
        directory[tag] = added[tag]
    end = file.seek(0, io.SEEK_END)
    at = end + end % 2
    file.write(bytes(at - end) + _pack(directory, order, at, big))
    file.seek(8 if big else 4)
    file.write(struct.pack(order + ("Q" if big else "I"), at))


def byte_order(block: bytes | None) -> str:
    """The byte order of a block with `PREFIX`: "<" or ">"."""
    return ">" if block and block[len(PREFIX) :].startswith(b"MM") else "<"


def _folders(directory: Directory) -> list[Directory]:
    """A directory and those within it."""
    below = [e.value for e in directory.values() if isinstance(e.value, dict)]
    return [directory, *(d for found in below for d in _folders(found))]


def _name(tag: int) -> str:
    from PIL import ExifTags

    return ExifTags.TAGS.get(tag, f"tag {tag:#06x}")


def _parse(file: BinaryIO, start: int | None = None) -> tuple[str, Directory]:
    """The byte order and first directory of an EXIF block or TIFF file.

    Args:
        file: it, open.
        start: where the directory is, if it is another.
    """
    file.seek(0)
    head = file.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        raise ValueError("no byte order mark")
    big = _number(head[2:4], order) == 43
    if start is None:
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


def _pack(
    directory: Directory, order: str, start: int, big: bool = False
) -> bytes:
    """A directory and its values as bytes to put at offset `start`."""
    entry, offset, room = ("HHQ", "Q", 8) if big else ("HHI", "I", 4)
    pointer = 16 if big else 4  # LONG8, LONG
    step = struct.calcsize(order + entry) + room
    counter = struct.pack(order + ("Q" if big else "H"), len(directory))
    start += len(counter) + step * len(directory) + room
    table, values = [], b""
    for tag in sorted(directory):
        kind, count, value = directory[tag]
        at = start + len(values)
        far = isinstance(value, dict) or len(value) > room
        if isinstance(value, dict):
            kind, count = pointer, 1
            value = _pack(value, order, at, big)
        if far:
            values += value + bytes(len(value) % 2)
        field = struct.pack(order + offset, at) if far else value
        head = struct.pack(order + entry, tag, kind, count)
        table.append(head + field.ljust(room, b"\0"))
    # The zero bytes say that no second directory (thumbnail) follows.
    return counter + b"".join(table) + bytes(room) + values
