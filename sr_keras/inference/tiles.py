"""The linear maps between an image and its enlargement, whole or in tiles.

An image is enlarged in one pass or several; the sizes it goes through are
its levels, the first its own. A tile has a window on each level.
"""

import dataclasses
import itertools
import math

import numpy as np

from sr_keras.imaging import resize
from sr_keras.support import memory

# Pixels of a tile's result, its margins included: 64 feature maps of it take
# 0.15 GB, and a quarter of it is margin.
TILE_PIXELS = 600_000

# What a network sees is a multiple of this wide where it can be: oneDNN's
# convolutions in bfloat16 take up to four times as long at some other widths.
ALIGNED = 16

# A smaller tile is not tried when memory does not suffice.
LEAST_SIDE = 16


class Plane:
    """Up and down between two levels.

    Args:
        up: list of pairs of sparse matrices, as `resize.matrices` makes them.
        down: the same, for the way back.
    """

    def __init__(self, up, down):
        self._up = up
        self._down = down

    @classmethod
    def between(cls, small, large, scale, kernel, up="bicubic"):
        """The maps between two sizes.

        Args:
            small: pair (height, width).
            large: pair (height, width).
            scale: pair (y, x), from small to large.
            kernel: ndarray, the blur kernel of the way down; bicubic if None.
            up: str, the interpolation of the way up.

        Returns:
            Plane.
        """
        back = tuple(1 / s for s in scale)
        kernel = "cubic" if kernel is None else kernel
        return cls(
            _float32(resize.matrices(small, scale, large, up)),
            _float32(resize.matrices(large, back, small, kernel)),
        )

    @classmethod
    def resizing(cls, before, scale, size):
        """Only the way from one size to another, whichever is larger.

        Args:
            before: pair (height, width).
            scale: pair (y, x).
            size: pair (height, width).

        Returns:
            Plane, which has no way down.
        """
        return cls(_float32(resize.matrices(before, scale, size, "cubic")), [])

    def part(self, small, large):
        """The same maps between a window on each level, pairs of slices."""
        (a, b), (c, d) = small, large
        return Plane(
            [(y[c, a], x[d, b]) for y, x in self._up],
            [(y[a, c], x[b, d]) for y, x in self._down],
        )

    def up(self, image):
        """Enlarge a float32 ndarray (h, w, C)."""
        return resize.apply(self._up, image)

    def down(self, image):
        """Shrink a float32 ndarray (h, w, C)."""
        return resize.apply(self._down, image)


@dataclasses.dataclass(frozen=True)
class Tile:
    """A part of the result, and the windows it is computed from.

    Attributes:
        windows: for each level a pair of slices, margins included.
        inside: pair of slices of the result, without margins.
        core: `inside` again, counted from the last window's corner.
        region: the same part of the first level: pairs of its ends.
    """

    windows: tuple
    inside: tuple
    core: tuple
    region: tuple


