"""A photo and what is asked of it, checked before anything slow begins."""

import math
import time
from dataclasses import replace

import numpy as np

from sr_keras.evaluation import metrics
from sr_keras.imaging import images, resize
from sr_keras.imaging.codecs import metadata
from sr_keras.models import protocols


class Photo:
    """A photo, and the files and numbers that go with it.

    Args:
        path: Path of the photo.
        job: dict, the top level of config.json.
        started: time.monotonic() from which a time budget counts; now when
            None.

    Attributes:
        file: images.Image, as it was read.
        image: ndarray (H, W, C), float32 in [0, 1], the part to enlarge,
            colour multiplied by alpha and alpha its last channel.
        scale: pair (y, x) of factors.
        size: pair (height, width) of the result.
        kernel: ndarray or None.
        references: dict of "ground_truth" and "baseline" where given, each
            an ndarray (height, width, C), a few pixels smaller at most.
        name: str, what the run is called.

    Raises:
        ValueError, OSError: the photo or a file beside it cannot be used.
    """

    def __init__(self, path, job, started=None):
        self.started = time.monotonic() if started is None else started
        self.path = path
        self.job = {**job, "image": str(path)}
        self.file = images.read(path, job["max_pixels"])
        whole = images.to_working(self.file)
        part = region(job["crop"], whole.shape)
        self.image = whole[part]
        extra = metadata.cut(self.file.extra, part)
        self.file = replace(self.file, extra=extra)
        self.scale, self.size = target(job, self.image.shape)
        self.label = label(self.scale)
        self.name = f"{path.stem}_{job['model']}_{self.label}"
        self.kernel = None
        if job["kernel"]:
            self.kernel = resize.load_kernel(job["kernel"])
        self.references = {
            name: self._reference(name, whole.shape, part)
            for name in ("ground_truth", "baseline")
            if job[name]
        }
        if "ground_truth" in self.references:
            self._check_scorable()

    def _reference(self, name, whole, region):
        """A file to compare with, cut to the region, never to be resized."""
        path = self.job[name]
        pixels = images.read(path, self.job["max_pixels"]).on_white()
        full = resize.output_size(whole, self.scale)
        if self.job["crop"] and _close(pixels.shape, full, self.scale):
            pixels = pixels[
                tuple(
                    slice(round(part.start * s), round(part.start * s) + n)
                    for part, s, n in zip(
                        region, self.scale, self.size, strict=True
                    )
                )
            ]
        if not _close(pixels.shape, self.size, self.scale):
            flag = name.replace("_", "-")
            raise ValueError(
                f"--{flag} {path} is {pixels.shape[1]}x{pixels.shape[0]}, the "
                f"result will be {self.size[1]}x{self.size[0]}: give an image "
                "of that size"
            )
        height, width = self.size
        return pixels[:height, :width]

    def _check_scorable(self):
        """Find out before the training that there can be scores."""
        arrays = {"the photo": self.file.pixels}
        arrays.update((self.job[n], p) for n, p in self.references.items())
        for name, pixels in arrays.items():
            if pixels.shape[-1] not in (1, 3):
                raise ValueError(
                    f"{name} has {pixels.shape[-1]} channels: only grey and "
                    "RGB are scored, leave out --ground-truth"
                )
        smallest = np.min([p.shape for p in self.references.values()], 0)
        try:
            inside = metrics.planes(
                np.zeros((*smallest[:2], 1)), protocols.DEFAULT, self.scale
            )
            metrics.check_window(inside.shape)
        except ValueError as e:
            raise ValueError(
                f"too small to be scored, leave out --ground-truth: {e}"
            ) from None


def region(text, shape):
    """The part of an image that --crop asks for.

    Args:
        text: str "x,y,w,h"; None for all of it.
        shape: (H, W, ...).

    Returns:
        Pair of slices.

    Raises:
        ValueError: it is no such text, or not within the image.
    """
    height, width = shape[:2]
    if not text:
        return slice(0, height), slice(0, width)
    try:
        x, y, w, h = (int(part) for part in str(text).split(","))
    except ValueError:
        raise ValueError(
            f"--crop takes X,Y,W,H in whole pixels, not {text!r}"
        ) from None
    if min(x, y) < 0 or min(w, h) < 1 or x + w > width or y + h > height:
        raise ValueError(
            f"--crop {text} does not lie within the photo's {width}x{height}"
        )
    return slice(y, y + h), slice(x, x + w)


def target(job, shape):
    """What --scale, --width and --height ask for.

    Args:
        job: dict with these; one, or both of the last two, is not None.
        shape: (H, W, ...) of the image.

    Returns:
        The pair of factors and the size of the result.

    Raises:
        ValueError: what is asked for is not an enlargement.
    """
    if job["scale"] is not None:
        scale = resize.parse_scale(job["scale"])
        if max(scale) <= 1:
            raise ValueError(
                f"--scale {job['scale']} leaves nothing to do: give more than 1"
            )
        return scale, resize.output_size(shape, scale)
    factors = [
        _factor_to(flag, job[flag], own)
        for flag, own in zip(("height", "width"), shape, strict=False)
        if job[flag] is not None
    ]
    if max(factors) <= 1:
        raise ValueError(
            f"{_asked(job)} leaves nothing to do: the photo has "
            f"{shape[1]}x{shape[0]}"
        )
    if len(factors) == 2:
        return tuple(factors), (job["height"], job["width"])
    factor = factors[0]
    return (factor, factor), tuple(
        max(math.floor(n * factor + 0.5), 1) for n in shape[:2]
    )


def _factor_to(flag, wanted, own):
    if not own <= wanted <= own * resize.MAX_FACTOR:
        raise ValueError(
            f"--{flag} {wanted} must not be less than the photo's {own}, and "
            f"at most {resize.MAX_FACTOR} times that"
        )
    return wanted / own


def _asked(job):
    flags = ("width", "height")
    return " ".join(f"--{f} {job[f]}" for f in flags if job[f] is not None)


def label(scale):
    """What a factor is called in file names.

    Args:
        scale: pair (y, x).

    Returns:
        str: x2, x2.37, x1.5x2.
    """
    y, x = (f"{s:.4g}" for s in scale)
    return f"x{x}" if x == y else f"x{x}x{y}"


def _close(shape, size, scale):
    """Whether two sizes differ only as cropping to a multiple makes them."""
    pairs = zip(shape, size, scale, strict=False)
    return all(abs(n - m) < max(s, 1) for n, m, s in pairs)
