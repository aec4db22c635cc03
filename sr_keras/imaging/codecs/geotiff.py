"""The place on earth of a TIFF image (OGC GeoTIFF 1.1), and GDAL's own tags.

The tags refer to pixels; cutting and enlarging the image changes what they
have to say.
"""

from dataclasses import dataclass, replace

import numpy as np

_SCALE, _TIEPOINTS, _MATRIX = 33550, 33922, 34264
_KEYS, _NUMBERS, _NAMES = 34735, 34736, 34737
_RPC, _GDAL, _NO_DATA = 50844, 42112, 42113

_GEO = {_SCALE, _TIEPOINTS, _MATRIX, _KEYS, _NUMBERS, _NAMES, _RPC}

# Tag -> type, as tifffile names it.
TYPES = dict.fromkeys((_SCALE, _TIEPOINTS, _MATRIX, _NUMBERS, _RPC), "d")
TYPES |= {_KEYS: "H", _NAMES: "s", _GDAL: "s", _NO_DATA: "s"}

# The key that says whether a pixel is an area or a point (GTRasterType).
_RASTER_TYPE, _POINT = 1025, 2

# Where the polynomials of satellites (RPC) have offsets and scales of lines
# and samples.
_RPC_OFFSETS, _RPC_SCALES, _RPC_COUNT = (2, 3), (7, 8), 92


@dataclass(frozen=True)
class Place:
    """The tags of an image, or of a part of it.

    Attributes:
        tags: tag -> numbers or text, true of the whole image as it was read.
        size: (height, width) of the part, in pixels of that image.
        corner: its (top, left).
    """

    tags: dict[int, tuple | bytes]
    size: tuple[int, int]
    corner: tuple[int, int] = (0, 0)

    @property
    def name(self) -> str:
        """The name for messages."""
        known = _GEO & self.tags.keys()
        return "georeference" if known else "metadata of GDAL"

    @property
    def no_data(self) -> str | None:
        """The value that stands for missing data, if there is one."""
        value = self.tags.get(_NO_DATA, b"").rstrip(b"\0").strip()
        return value.decode("latin-1") or None


def cut(place: Place, window: tuple[slice, slice]) -> Place:
    """The place of a part of the image."""
    rows, columns = (
        range(*part.indices(n))
        for part, n in zip(window, place.size, strict=True)
    )
    top, left = place.corner
    return replace(
        place,
        size=(len(rows), len(columns)),
        corner=(top + rows.start, left + columns.start),
    )


def resize(place: Place, size: tuple[int, int]) -> Place:
    """The place of an image of another size that shows the same."""
    fy, fx = (new / old for new, old in zip(size, place.size, strict=True))
    # Where pixels are points, coordinates count from the first one's centre.
    half = 0.5 if _is_point(place.tags) else 0.0
    top, left = place.corner
    tags = dict(place.tags)
    if len(tags.get(_SCALE, ())) == 3:
        x, y, z = tags[_SCALE]
        tags[_SCALE] = (x / fx, y / fy, z)
    if _TIEPOINTS in tags and len(tags[_TIEPOINTS]) % 6 == 0:
        points = np.reshape(tags[_TIEPOINTS], (-1, 6))
        points[:, 0] = (points[:, 0] - left + half) * fx - half
        points[:, 1] = (points[:, 1] - top + half) * fy - half
        tags[_TIEPOINTS] = tuple(points.ravel().tolist())
    if len(tags.get(_MATRIX, ())) == 16:
        back = np.diag([1 / fx, 1 / fy, 1.0, 1.0])
        back[0, 3] = half / fx - half + left
        back[1, 3] = half / fy - half + top
        matrix = np.reshape(tags[_MATRIX], (4, 4)) @ back
        tags[_MATRIX] = tuple(matrix.ravel().tolist())
    if len(tags.get(_RPC, ())) == _RPC_COUNT:
        tags[_RPC] = _resize_rpc(tags[_RPC], (fy, fx), place.corner)
    return Place(tags, size)


def _resize_rpc(
    values: tuple, factors: tuple[float, float], corner: tuple[int, int]
) -> tuple:
    """Polynomials count lines and samples from the first one's centre."""
    values = list(values)
    for at, factor, start in zip(_RPC_OFFSETS, factors, corner, strict=True):
        values[at] = (values[at] - start + 0.5) * factor - 0.5
    for at, factor in zip(_RPC_SCALES, factors, strict=True):
        values[at] *= factor
    return tuple(values)


def _is_point(tags: dict[int, tuple | bytes]) -> bool:
    keys = tags.get(_KEYS, ())
    entries = (keys[at : at + 4] for at in range(4, len(keys) - 3, 4))
    return (_RASTER_TYPE, 0, 1, _POINT) in {tuple(entry) for entry in entries}