class Grid:
    """Sizes that an image goes through, and how they are cut alike.

    Args:
        sizes: list of pairs (height, width), the image's first.
        scales: list of pairs (y, x), each level's over the first.
        multiples: pair of ints, of which windows of the first level are as
            high and wide where the image is.
    """

    def __init__(self, sizes, scales, multiples=(1, 1)):
        self.sizes = [tuple(size) for size in sizes]
        self.scales = [tuple(scale) for scale in scales]
        self._multiples = multiples

    def regions(self, sides):
        """Cut the first level into parts about as large as asked for.

        Args:
            sides: pair (height, width), the most of a part.

        Returns:
            List of pairs ((top, bottom), (left, right)), row by row.
        """
        axes = (
            [length * i // pieces for i in range(pieces + 1)]
            for length, side in zip(self.sizes[0], sides, strict=True)
            for pieces in [math.ceil(length / side)]
        )
        rows, columns = (list(itertools.pairwise(cuts)) for cuts in axes)
        return list(itertools.product(rows, columns))

    def tile(self, region, margin):
        """The windows that a part of the result is computed from.

        Args:
            region: pair ((top, bottom), (left, right)) of the first level.
            margin: int, pixels of the first level around it, at least.

        Returns:
            Tile.
        """
        axes = [self._axis(axis, *region[axis], margin) for axis in (0, 1)]
        windows, inside, core = zip(*axes, strict=True)
        return Tile(tuple(zip(*windows, strict=True)), inside, core, region)

    def tiles(self, margin, side=None):
        """Cut the result.

        Args:
            margin: int, pixels of the first level around a tile.
            side: int, a tile's on the first level; None to choose.

        Yields:
            Tile.
        """
        side = side or chosen_side(self.scales[-1], margin)
        for region in self.regions((side, side)):
            yield self.tile(region, margin)

    def _axis(self, axis, start, stop, margin):
        """Slices (windows on the levels, inside, core) along one axis."""
        length = self.sizes[0][axis]
        low, high = max(start - margin, 0), min(stop + margin, length)
        multiple = self._multiples[axis]
        wanted = -(-(high - low) // multiple) * multiple
        if wanted <= length:
            low = min(low, length - wanted)
            high = low + wanted
        windows = self._enlarged(axis, low, high)
        inside, whole = self._enlarged(axis, start, stop)[-1], windows[-1]
        core = slice(inside.start - whole.start, inside.stop - whole.start)
        return windows, inside, core

    def _enlarged(self, axis, start, stop):
        """On each level, the pixels that belong to the first's own."""
        last = stop == self.sizes[0][axis]
        slices = []
        for sizes, scales in zip(self.sizes, self.scales, strict=True):
            full, scale = sizes[axis], scales[axis]
            end = full if last else min(math.ceil(stop * scale), full)
            slices.append(slice(min(math.ceil(start * scale), full), end))
        return slices


class Levels(Grid):
    """All the maps between the levels.

    Args:
        shape: pair (height, width) of the image.
        scale: pair (y, x) of factors, from the first level to the last.
        size: pair (height, width) of the result.
        passes: int, how many times the image is enlarged by the same factor.
        kernel: ndarray, the blur kernel of the way down; bicubic if None.
        up: str, the interpolation of the way up.

    Attributes:
        steps: list of Plane, from each level to the next.
        totals: list of Plane, from the first level to each of the others.

    Raises:
        ValueError: a blur kernel with several passes: it would be that of a
            smaller factor.
    """

    def __init__(self, shape, scale, size, passes=1, kernel=None, up="bicubic"):
        if kernel is not None and passes > 1:
            raise ValueError(
                f"a blur kernel belongs to one pass, not to {passes}: "
                "add --passes 1"
            )
        scales = [
            tuple(s ** (i / passes) for s in scale) for i in range(passes + 1)
        ]
        between = [resize.output_size(shape, s) for s in scales[1:-1]]
        super().__init__([shape[:2], *between, size], scales)
        self.totals = [
            Plane.between(self.sizes[0], size, scale, kernel, up)
            for size, scale in zip(self.sizes[1:], self.scales[1:], strict=True)
        ]
        self.steps = self.totals[:1] + [
            Plane.between(*sizes, self.scales[1], None, up)
            for sizes in itertools.pairwise(self.sizes[1:])
        ]

    def part(self, tile):
        """The steps and totals of one tile.

        Args:
            tile: Tile.

        Returns:
            List of (step, total), each a Plane.
        """
        first, *others = tile.windows
        return [
            (step.part(before, after), total.part(first, after))
            for step, total, (before, after) in zip(
                self.steps,
                self.totals,
                itertools.pairwise((first, *others)),
                strict=True,
            )
        ]


def back_project(sr, lr, plane, rounds, clipped=False):
    """Add what the result, seen from further away, lacks of the input.

    Args:
        sr: float32 ndarray (h, w, C).
        lr: float32 ndarray (H, W, C).
        plane: Plane, the maps between the two; None where there is no round.
        rounds: int.
        clipped: bool, whether it stays in [0, 1] all the time.

    Returns:
        float32 ndarray (h, w, C).
    """
    sr = np.clip(sr, 0, 1) if clipped else sr
    for _ in range(rounds):
        sr = sr + plane.up(lr - plane.down(sr))
        sr = np.clip(sr, 0, 1) if clipped else sr
    return sr


def in_parts(region, compute):
    """Compute a region, or its halves where it does not fit into memory.

    Args:
        region: pair of pairs (start, stop), rows and columns.
        compute: function of a region.

    Yields:
        What `compute` returned, of the region or of its parts in turn.

    Raises:
        ValueError: not even a small part fits.
    """
    try:
        found = compute(region)
    except memory.errors() as e:
        sides = [b - a for a, b in region]
        if max(sides) < 2 * LEAST_SIDE:
            raise ValueError(
                f"not even a tile of {sides[1]}x{sides[0]} pixels fits into "
                "memory: close other programs"
            ) from e
    else:
        yield found
        return
    axis = int(sides[1] >= sides[0])
    a, b = region[axis]
    for half in ((a, (a + b) // 2), ((a + b) // 2, b)):
        part = list(region)
        part[axis] = half
        yield from in_parts(tuple(part), compute)


def margin_of(reach, scale, passes, back_projection, kernel=None):
    """How far a result depends on the image beyond its own place.

    Args:
        reach: int, the network's, in pixels it is applied to.
        scale: pair (y, x) of factors.
        passes: int.
        back_projection: int, rounds of it, on the views and on the result.
        kernel: ndarray, the blur kernel; bicubic if None.

    Returns:
        int, pixels of the first level.
    """
    least = min(scale) ** (1 / passes)
    margin = 0
    for i in range(passes):
        # Interpolation, network and the views' back-projection look at the
        # level before; the last back-projection at the first level.
        own = 3 + math.ceil(reach / least)
        own += back_projection * around(
            max(scale) ** (1 / passes), least, kernel
        )
        margin += math.ceil(own / least**i)
        to_first = [s ** ((i + 1) / passes) for s in scale]
        margin += back_projection * around(max(to_first), min(to_first), kernel)
    return margin


def around(largest, least, kernel=None):
    """How far one round of back-projection reaches.

    Args:
        largest: number, the larger of the factors.
        least: number, the smaller.
        kernel: ndarray, the blur kernel; bicubic if None.

    Returns:
        int, pixels of the first level.
    """
    half = 2 * largest if kernel is None else max(kernel.shape)
    return math.ceil(half / least) + 3


def chosen_side(scale, margin):
    """A tile's side on the first level, of TILE_PIXELS with its margins.

    Args:
        scale: pair (y, x) of factors.
        margin: int.

    Returns:
        int.
    """
    side = math.sqrt(TILE_PIXELS / math.prod(scale)) - 2 * margin
    return max(int(side), 64)


def _float32(pairs):
    return [tuple(m.astype("float32").tocsr() for m in pair) for pair in pairs]
