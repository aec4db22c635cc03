"""XMP packets, kept true of a picture that is turned upright and enlarged.

The text is edited where it has to be and otherwise stays as it is: a parser
of XML that writes it back renames the prefixes, which some readers rely on.
"""

import json
import re

_TIFF = b"http://ns.adobe.com/tiff/1.0/"
_EXIF = b"http://ns.adobe.com/exif/1.0/"
_XMP = b"http://ns.adobe.com/xap/1.0/"
_NOTE = b"http://ns.adobe.com/xmp/note/"
_CAMERA = b"http://ns.google.com/photos/1.0/camera/"
_PANORAMA = b"http://ns.google.com/photos/1.0/panorama/"

# Properties that describe data behind the picture, in the same file: gain
# maps, depth, sound, films. A result has none of them.
_ATTACHED = (
    b"http://ns.adobe.com/hdr-gain-map/1.0/",
    b"http://ns.apple.com/HDRGainMap/1.0/",
    b"http://ns.google.com/photos/1.0/container/",
    b"http://ns.google.com/photos/1.0/container/item/",
    b"http://ns.google.com/photos/1.0/depthmap/",
    b"http://ns.google.com/photos/1.0/image/",
    b"http://ns.google.com/photos/1.0/audio/",
    b"http://ns.google.com/photos/dd/1.0/container/",
    b"http://ns.google.com/photos/dd/1.0/device/",
)
_GAIN_MAPS = _ATTACHED[:2]

_NAME = rb"[A-Za-z_][\w.-]*"
_QUOTED = rb"\"[^\"]*\"|'[^']*'"

# Properties that hold no longer: a small copy of the picture, the pixels that
# the camera looked at, the parts of a file, the rest of this packet.
_STALE = (
    (_XMP, rb"Thumbnails"),
    (_EXIF, rb"Subject(?:Area|Location)"),
    (_CAMERA, rb"(?:MicroVideo|MotionPhoto)\w*"),
    (_NOTE, rb"HasExtendedXMP"),
)

# Size in pixels, under each of its names.
_WIDTHS = ((_TIFF, b"ImageWidth"), (_EXIF, b"PixelXDimension"))
_HEIGHTS = ((_TIFF, b"ImageLength"), (_EXIF, b"PixelYDimension"))


def tidy(packet: bytes) -> tuple[bytes | None, bool]:
    """Makes a packet true of the upright picture alone.

    Args:
        packet: XMP as UTF-8, UTF-16 or UTF-32.

    Returns:
        The packet as UTF-8, or None where it is not XMP, and whether it had
        announced an extension, which is not read.
    """
    packet = _utf8(packet)
    if b"RDF" not in packet:
        return None, False
    extended = bool(_find(packet, _NOTE, rb"HasExtendedXMP"))
    for space in _ATTACHED:
        packet = _drop(packet, space, _NAME)
    for space, name in _STALE:
        packet = _drop(packet, space, name)
    return _put(packet, _TIFF, b"Orientation", 1), extended


def resize(packet: bytes, size: tuple[int, int]) -> bytes:
    """Writes the size of the picture, (height, width), where XMP tells it."""
    height, width = size
    packet = _resize_panorama(packet, size)
    for names, value in ((_WIDTHS, width), (_HEIGHTS, height)):
        for space, name in names:
            packet = _put(packet, space, name, value)
    return packet


def announces_gain_map(packet: bytes | None) -> bool:
    """Whether XMP says that the file has a gain map too."""
    text = _utf8(packet or b"")
    item = rb"[\"'>]GainMap[\"'<]"
    spaces = any(_find(text, space, _NAME) for space in _GAIN_MAPS)
    return spaces or bool(re.search(item, text))


def _resize_panorama(packet: bytes, size: tuple[int, int]) -> bytes:
    """Scales the place of a picture within its panorama (Google's GPano)."""
    for new, side, start in zip(
        size, (b"Height", b"Width"), (b"Top", b"Left"), strict=True
    ):
        own = b"CroppedAreaImage" + side + b"Pixels"
        before = _find(packet, _PANORAMA, own)
        if not before or not before.isdigit() or not int(before):
            continue
        whole, corner = b"FullPano" + side, b"CroppedArea" + start
        for name in (own, whole + b"Pixels", corner + b"Pixels"):
            if (old := _find(packet, _PANORAMA, name)) and old.isdigit():
                value = round(int(old) * new / int(before))
                packet = _put(packet, _PANORAMA, name, value)
    return packet


def _utf8(packet: bytes) -> bytes:
    """The packet as UTF-8; XMP in TIFF may be UTF-16 or UTF-32."""
    coding = json.detect_encoding(packet)  # of text that begins with ASCII
    if not coding.startswith("utf-8"):
        packet = packet.decode(coding, "ignore").encode()
    return packet.removeprefix(b"\xef\xbb\xbf").rstrip(b"\0")


def _prefixes(packet: bytes, space: bytes) -> set[bytes]:
    """Prefixes that stand for a namespace."""
    pattern = rb"xmlns:(" + _NAME + rb")\s*=\s*[\"']" + re.escape(space)
    return set(re.findall(pattern + rb"[\"']", packet))


def _names(packet: bytes, space: bytes, name: bytes) -> list[bytes]:
    """Patterns of a property's qualified name."""
    return [
        re.escape(prefix) + rb":(?:" + name + rb")"
        for prefix in sorted(_prefixes(packet, space))
    ]


def _find(packet: bytes, space: bytes, name: bytes) -> bytes | None:
    """The value of a property, an attribute or an element; None without."""
    for full in _names(packet, space, name):
        pattern = rb"\s" + full + rb"\s*=\s*(" + _QUOTED + rb")"
        pattern += rb"|<" + full + rb"\s*>([^<]*)<"
        if found := re.search(pattern, packet):
            return (found[1] and found[1][1:-1]) or found[2] or b" "
    return None


def _put(packet: bytes, space: bytes, name: bytes, value: int) -> bytes:
    """Gives a number to a property, wherever the packet has it."""
    text = rb"\g<1>%d\g<2>" % value
    for full in _names(packet, space, name):
        attribute = rb"(\s" + full + rb"\s*=\s*[\"'])[^\"'<]*([\"'])"
        element = rb"(<" + full + rb"\s*>)[^<]*(</)"
        packet = re.sub(attribute, text, packet)
        packet = re.sub(element, text, packet)
    return packet


def _drop(packet: bytes, space: bytes, name: bytes) -> bytes:
    """Removes properties, attributes and elements with what is in them."""
    for full in _names(packet, space, name):
        attribute = rb"\s+" + full + rb"\s*=\s*(?:" + _QUOTED + rb")"
        within = rb"(?:\s(?:" + _QUOTED + rb"|[^>\"'])*?)?"
        element = rb"<(" + full + rb")" + within
        element += rb"(?:/>|>.*?</\1\s*>)"
        packet = re.sub(attribute, b"", packet)
        packet = re.sub(element, b"", packet, flags=re.DOTALL)
    return packet
