"""A refiner on an interpolated image: views, tiles and back-projection."""

import dataclasses
import math

import numpy as np

from sr_keras.imaging import dihedral
from sr_keras.imaging.arrays import check_number
from sr_keras.inference import tiles
from sr_keras.inference.color_correction import keep_colours
from sr_keras.inference.lock import ALONE
from sr_keras.support.keras_settings import check_backend

FUSIONS = ("median", "mean", "none")


@dataclasses.dataclass(frozen=True)
class Finish:
    """What is done with a refiner to get its best picture.

    Attributes:
        fusion: how the turned views are joined: "median" (the paper's),
            "mean", or "none" for one pass.
        back_projection: int, rounds of it on each view and on the fused
            image (Irani and Peleg 1991; Shocher et al. 2018, section 3.2).
        kernel: ndarray, the blur kernel of the LR image; bicubic if None.
        tile: int, the side of a tile in LR pixels; None to choose.
        keep_colours: bool, whether colours that the LR image does not have
            nearby are kept out (`color_correction.keep_colours`), for RGB and
            RGBA.
        color_guard: bool, whether the low frequencies are those of the LR
            image (`color_correction.guarded`).
        memory: int, bytes that may be used; a part of what there is if None.
        clip_views: bool, whether a view is clipped to [0, 1] before the first
            round of back-projection and after each, as ZSSR's authors do.
    """

    fusion: str = "median"
    back_projection: int = 2
    kernel: np.ndarray | None = None
    tile: int | None = None
    keep_colours: bool = False
    color_guard: bool = False
    memory: int | None = None
    clip_views: bool = False

    def __post_init__(self):
        if self.fusion not in FUSIONS:
            raise ValueError(
                f"no fusion {self.fusion!r}: use one of {', '.join(FUSIONS)}"
            )
        check_number(self.back_projection, "back-projection", 0)
        for name, least in (("tile", 16), ("memory", 1)):
            if getattr(self, name) is not None:
                check_number(getattr(self, name), name, least)


def refine(
    network,
    image,
    scale,
    size,
    finish,
    outputs=("fused",),
    report=None,
    passes=None,
):
    """Interpolate an image and sharpen it with a refiner, tile by tile.

    A tile has a margin as wide as anything reaches, which is thrown away.

    Args:
        network: a refiner (N, H, W, C) -> (N, H, W, C).
        image: ndarray (H, W, C), float32 in [0, 1].
        scale: pair (y, x) of factors.
        size: pair (height, width) of the result.
        finish: Finish.
        outputs: names of what is wanted: "fused", "single", "mean", "median"
            and "interpolated".
        report: function (done, total) called after each view of each tile.
        passes: int, how many times the network enlarges by the same factor
            to get there; its own number when None.

    Returns:
        dict of name -> float32 ndarray (height, width, C), not clipped.
    """
    passes = passes or network.passes
    levels = tiles.Levels(
        image.shape, scale, size, passes, finish.kernel, network.interpolation
    )
    margin = _margin(network, scale, passes, finish)
    cut = list(levels.tiles(margin, finish.tile))
    wanted = _wanted(finish, outputs)
    turns = _turns(scale, finish, wanted)
    step = _counter(len(cut) * len(turns) * len(levels.steps), report)
    shape = (*size, image.shape[-1])
    results = {name: np.empty(shape, "float32") for name in outputs}
    coloured = finish.keep_colours and image.shape[-1] in (3, 4)
    forward = forward_of(network)

    def compute(region):
        tile = levels.tile(region, margin)
        lr = np.ascontiguousarray(image[tile.windows[0]])
        maps = levels.part(tile)
        solved = _solve(forward, maps, lr, turns, finish, wanted, step)
        if coloured:
            _keep_colours(solved, lr, tile, scale)
        return tile, solved

    for whole in cut:
        for tile, solved in tiles.in_parts(whole.region, compute):
            for name in outputs:
                inner = solved[_fused(finish) if name == "fused" else name]
                results[name][tile.inside] = inner[tile.core]
    return results


