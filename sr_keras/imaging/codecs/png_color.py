"""PNG's own description of colours, and an ICC profile of the same meaning.

A PNG file may say what its colours are in chunks that no other format has: the
gamma and the primaries, that it is sRGB, or code points of video (cICP). PNG
files keep the chunks; files of other formats get a profile.
"""

import struct

import imagecodecs
import numpy as np

Chunk = tuple[bytes, bytes]

# Chunk -> bytes that it has (PNG 3rd edition, section 11.3.2).
_SIZES = {
    b"sRGB": 1,
    b"gAMA": 4,
    b"cHRM": 32,
    b"cICP": 4,
    b"mDCV": 24,
    b"cLLI": 8,
}

# White, red, green and blue as x, y; the first are those of sRGB.
_PRIMARIES = {
    1: (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06),
    9: (0.3127, 0.329, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    12: (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
}
_SRGB = _PRIMARIES[1]

# Codes of transfer functions (ITU-T H.273, table 3): BT.709 and its kin, two
# powers, none, sRGB.
_BT709, _GAMMAS, _SRGB_CURVE = {1, 6, 14, 15}, {4: 2.2, 5: 2.8, 8: 1.0}, 13

# sRGB in the chunk gAMA, whose unit is 1/100000, and how far off it may be.
_SRGB_GAMMA, _NEAR = 45455, 100

# Points of a curve that is no power.
_POINTS = 1024


def read(chunks: dict[bytes, bytes]) -> tuple[Chunk, ...]:
    """The chunks that describe colours, of those of a file."""
    found = {
        name: chunks[name]
        for name, size in _SIZES.items()
        if len(chunks.get(name, b"")) == size
    }
    if found.get(b"gAMA") == bytes(4):
        del found[b"gAMA"]
    return tuple(found.items())


def describe(
    color: tuple[Chunk, ...], channels: int
) -> tuple[bytes | None, list[str]]:
    """Makes an ICC profile of the chunks.

    Args:
        color: as `read` returns it.
        channels: 1 for grey, 3 for RGB.

    Returns:
        The profile, None for sRGB, which needs none; and the names of the
        chunks that it does not stand for.
    """
    chunks = dict(color)
    made, used = None, []
    if b"cICP" in chunks:
        used = [b"cICP"]
        made = _of_codes(chunks[b"cICP"], channels)
    elif b"sRGB" not in chunks:
        used = [name for name in (b"gAMA", b"cHRM") if name in chunks]
        made = _of_gamma(chunks, channels)
    lost = [name for name in (b"mDCV", b"cLLI") if name in chunks]
    lost = (used if made == b"" else []) + lost
    return made or None, [name.decode() for name in lost]


def _of_gamma(chunks: dict[bytes, bytes], channels: int) -> bytes | None:
    """A profile of gAMA and cHRM; None for sRGB, empty where it cannot be."""
    places = _SRGB
    if b"cHRM" in chunks and channels == 3:
        units = np.array(struct.unpack(">8I", chunks[b"cHRM"]))
        places = tuple(units / 100_000)
    own = np.allclose(places, _SRGB, atol=0.001)
    gamma = int.from_bytes(chunks.get(b"gAMA", b""), "big") or _SRGB_GAMMA
    if abs(gamma - _SRGB_GAMMA) > _NEAR:
        return _make(channels, places, gamma=100_000 / gamma)
    curve = _curve(_SRGB_CURVE)
    return None if own else _make(channels, places, transferfunction=curve)


def _of_codes(codes: bytes, channels: int) -> bytes | None:
    """A profile of cICP; None for sRGB, empty where it cannot be."""
    primaries, transfer, matrix, full = codes
    if (matrix, full) != (0, 1) or primaries not in _PRIMARIES:
        return b""
    places = _PRIMARIES[primaries]
    if transfer in _GAMMAS:
        return _make(channels, places, gamma=_GAMMAS[transfer])
    if transfer not in _BT709 | {_SRGB_CURVE}:
        return b""
    if (primaries, transfer) == (1, _SRGB_CURVE):
        return None
    return _make(channels, places, transferfunction=_curve(transfer))


def _curve(transfer: int) -> np.ndarray:
    """From samples to light: sRGB (IEC 61966-2-1), or BT.709."""
    x = np.linspace(0, 1, _POINTS)
    if transfer == _SRGB_CURVE:
        light = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    else:
        light = np.where(
            x < 0.081, x / 4.5, ((x + 0.099) / 1.099) ** (1 / 0.45)
        )
    return np.round(light * 65535).astype(np.uint16)


def _make(channels: int, places: tuple[float, ...], **curve) -> bytes:
    """A profile of white, red, green and blue; empty where they are absurd."""
    points = np.reshape(places, (4, 2))
    if not points[:, 1].all():
        return b""
    white, *primaries = ([float(x), float(y), 1.0] for x, y in points)
    options = {"primaries": sum(primaries, [])} if channels == 3 else {}
    kind = "rgb" if channels == 3 else "gray"
    try:
        made = imagecodecs.cms_profile(
            kind, whitepoint=white, **options, **curve
        )
    except RuntimeError:
        return b""
    # The date of its making, which would make each file another.
    return made[:24] + struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + made[36:]
