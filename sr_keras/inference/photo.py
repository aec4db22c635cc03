"""One photo of `upscale`: from what was read to the files that are written."""

import contextlib
import dataclasses
import math
import threading
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sr_keras.imaging import images, resize
from sr_keras.imaging.strips import StripWriter, blank
from sr_keras.inference import color_correction, precision, uncertainty, upscale
from sr_keras.inference.load import load
from sr_keras.inference.route import enlargement
from sr_keras.inference.target import label, region, target
from sr_keras.inference.tiled import Enlarger
from sr_keras.models import pretrained as shipped

# Resident once Keras and TensorFlow are loaded and have computed: measured.
_BASE_BYTES = 0.75e9

# Of a photo at once: bands that are made, that wait, or that the encoder has,
# and copies of it as it is stored: decoding takes a second one.
_BANDS, _STORED = 6, 2

# Pixels of PNG a second, whatever the network, beside it: measured.
_WRITTEN = 60e6

# Sides of what is tried out to learn how fast a network is: the larger one
# where the smaller takes less than these seconds.
_TRIED, _TRIED_TOO, _SOON = 96, 288, 0.05

# The part of a photo that a page shows, in pixels of the result.
_SHOWN = (720, 1080)


@dataclasses.dataclass(frozen=True)
class Made:
    """What has come of a photo.

    Attributes:
        path: Path of the result, None for stdout.
        size: pair (height, width).
        guarded: color_correction.Measured, or None without a guard.
        shown: comparing.Shown, or None without a page.
        lost: str, what of the photo's metadata the file cannot carry, if any.
    """

    path: Path | None
    size: tuple[int, int]
    guarded: color_correction.Measured | None
    shown: object | None
    lost: str | None


class Plan(NamedTuple):
    """What is to be expected.

    Attributes:
        text: str, sizes and factor.
        seconds: float.
        gigabytes: float.
    """

    text: str
    seconds: float
    gigabytes: float


