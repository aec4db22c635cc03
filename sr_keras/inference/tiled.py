"""A network that enlarges by its own factor, on images of any size.

An image is cut into tiles, each computed with a margin as wide as anything
reaches, and the result comes band by band, from the top: neither the features
nor the result of a large image have to be in memory at once.
"""

import collections
import concurrent.futures
import math
import os

import numpy as np

from sr_keras.imaging import dihedral
from sr_keras.inference import color_correction, tiles, uncertainty
from sr_keras.support import memory

# Bytes that a tile may take: as many as make nothing faster any more, and more
# where its margins would be a large part of it.
_ENOUGH_BYTES = 60_000_000
TILE_BYTES = 500_000_000

# A tile's side over its margin from which the margins matter little.
_MARGINS = 30

# A tile is this large at least; rows that are whole may be fewer.
_LEAST_SIDE, _LEAST_ROWS = 64, 8

# A tile's side where the last bits depend on it: always this, whatever the
# memory and --tile, for the bytes of the result to be the same.
_FIXED_SIDE = 128

# Tiles at work at once: while the network has one (`alone`), the other is read,
# rounded and given its colours.
_AT_ONCE = min(2, os.cpu_count() or 1)


class Pixels:
    """An image in memory, as `Enlarger` reads it.

    Args:
        array: float32 ndarray (H, W, C), in [0, 1].
    """

    def __init__(self, array):
        self.shape = array.shape
        self._array = array

    def part(self, window):
        """The pixels of a pair of slices, float32 (h, w, C)."""
        return np.ascontiguousarray(self._array[window])


