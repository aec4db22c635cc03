"""The linear maps between an image and its enlargement, whole or in tiles.

An image is enlarged in one pass or several; the sizes it goes through are
its levels, the first its own. A tile has a window on each level.
"""

import dataclasses
import itertools
import math

from sr_keras import resize

# Pixels of a tile's result, its margins included: 64 feature maps of it take
# 0.3 GB, and smaller tiles would compute more margin than inside.
TILE_PIXELS = 1_200_000


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
    def between(cls, small, large, scale, kernel):
        """The maps between two sizes.

        Args:
            small: pair (height, width).
            large: pair (height, width).
            scale: pair (y, x), from small to large.
            kernel: ndarray, the blur kernel of the way down; bicubic if None.

        Returns:
            Plane.
        """
        back = tuple(1 / s for s in scale)
        kernel = "cubic" if kernel is None else kernel
        return cls(
            _float32(resize.matrices(small, scale, large, "cubic")),
            _float32(resize.matrices(large, back, small, kernel)),
        )

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
    """

    windows: tuple
    inside: tuple
    core: tuple


class Levels:
    """All the maps between the levels.

    Args:
        shape: pair (height, width) of the image.
        scale: pair (y, x) of factors, from the first level to the last.
        size: pair (height, width) of the result.
        passes: int, how many times the image is enlarged by the same factor.
        kernel: ndarray, the blur kernel of the way down; bicubic if None.

    Attributes:
        steps: list of Plane, from each level to the next.
        totals: list of Plane, from the first level to each of the others.

    Raises:
        ValueError: a blur kernel with several passes: it would be that of a
            smaller factor.
    """

    def __init__(self, shape, scale, size, passes=1, kernel=None):
        if kernel is not None and passes > 1:
            raise ValueError(
                f"a blur kernel belongs to one pass, not to {passes}: "
                "add --passes 1"
            )
        self.scales = [
            tuple(s ** (i / passes) for s in scale) for i in range(passes + 1)
        ]
        self.sizes = [
            tuple(shape[:2]),
            *(resize.output_size(shape, s) for s in self.scales[1:-1]),
            tuple(size),
        ]
        self.totals = [
            Plane.between(self.sizes[0], size, scale, kernel)
            for size, scale in zip(self.sizes[1:], self.scales[1:], strict=True)
        ]
        self.steps = self.totals[:1] + [
            Plane.between(*sizes, self.scales[1], None)
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

    def tiles(self, margin, side=None):
        """Cut the result.

        Args:
            margin: int, pixels of the first level around a tile.
            side: int, a tile's on the first level; None to choose.

        Yields:
            Tile.
        """
        side = side or chosen_side(self.scales[-1], margin)
        rows, columns = (list(self._cut(axis, side, margin)) for axis in (0, 1))
        for row, column in itertools.product(rows, columns):
            windows, inside, core = zip(row, column, strict=True)
            yield Tile(tuple(zip(*windows, strict=True)), inside, core)

    def _cut(self, axis, side, margin):
        """Slices (windows on the levels, inside, core) along one axis."""
        length = self.sizes[0][axis]
        pieces = math.ceil(length / side)
        cuts = [length * i // pieces for i in range(pieces + 1)]
        for start, stop in itertools.pairwise(cuts):
            low, high = max(start - margin, 0), min(stop + margin, length)
            windows = self._enlarged(axis, low, high)
            inside, whole = self._enlarged(axis, start, stop)[-1], windows[-1]
            core = slice(inside.start - whole.start, inside.stop - whole.start)
            yield windows, inside, core

    def _enlarged(self, axis, start, stop):
        """On each level, the pixels that belong to the first's own."""
        last = stop == self.sizes[0][axis]
        slices = []
        for sizes, scales in zip(self.sizes, self.scales, strict=True):
            full, scale = sizes[axis], scales[axis]
            end = full if last else min(math.ceil(stop * scale), full)
            slices.append(slice(min(math.ceil(start * scale), full), end))
        return slices


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
        own += back_projection * _around(
            max(scale) ** (1 / passes), least, kernel
        )
        margin += math.ceil(own / least**i)
        to_first = [s ** ((i + 1) / passes) for s in scale]
        margin += back_projection * _around(
            max(to_first), min(to_first), kernel
        )
    return margin


def _around(largest, least, kernel):
    """Pixels that one round of back-projection reaches."""
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
