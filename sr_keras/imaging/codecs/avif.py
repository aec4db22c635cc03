"""AVIF through libavif: 8, 10 and 12 bits, to read only."""

import dataclasses
from typing import BinaryIO

import imagecodecs
import numpy as np

from sr_keras.imaging.codecs import pillow
from sr_keras.imaging.codecs.attached import GAIN_MAP
from sr_keras.imaging.codecs.decoded import Decoded, only_first

# sRGB in video's code points, which is what needs no mention.
_SRGB, _UNKNOWN = (1, 13), 2


def decode(file: BinaryIO, max_pixels: int) -> Decoded:
    """Reads the first picture; see `codecs.decode`."""
    # Pillow finds size and metadata, and has 8 bits of what follows.
    picture, frames = pillow.open_picture(file, ("AVIF",), max_pixels)
    metadata = pillow.metadata_of(picture)
    file.seek(0)
    content = file.read()
    samples = imagecodecs.avif_decode(content, index=0)
    samples = samples.reshape(picture.height, picture.width, -1)
    notes = only_first(frames, "animation: frames")
    if b"tmap" in content[:64]:  # a brand: tone-mapped, ISO 21496-1
        notes += (GAIN_MAP,)
    extra = dataclasses.replace(metadata.extra, color=_color(content))
    return Decoded(
        np.ascontiguousarray(samples),
        samples.shape[2] in (2, 4),
        "avif",
        (1 << _bits(content)) - 1,
        metadata=dataclasses.replace(metadata, extra=extra),
        notes=notes,
    )


def _bits(content: bytes) -> int:
    """Bits a channel, from the configuration (AV1 in ISOBMFF, 2.3.3)."""
    flags = content[content.index(b"av1C") + 6]
    high, twelve = flags & 0x40, flags & 0x20
    return 12 if high and twelve else 10 if high else 8


def _color(content: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Code points other than sRGB's, as the chunk of PNG that has them."""
    at = content.find(b"colrnclx") + 8
    if at < 8:
        return ()
    codes = content[at + 1], content[at + 3]
    if codes == _SRGB or _UNKNOWN in codes:
        return ()
    return ((b"cICP", bytes([*codes, 0, 1])),)
