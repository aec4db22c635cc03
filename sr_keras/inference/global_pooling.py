"""Networks that look at the whole image, in tiles and still exact.

A2N and DRN weigh their features by means over the whole image. Cut into tiles
they would take the tiles' means. Here such a network is computed in stages,
each up to the next means: a stage goes over the whole image in tiles, keeps
what later stages need, and adds up the means of all tiles.
"""

import collections
import functools
import math
import tempfile

import keras
import numpy as np
from keras import layers

from sr_keras.inference import tiles
from sr_keras.inference.lock import ALONE
from sr_keras.models import graph

# The LR image's pixels are where the tiles of every stage are cut.
_WHOLE = graph.Felt(0, 0, graph.Fraction(1))


class Stages:
    """A network, taken apart at its means over the image.

    Args:
        network: `Network` with layers of GlobalAveragePooling2D.

    Attributes:
        margin: int, the most LR pixels around a tile that a stage needs.
        kept_bytes: int, what is kept for later, in bytes for an LR pixel.

    Raises:
        ValueError: it has a layer whose reach is not known, or means that
            are not of the whole image.
    """

    def __init__(self, network):
        inputs = keras.Input(network.input_shape[1:])
        self._calls, self._result = graph.calls(network, inputs)
        self._inputs = inputs
        self._maker = {
            id(x): call for call in self._calls for x in call.outputs
        }
        self._level, self._felt = {id(inputs): 0}, {id(inputs): _WHOLE}
        for call in self._calls:
            self._place(call)
        self._stages = self._cut()
        self.margin = max(stage.margin for stage in self._stages)
        self.kept_bytes = self._most_kept()

    def run(self, source, shape, side, limit, report=None):
        """Compute an image.

        Args:
            source: function of a pair of slices that returns that part of
                the image, float32 ndarray (h, w, C).
            shape: pair (H, W) of the image.
            side: int, a tile's.
            limit: bytes of memory for what is kept; more goes to a file that
                nobody sees.
            report: function (share that is done), after each tile.

        Yields:
            Tuples (pair of slices of the result, ndarray (h, w, C)), row by
            row; then all of it has been given.
        """
        on_disk = self.kept_bytes * math.prod(shape) > limit
        kept, means = {}, {}
        regions, done = _grid(shape, 1).regions((side, side)), 0
        for stage in self._stages:
            last = stage is self._stages[-1]
            for x in stage.kept:
                kept[id(x)] = self._room(x, shape, on_disk)
            sums = collections.defaultdict(float)
            compute = functools.partial(
                self._tile, stage, source, shape, kept, means
            )
            for region in regions:
                for part, found in tiles.in_parts(region, compute):
                    if last:
                        place = self._places(self._result, shape, part)[0]
                        yield place, found[0][0]
                        continue
                    self._keep(stage, shape, part, found, kept, sums)
                done += 1
                if report:
                    report(done / (len(regions) * len(self._stages)))
            of = stage.targets[len(stage.kept) :] if stage.pooled else ()
            for x, felt in zip(stage.pooled, of, strict=True):
                scale = self._felt[id(felt)].scale
                mean = sums[id(x)] / (math.prod(shape) * float(scale) ** 2)
                means[id(x)] = mean.astype("float32")[None, None, None]
            kept = {k: v for k, v in kept.items() if k in stage.lasting}

    def _keep(self, stage, shape, region, found, kept, sums):
        """Put a tile's features where they belong, and add up its means."""
        count = len(stage.kept)
        for x, values in zip(stage.kept, found[:count], strict=True):
            place = self._places(x, shape, region)[0]
            kept[id(x)][place] = values[0]
        for x, values in zip(stage.pooled, found[count:], strict=True):
            sums[id(x)] += values.sum((0, 1, 2), dtype="float64")

    def _place(self, call):
        """Find a tensor's stage, and how far it looks within that."""
        level = max(self._level[id(x)] for x in call.inputs)
        if isinstance(call.layer, layers.GlobalAveragePooling2D):
            if not call.layer.keepdims:
                raise ValueError(f"{call.layer.name} leaves out the axes")
            level, felt = level + 1, None
        else:
            before = [
                self._felt[id(x)] and self._begun(x, level) for x in call.inputs
            ]
            felt = graph.felt_after(call, before) if any(before) else None
        for x in call.outputs:
            self._level[id(x)], self._felt[id(x)] = level, felt

    def _begun(self, x, level):
        """A tensor's `Felt` in a stage that may begin with it."""
        felt = self._felt[id(x)]
        if self._level[id(x)] == level:
            return felt
        whole = max(math.ceil(felt.scale), 1)
        return graph.Felt(0, whole - 1, felt.scale)

    def _cut(self):
        pooled = collections.defaultdict(list)
        for call in self._calls:
            if isinstance(call.layer, layers.GlobalAveragePooling2D):
                pooled[self._level[id(call.outputs[0])] - 1].append(call)
        last = self._level[id(self._result)]
        kept = collections.defaultdict(dict)
        stages, lasting = [], {}
        for level in range(last, -1, -1):
            wanted = list(kept[level].values())
            of = [call.inputs[0] for call in pooled[level]]
            targets = [self._result] if level == last else [*wanted, *of]
            needed, means = self._sources(targets, level)
            for x in needed:
                kept[self._level[id(x)]][id(x)] = x
            made = [call.outputs[0] for call in pooled[level]]
            stages.append(
                _Stage(
                    self._between([*needed, *means], targets),
                    (needed, means),
                    targets,
                    (wanted, made),
                    set(lasting),
                    self._margin(targets),
                )
            )
            lasting |= {id(x): x for x in needed}
        return stages[::-1]

    def _sources(self, targets, level):
        """The earlier tensors and the means that targets are made of."""
        needed, means, seen = {}, {}, set()
        waiting = list(targets)
        while waiting:
            x = waiting.pop()
            if id(x) in seen:
                continue
            seen.add(id(x))
            call = self._maker.get(id(x))
            if call and isinstance(call.layer, layers.GlobalAveragePooling2D):
                means[id(x)] = x
            elif self._felt[id(x)] and (
                call is None or self._level[id(x)] < level
            ):
                needed[id(x)] = x
            else:
                waiting += call.inputs
        return list(needed.values()), list(means.values())

    def _between(self, known, targets):
        """The calls that make targets from what is known, in order."""
        wanted, seen = [*targets], {id(x) for x in known}
        found = set()
        while wanted:
            x = wanted.pop()
            if id(x) not in seen:
                seen.add(id(x))
                found.add(id(self._maker[id(x)]))
                wanted += self._maker[id(x)].inputs
        return [call for call in self._calls if id(call) in found]

    def _margin(self, targets):
        return max((self._felt[id(x)].reach for x in targets), default=0)

    def _most_kept(self):
        most = 0
        for stage in self._stages:
            held = stage.lasting | {id(x) for x in stage.kept}
            held |= {id(x) for x in stage.needed}
            sizes = (self._bytes(k) for k in held if k != id(self._inputs))
            most = max(most, sum(sizes))
        return most

    def _bytes(self, key):
        maker = self._maker[key]
        tensor = next(x for x in maker.outputs if id(x) == key)
        return int(4 * tensor.shape[-1] * self._felt[key].scale ** 2)

    def _room(self, x, shape, on_disk):
        scale = self._felt[id(x)].scale
        size = [int(n * scale) for n in shape]
        if not on_disk:
            return np.empty((*size, x.shape[-1]), "float32")
        count = math.prod(size) * x.shape[-1]
        file = tempfile.TemporaryFile()  # noqa: SIM115, the array has it
        file.truncate(4 * count)
        return np.memmap(file, "float32", "r+", shape=(*size, x.shape[-1]))

    def _places(self, x, shape, region, margin=0):
        """Pairs of slices of a tensor: a region's, with and without margin."""
        scale = self._felt[id(x)].scale
        tile = _grid(shape, scale).tile(region, margin)
        return tile.inside, tile.windows[-1], tile.core

    def _tile(self, stage, source, shape, kept, means, region):
        """What a stage makes of a region: it and a list of ndarray."""
        feeds = []
        for x in stage.needed:
            window = self._places(x, shape, region, stage.margin)[1]
            part = source(window) if x is self._inputs else kept[id(x)][window]
            feeds.append(np.ascontiguousarray(part)[None])
        feeds += [means[id(x)] for x in stage.means]
        found = stage.compute(feeds)
        cores = []
        for x, values in zip(stage.targets, found, strict=True):
            places = self._places(x, shape, region, stage.margin)
            cores.append(values.numpy()[(slice(None), *places[2])])
        return region, cores


