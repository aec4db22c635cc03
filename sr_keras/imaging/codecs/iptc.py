"""IPTC records, which programs wrap in Photoshop's image resources."""

import struct

# First bytes of the segment of a JPEG that has Photoshop's resources.
SIGNATURE = b"Photoshop 3.0\0"

_MARK = b"8BIM"
_IPTC = 0x0404


def from_resources(block: bytes) -> bytes | None:
    """The records in a block of resources; None where it has none.

    Args:
        block: resources one after another, or bare IPTC records, which
            begin with the byte 1C.
    """
    block = block.removeprefix(SIGNATURE)
    if block.startswith(b"\x1c"):
        return block
    at = 0
    while block[at : at + 4] == _MARK and at + 12 <= len(block):
        (number,) = struct.unpack_from(">H", block, at + 4)
        name = block[at + 6] + 1
        at += 6 + name + name % 2
        size = int.from_bytes(block[at : at + 4], "big")
        content = block[at + 4 : at + 4 + size]
        if number == _IPTC:
            return content or None
        at += 4 + size + size % 2
    return None


def to_resources(records: bytes) -> bytes:
    """A block of resources that has the records."""
    head = _MARK + struct.pack(">HHI", _IPTC, 0, len(records))
    return head + records + bytes(len(records) % 2)
