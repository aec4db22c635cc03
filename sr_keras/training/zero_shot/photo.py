"""A photo and what is asked of it, checked before anything slow begins."""

import time
from dataclasses import replace

import numpy as np

from sr_keras.evaluation import metrics
from sr_keras.imaging import images, resize
from sr_keras.imaging.codecs import metadata
from sr_keras.inference.target import label, region, target
from sr_keras.models import protocols


class Photo:
    """A photo, and the files and numbers that go with it.

    Args:
        path: Path of the photo.
        job: dict, the top level of config.json.
        started: time.monotonic() from which a time budget counts; now when
            None.
        file: images.Image, the photo; read from the path when None.

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

    def __init__(self, path, job, started=None, file=None):
        self.started = time.monotonic() if started is None else started
        self.path = path
        self.job = {**job, "image": str(path)}
        self.file = file or images.read(path, job["max_pixels"])
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


def _close(shape, size, scale):
    """Whether two sizes differ only as cropping to a multiple makes them."""
    pairs = zip(shape, size, scale, strict=False)
    return all(abs(n - m) < max(s, 1) for n, m, s in pairs)