class Work:
    """What all photos of a run share: the networks.

    Args:
        args: argparse.Namespace of `upscale`.
        results: inference.results.Results.
    """

    def __init__(self, args, results):
        self.args, self._results = args, results
        self._networks = {}
        self._lock = threading.Lock()
        self._stack = contextlib.ExitStack()
        self._speeds = {}
        if args.model not in shipped.names():
            # A wrong one is told once, not for each photo.
            self._network(None)
        elif args.scale is not None:
            resize.parse_scale(args.scale)

    def plan(self, where, stored, count=1):
        """Say what a photo will take.

        Args:
            where: inference.outputs.Target.
            stored: images.Stored.
            count: int, how many photos there are.

        Returns:
            Plan.
        """
        stored = self._part(stored)
        scale, size = self._target(stored.shape)
        work = self._enlarger(stored, scale, size, None)
        height, width, channels = stored.shape
        pixels = math.prod(size)
        seconds = work.seconds(self._speed(work)) + pixels / _WRITTEN
        held = height * width * channels * (stored.like.bits // 8)
        tile = work.tile_bytes()
        band = work.band_bytes() * stored.like.bits // 8
        whole = 4 * pixels * channels if work.runner.reach is None else 0
        if self._kind(where, stored.like) not in ("png", "tiff"):
            whole += pixels * channels  # put together before it is written
        text = f"{width}x{height} -> {size[1]}x{size[0]} ({label(scale)})"
        # The end of the one before is still being written, and the next read.
        one = _STORED * held + _BANDS * band
        total = _BASE_BYTES + held + min(count, 2) * one + tile + 2.5 * whole
        return Plan(text, seconds, total / 1e9)

    def enlarge(self, where, stored, report, computed):
        """Enlarge a photo and write what is asked for.

        Args:
            where: inference.outputs.Target.
            stored: images.Stored.
            report: function (share that is done).
            computed: function called when all is computed, and the rest of
                the file is being written.

        Returns:
            Made.
        """
        stored = self._part(stored)
        scale, size = self._target(stored.shape)
        work = self._enlarger(stored, scale, size, report)
        kind = self._kind(where, stored.like)
        paths = self._paths(where, scale, kind)
        if paths:
            self._results.check_free(where, paths)
            paths[0].parent.mkdir(parents=True, exist_ok=True)
        with self._results.making(where, paths):
            if self.args.samples:
                self._write_samples(stored, scale, paths)
            shown = self._write(where, work, (scale, kind), stored, computed)
        path = paths[0] if paths else None
        guarded = work.guarded if self.args.color_guard else None
        _, lost = images.metadata_for(kind, stored.like, size)
        return Made(path, size, guarded, shown, lost)

    def _paths(self, where, scale, kind):
        """All files of a photo, its result first; none for stdout."""
        if where.folder is None:
            return []
        paths = [where.path(scale, kind)]
        for i in range(self.args.samples or 0):
            paths.append(where.path(scale, kind, f"_sample{i + 1}"))
        if self.args.trust_map:
            paths.append(where.path(scale, "png", "_trust"))
        return paths

    def _part(self, stored):
        if not self.args.crop:
            return stored
        return stored.cropped(region(self.args.crop, stored.shape))

    def _target(self, shape):
        args = self.args
        job = {n: getattr(args, n) for n in ("scale", "width", "height")}
        if all(value is None for value in job.values()):
            own = 2
            if args.model not in shipped.names():
                own = self._network(None).scale
            job["scale"] = own
        return target(job, shape)

    def _network(self, factor, bits=8):
        """The network for a factor and a photo's bits, loaded once."""
        name, kind = self.args.model, self.args.precision
        if kind == "auto" and bits > 8:
            kind = "float32"  # a level of 8 bits is many of 16
        key = None, kind
        if name in shipped.names():
            key = shipped.card_for(name, factor)["file"], kind
        with self._lock:
            if key not in self._networks:
                network = load(name, factor)
                self._stack.enter_context(
                    precision.computing(network, kind, True)
                )
                self._networks[key] = network
            return self._networks[key]

    def _enlarger(self, stored, scale, size, report) -> Enlarger:
        network = self._network(max(scale), stored.like.bits)
        args = self.args
        finish = upscale.finish_for(
            network,
            args.self_ensemble,
            args.back_projection,
            color_guard=args.color_guard,
            tile=args.tile,
            memory=upscale.memory_for(args.jobs),
        )
        return enlargement(
            network,
            stored,
            scale,
            size,
            finish,
            with_trust=args.trust_map,
            report=report,
        )

    def _kind(self, where, like):
        if where.file:
            return images.format_of(where.file)
        kind = self.args.format or "png"
        if like.pixels.shape[-1] not in (1, 3):
            return "tiff"
        return kind

    def _write(self, where, work, place, stored, computed):
        scale, kind = place
        path, like = where.path(scale, kind), stored.like
        shown = self._page_part(where, stored, scale, work.size)
        with contextlib.ExitStack() as stack:
            writer = stack.enter_context(
                StripWriter(path or _stdout(), kind, like, work.size)
            )
            doubts = None
            if work.with_trust:
                doubts = stack.enter_context(
                    StripWriter(
                        where.path(scale, "png", "_trust"),
                        "png",
                        blank(3, like),
                        work.size,
                    )
                )
            for band in work.bands(writer.codes or 32):
                if writer.codes:
                    writer.put_codes(band["sr"])
                else:
                    writer.put(band["sr"])
                if doubts:
                    doubts.put(uncertainty.shown(band["trust"]))
                if shown:
                    shown.add(band["sr"])
            computed()
        return shown

    def _page_part(self, where, stored, scale, size):
        if self.args.compare is None:
            return None
        from sr_keras.inference.compare_page import Shown

        return Shown(where.name, stored, scale, size, _SHOWN)

    def _write_samples(self, stored, scale, paths):
        network = self._network(max(scale))
        if not hasattr(network, "samples"):
            raise ValueError(
                f"--samples is for networks that draw them, as vae does, not "
                f"for {network.name}"
            )
        if set(scale) != {network.scale}:
            raise ValueError(
                f"--samples are drawn at the network's own factor, "
                f"{network.scale}, not {label(scale)}"
            )
        drawn = upscale.samples(network, stored.image(), self.args.samples)
        for path, image in zip(paths[1:], drawn, strict=False):
            images.write(path, image)

    def _speed(self, work):
        """LR pixels a second that the network takes on this machine."""
        network = work.runner.network
        if id(network) not in self._speeds:
            channels = work.source.shape[-1]
            speed, seconds = _tried(work.runner, _TRIED, channels)
            if seconds < _SOON:
                speed, _ = _tried(work.runner, _TRIED_TOO, channels)
            self._speeds[id(network)] = speed
        return self._speeds[id(network)]


def _tried(runner, side, channels):
    """Pixels a second, and seconds, that a square image takes."""
    sample = np.full((side, side, channels), 0.5, "float32")
    runner.sample(sample)
    start = time.perf_counter()
    runner.sample(sample)
    seconds = time.perf_counter() - start
    return side * side / seconds, seconds


def _stdout():
    import sys

    return sys.stdout.buffer