class _Stage:
    """What is computed in one go over the image.

    Args:
        calls: list of graph.Call.
        known: pair of lists of KerasTensor, what it begins with: features
            and means.
        targets: list of KerasTensor, what it computes.
        purpose: pair of lists of KerasTensor: the first targets, which later
            stages need, and the means of the other targets.
        lasting: set of ids, what later stages need.
        margin: int, LR pixels.
    """

    def __init__(self, calls, known, targets, purpose, lasting, margin):
        self._calls = calls
        self.needed, self.means = known
        self.targets = targets
        self.kept, self.pooled = purpose
        self.lasting, self.margin = lasting, margin
        self._compiled = None

    def compute(self, feeds):
        """Compute the targets of a tile: list of tensors."""
        if self._compiled is None:
            import tensorflow as tf

            shapes = [(1, *x.shape[1:]) for x in (*self.needed, *self.means)]
            self._compiled = tf.function(
                self._compute,
                input_signature=[[tf.TensorSpec(s) for s in shapes]],
                autograph=False,
                jit_compile=False,
            )
        with ALONE:
            return self._compiled(feeds)

    def _compute(self, feeds):
        from sr_keras.inference import fused

        known = map(id, [*self.needed, *self.means])
        known = dict(zip(known, feeds, strict=True))
        values = fused.replay(self._calls, known, self.targets)
        return [values[id(x)] for x in self.targets]


def _grid(shape, scale):
    size = tuple(int(n * scale) for n in shape)
    scales = [(1, 1), (float(scale),) * 2]
    return tiles.Grid([shape, size], scales, (1, tiles.ALIGNED))
