"""Metadata in the chunks of a PNG file (PNG 3rd edition, section 11.3)."""

import re
import struct
import zlib
from collections.abc import Iterable

from sr_keras.imaging.codecs import exif, iptc, png_color
from sr_keras.imaging.codecs.attached import CREDENTIALS
from sr_keras.imaging.codecs.metadata import Extra, Metadata, Text

Chunk = tuple[bytes, bytes]

# Profiles and texts are below a few megabytes; a compressed one may claim any
# size.
_LARGEST = 1 << 26

_METRE = 0.0254  # metres in an inch: PNG counts pixels per metre

_XMP = "XML:com.adobe.xmp"

# Before PNG had places for them, profiles were written as texts of hexadecimal
# digits under such a keyword, by ImageMagick first.
_RAW = "raw profile type "
_XMP_SEGMENT = b"http://ns.adobe.com/xap/1.0/\0"

# Texts about the size and place of the pixels of a former file.
_STALE = re.compile(
    r"(exif|tiff):(\w*ImageWidth|\w*ImageLength|Pixel[XY]Dimension"
    r"|Orientation|Thumbnail.*)$|Thumb::|png:"
)

# Bytes above which a text is compressed.
_LONG = 1000


def read(chunks: Iterable[Chunk]) -> tuple[Metadata, tuple[str, ...]]:
    """Reads the metadata of a file, and notes on what is damaged."""
    chunks = list(chunks)
    last, notes, icc, dpi = dict(chunks), (), None, None
    texts, profiles, broken = _texts(chunks)
    if broken:
        notes += (f"{broken} of its texts damaged and left out",)
    if b"iCCP" in last:
        icc = _inflate(last[b"iCCP"].partition(b"\0")[2][1:])
        if not icc:
            notes += ("its colour profile is damaged and is left out",)
    if b"caBX" in last:
        notes += (CREDENTIALS,)
    if len(last.get(b"pHYs", b"")) == 9:
        x, y, unit = struct.unpack(">IIB", last[b"pHYs"])
        dpi = (x * _METRE, y * _METRE) if unit == 1 else None
    return Metadata(
        icc or profiles.get("icc"),
        last.get(b"eXIf", profiles.get("exif")),
        dpi,
        Extra(
            *(profiles.get("xmp"), profiles.get("iptc"), tuple(texts)),
            png_color.read(last),
        ),
    ), notes


def write(metadata: Metadata) -> list[Chunk]:
    """Makes the chunks between the header and the pixels."""
    extra = metadata.extra
    chunks = list(extra.color)
    if metadata.icc:
        packed = b"ICC profile\0\0" + zlib.compress(metadata.icc)
        chunks.append((b"iCCP", packed))
    if metadata.dpi:
        x, y = (round(dots / _METRE) for dots in metadata.dpi)
        chunks.append((b"pHYs", struct.pack(">IIB", x, y, 1)))
    if metadata.exif:
        chunks.append((b"eXIf", metadata.exif.removeprefix(exif.PREFIX)))
    if extra.xmp:
        packet = _XMP.encode() + bytes(5) + extra.xmp
        chunks.append((b"iTXt", packet))
    if extra.iptc:
        chunks.append(_raw_profile("iptc", iptc.to_resources(extra.iptc)))
    return chunks + [_text_chunk(text) for text in extra.texts]


def _texts(chunks: list[Chunk]) -> tuple[list[Text], dict[str, bytes], int]:
    """The texts, the profiles that are texts, and how many are damaged."""
    texts, profiles, broken = [], {}, 0
    for name, content in chunks:
        if name not in (b"tEXt", b"zTXt", b"iTXt"):
            continue
        text = _text(name, content)
        if text is None:
            broken += 1
        elif text.keyword == _XMP:
            profiles["xmp"] = text.text.encode()
        elif text.keyword.lower().startswith(_RAW):
            found = _profile(text)
            broken += not found
            profiles = {**found, **profiles}
        elif not _STALE.match(text.keyword):
            texts.append(text)
    return texts, profiles, broken


def _text(name: bytes, content: bytes) -> Text | None:
    """A text chunk, taken apart; None where it is damaged."""
    keyword, _, rest = content.partition(b"\0")
    keyword = keyword.decode("latin-1")
    if name == b"tEXt":
        return Text(keyword, rest.decode("latin-1"))
    language = translated = b""
    packed = name == b"zTXt" or rest[:1] == b"\1"
    if name == b"zTXt":
        rest = rest[1:]
    else:
        language, _, rest = rest[2:].partition(b"\0")
        translated, _, rest = rest.partition(b"\0")
    content = _inflate(rest) if packed else rest
    if content is None:
        return None
    coding = "latin-1" if name == b"zTXt" else "utf-8"
    names = (part.decode("utf-8", "replace") for part in (language, translated))
    return Text(keyword, content.decode(coding, "replace"), *names)


def _profile(text: Text) -> dict[str, bytes]:
    """The profile in a text: its name, its length, hexadecimal digits."""
    kind = text.keyword[len(_RAW) :].lower()
    try:
        lines = text.text.strip().split("\n", 2)
        content = bytes.fromhex(lines[2])
    except (IndexError, ValueError):
        return {}
    if content.startswith(_XMP_SEGMENT):
        return {"xmp": content[len(_XMP_SEGMENT) :]}
    if kind in ("exif", "app1"):
        return {"exif": content}
    if kind in ("iptc", "8bim"):
        records = iptc.from_resources(content)
        return {"iptc": records} if records else {}
    kind = {"icm": "icc"}.get(kind, kind)
    return {kind: content} if kind in ("icc", "xmp") else {}


def _raw_profile(kind: str, content: bytes) -> Chunk:
    text = f"\n{kind}\n{len(content):8}\n{content.hex()}\n"
    packed = zlib.compress(text.encode())
    return b"zTXt", f"Raw profile type {kind}".encode() + b"\0\0" + packed


def _text_chunk(text: Text) -> Chunk:
    keyword = text.keyword.encode("latin-1")
    content = text.text.encode()
    plain = not (text.language or text.translated)
    try:
        content = text.text.encode("latin-1") if plain else content
    except UnicodeEncodeError:
        plain = False
    packed = len(content) > _LONG
    content = zlib.compress(content) if packed else content
    if plain:
        head = keyword + (b"\0\0" if packed else b"\0")
        return b"zTXt" if packed else b"tEXt", head + content
    names = text.language.encode() + b"\0" + text.translated.encode() + b"\0"
    head = keyword + b"\0" + bytes([packed, 0]) + names
    return b"iTXt", head + content


def _inflate(packed: bytes) -> bytes | None:
    """Decompressed bytes; None where they are damaged."""
    try:
        return zlib.decompressobj().decompress(packed, _LARGEST)
    except zlib.error:
        return None