class Enlarger:
    """One image on its way through a network.

    Args:
        runner: compiled.Runner, or what has its attributes.
        source: `Pixels`, or what has its `shape` and `part`.
        scale: pair (y, x) of factors, at most the network's.
        size: pair (height, width) of the result.
        finish: refine.Finish.
        with_trust: bool, whether a map of trust is wanted too.
        report: function (share of the image) called after each tile.

    Attributes:
        guarded: color_correction.Measured, what the colour guard has seen.
    """

    def __init__(
        self, runner, source, scale, size, finish, with_trust=False, report=None
    ):
        self.source, self.size, self.scale = source, tuple(size), scale
        self.finish, self.with_trust = finish, with_trust
        self.runner = runner
        self._report = report or (lambda share: None)
        self.guarded = color_correction.Measured()
        own, shape = runner.own, tuple(source.shape[:2])
        full = tuple(n * own for n in shape) if own else self.size
        between = [] if full == self.size else [(full, (own, own))]
        sizes, scales = zip(
            (shape, (1, 1)), *between, (self.size, scale), strict=True
        )
        self._turns = self._chosen_turns()
        high = tiles.ALIGNED if len(self._turns) > 1 else 1  # when turned
        self._grid = tiles.Grid(sizes, scales, (high, tiles.ALIGNED))
        self._fit = between and tiles.Plane.resizing(
            full, tuple(s / own for s in scale), self.size
        )
        self._plane = self._needs_plane() and tiles.Plane.between(
            shape, self.size, scale, None
        )

    @property
    def is_plain(self):
        """Whether a tile of the result is what the network makes of it."""
        return not (self._fit or self._plane) and len(self._turns) == 1

    def bands(self, bits=32):
        """Compute.

        Args:
            bits: int, 8 or 16 to get what `quantize.quantize` makes of the
                result; 32 for float32, clipped to [0, 1].

        Yields:
            Dicts of "sr", ndarray (rows, width, C), and with trust "trust",
            float32 (rows, width, 1): the result from the top down.
        """
        shape = self.source.shape[:2]
        if self.runner.reach is None:
            yield from self._bands_of_whole(bits)
            return
        regions, done = self._grid.regions(self._sides()), 0
        for region, parts in self._in_order(regions, bits):
            if region[1][0] == 0:
                row = region[0], (0, shape[1])
                band = _Band(self._grid.tile(row, 0))
            for part in parts:
                band.put(*part)
            done += math.prod(b - a for a, b in region)
            self._report(done / math.prod(shape))
            if region[1][1] == shape[1]:
                yield band.whole()

    def _in_order(self, regions, bits):
        """Yield regions with their pairs of Tile and what was found."""
        waiting = collections.deque()
        pool = concurrent.futures.ThreadPoolExecutor(_AT_ONCE)
        try:
            for region in regions:
                waiting.append((region, pool.submit(self._all, region, bits)))
                if len(waiting) > _AT_ONCE:
                    first, future = waiting.popleft()
                    yield first, future.result()
            for first, future in waiting:
                yield first, future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _all(self, region, bits):
        return list(self._solved(region, bits))

    def array(self):
        """The whole result at once: float32 (height, width, C)."""
        parts = [band["sr"] for band in self.bands()]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def seconds(self, speed):
        """How long it takes, for `speed` network pixels a second."""
        sides = self._sides()
        margin = self._margin()
        more = math.prod(
            min(side + 2 * margin, n) / min(side, n)
            for side, n in zip(sides, self.source.shape, strict=False)
        )
        views = len(self._turns)
        return views * more * math.prod(self.source.shape[:2]) / speed

    def tile_bytes(self):
        """Memory for the tiles that are computed at once, at most."""
        margin = self._margin()
        area = math.prod(
            min(side + 2 * margin, n)
            for side, n in zip(self._sides(), self.source.shape, strict=False)
        )
        return area * self._bytes_per_pixel()

    def band_bytes(self):
        """Memory for one of the bands, in the integers of 8 bits."""
        rows = min(self._sides()[0], self.source.shape[0]) * self.scale[0]
        return rows * self.size[1] * self.source.shape[-1]

    def _needs_plane(self):
        finish = self.finish
        return finish.back_projection or finish.color_guard or self.with_trust

    def _chosen_turns(self):
        if self.finish.fusion == "none" and not self.with_trust:
            return (dihedral.IDENTITY,)
        return dihedral.symmetries(self.scale, None)

    def _margin(self):
        margin = max(self.runner.reach or 0, 0)
        around = tiles.around(max(self.scale), min(self.scale), None)
        rounds = self.finish.back_projection * (
            1 + (self.finish.fusion != "none")
        )
        if self._fit:
            margin += 4
        margin += rounds * around
        if self.finish.color_guard:
            margin += around + color_correction.GUARD_REACH
        if self.with_trust:
            margin += around + uncertainty.REACH
        return margin

    def _sides(self):
        """The most of a tile's sides, in LR pixels."""
        if self.runner.fixed:
            return _FIXED_SIDE, _FIXED_SIDE
        side = getattr(self.runner, "side", None) or self.finish.tile
        if side:
            return side, side
        margin = self._margin()
        limit = self.finish.memory or memory.available() / 4
        most = min(limit, TILE_BYTES) / self._bytes_per_pixel()
        area = _ENOUGH_BYTES / self._bytes_per_pixel()
        area = min(max(area, (_MARGINS * margin) ** 2), most)
        return self._best_sides(area, margin)

    def _best_sides(self, area, margin):
        """The sides of which most is left without the margins."""
        height, width = self.source.shape[:2]
        best, share = (_LEAST_SIDE, _LEAST_SIDE), 0
        for columns in range(1, -(-width // _LEAST_SIDE) + 1):
            side = -(-width // columns)
            window = min(side + 2 * margin, width)
            # The whole of it has no margins.
            rows = int(area / window)
            is_whole = rows >= height
            rows = height if is_whole else rows - 2 * margin
            is_slow = window % tiles.ALIGNED and columns == 1 and not is_whole
            if rows < _LEAST_ROWS or is_slow:
                continue
            found = rows * side / window / min(rows + 2 * margin, height)
            if found > share:
                best, share = (rows, side), found
        return best

    def _bytes_per_pixel(self):
        """Of a tile and of those that wait: one has the network at a time."""
        pixels = math.prod(self.scale) * self.source.shape[-1]
        arrays = 2 if self.is_plain else 10 + len(self._turns)
        return self.runner.bytes_per_pixel + _AT_ONCE * 4 * arrays * pixels

    def _solved(self, region, bits):
        """Yield pairs of Tile and what was found, of a region or its parts."""
        return tiles.in_parts(region, lambda part: self._solve(part, bits))

    def _solve(self, region, bits):
        tile = self._grid.tile(region, self._margin())
        lr = self.source.part(tile.windows[0])
        if self.is_plain:
            sr = self.runner.picture(lr, bits)[tile.core]
            return tile, {"sr": sr}
        views = [self._view(lr, turn) for turn in self._turns]
        return tile, self._finished(tile, lr, views, bits)

    def _view(self, lr, turn):
        turned = np.ascontiguousarray(dihedral.turned(lr, turn))
        return dihedral.restored(self.runner.picture(turned, None), turn)

    def _finished(self, tile, lr, views, bits):
        """What is made of the views of a window."""
        plane = None
        if self._fit:
            fit = self._fit.part(tile.windows[1], tile.windows[2])
            views = [fit.up(view) for view in views]
        if self._plane:
            plane = self._plane.part(tile.windows[0], tile.windows[-1])
        sr = self._joined(views, lr, plane)
        if self.finish.color_guard:
            sr = self._guard(tile, sr, lr, plane)
        found = {"sr": self.runner.rounded(sr[tile.core], bits)}
        if self.with_trust:
            doubt = uncertainty.doubt(views, sr, lr, plane)
            found["trust"] = doubt[tile.core]
        return found

    def _joined(self, views, lr, plane):
        rounds = self.finish.back_projection
        if self.finish.fusion == "none":
            return tiles.back_project(views[0], lr, plane, rounds)
        join = {"mean": np.mean, "median": np.median}[self.finish.fusion]
        views = [tiles.back_project(view, lr, plane, rounds) for view in views]
        return tiles.back_project(join(views, axis=0), lr, plane, rounds)

    def _guard(self, tile, sr, lr, plane):
        ends = tile.windows[0], tile.windows[-1]
        colours = min(sr.shape[-1], 3) if sr.shape[-1] != 2 else 1
        result = sr.copy()
        result[..., :colours] = color_correction.guarded(
            sr[..., :colours], lr[..., :colours], ends, self.scale, plane
        )
        core = tuple(
            slice(a - window.start, b - window.start)
            for (a, b), window in zip(tile.region, ends[0], strict=True)
        )
        self.guarded.add(
            *(plane.down(x)[core][..., :colours] for x in (sr, result)),
            lr[core][..., :colours],
        )
        return result

    def _bands_of_whole(self, bits):
        """For a network that looks at the whole image: all views first."""
        shape = self.source.shape[:2]
        views = [self._whole_view(turn) for turn in self._turns]
        if self.is_plain:
            for start in range(0, len(views[0]), 256):
                part = views[0][start : start + 256]
                yield {"sr": self.runner.rounded(part, bits)}
            return
        side = self.finish.tile or 512
        rows = self._grid.regions((side, shape[1]))
        for region in rows:
            tile = self._grid.tile(region, self._margin())
            lr = self.source.part(tile.windows[0])
            level = tile.windows[1]
            parts = [view[level] for view in views]
            yield self._finished(tile, lr, parts, bits)

    def _whole_view(self, turn):
        height, width = self.source.shape[:2]
        image = self.source.part((slice(0, height), slice(0, width)))
        done = self._turns.index(turn)
        view = self.runner.whole(
            np.ascontiguousarray(dihedral.turned(image, turn)),
            self.finish.tile,
            self.finish.memory or memory.available() / 2,
            lambda share: self._report((done + share) / len(self._turns)),
        )
        return dihedral.restored(view, turn)


class _Band:
    """Rows of the result, put together from tiles; none can be missing.

    Args:
        tile: tiles.Tile that has all of the rows.
    """

    def __init__(self, tile):
        self._rows, columns = tile.inside
        self._size = self._rows.stop - self._rows.start, columns.stop
        self._missing = math.prod(self._size)
        self._arrays = {}

    def put(self, tile, found):
        rows, columns = tile.inside
        top = self._rows.start
        place = slice(rows.start - top, rows.stop - top), columns
        for name, part in found.items():
            if name not in self._arrays:
                shape = (*self._size, part.shape[-1])
                self._arrays[name] = np.empty(shape, part.dtype)
            self._arrays[name][place] = part
        self._missing -= math.prod(found["sr"].shape[:2])

    def whole(self):
        if self._missing:
            raise RuntimeError(f"{self._missing} pixels are missing")
        return self._arrays