def refined_pixels(network, shape, scale, finish):
    """How many pixels the network computes for one view, margins included.

    Args:
        network: a refiner.
        shape: (H, W, ...) of the image.
        scale: pair (y, x) of factors.
        finish: Finish.

    Returns:
        float.
    """
    passes = network.passes
    margin = _margin(network, scale, passes, finish)
    side = finish.tile or tiles.chosen_side(scale, margin)
    whole = math.prod(
        n + 2 * margin * (math.ceil(n / side) - 1) for n in shape[:2]
    )
    area = math.prod(scale)
    return whole * sum(area ** ((i + 1) / passes) for i in range(passes))


def forward_of(network):
    """The network as a compiled function of one image.

    Args:
        network: `Network`.

    Returns:
        A function of a float32 ndarray (H, W, C) that returns one.
    """
    check_backend()
    import tensorflow as tf

    if not hasattr(network, "_forward"):
        # XLA makes these convolutions twice as slow on a CPU.
        network._forward = tf.function(
            lambda x: network(x, training=False),
            reduce_retracing=True,
            autograph=False,
            jit_compile=False,
        )

    def forward(x):
        with ALONE:
            return network._forward(np.ascontiguousarray(x)[None])[0].numpy()

    return forward


def _solve(forward, maps, lr, turns, finish, wanted, step):
    """All the wanted results of one window.

    Between two passes the picture is clipped: what follows takes it for a
    photo.
    """
    interpolated = maps[-1][1].up(lr) if "interpolated" in wanted else None
    if wanted == {"interpolated"}:
        return {"interpolated": interpolated}
    image = lr
    for plane, total in maps[:-1]:
        views = _views(forward, plane, image, turns, finish, step)
        image = np.clip(_joined(_fused(finish), views, lr, total, finish), 0, 1)
    plane, total = maps[-1]
    views = _views(forward, plane, image, turns, finish, step)
    names = wanted - {"interpolated"}
    solved = {n: _joined(n, views, lr, total, finish) for n in names}
    return {**solved, "interpolated": interpolated}


def _turns(scale, finish, wanted):
    """The views that the wanted results take."""
    turns = dihedral.symmetries(scale, finish.kernel)
    return turns[:1] if wanted <= {"single", "interpolated"} else turns


def _keep_colours(solved, lr, tile, scale):
    """Keep the colours of all that the network has made of a window."""
    ends = tile.windows[0], tile.windows[-1]
    for name in solved.keys() - {"interpolated"}:
        solved[name] = keep_colours(solved[name], lr, ends, scale)


def _views(forward, plane, image, turns, finish, step):
    """One pass over the image in each of its turns."""
    interpolated = plane.up(image)
    views = []
    for turn in turns:
        refined = forward(dihedral.turned(interpolated, turn))
        refined = dihedral.restored(refined, turn)
        views.append(_projected(refined, image, plane, finish))
        step()
    return views


def _joined(name, views, lr, total, finish):
    """The views as one picture, true to the image that it all began with."""
    if name == "single":
        return views[0]
    join = {"mean": np.mean, "median": np.median}[name]
    return _projected(join(views, axis=0), lr, total, finish)


def _projected(sr, lr, plane, finish):
    rounds = finish.back_projection
    return tiles.back_project(sr, lr, plane, rounds, finish.clip_views)


def _fused(finish):
    return "single" if finish.fusion == "none" else finish.fusion


def _wanted(finish, outputs):
    return {_fused(finish) if o == "fused" else o for o in outputs}


def _counter(total, report):
    done = 0

    def step():
        nonlocal done
        done = min(done + 1, total)  # tiles that did not fit are cut
        if report:
            report(done, total)

    return step


def _margin(network, scale, passes, finish):
    return tiles.margin_of(
        network.reach, scale, passes, finish.back_projection, finish.kernel
    )
