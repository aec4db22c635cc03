"""Validation on whole images, as the papers measure."""

import dataclasses

import numpy as np

from sr_keras import pipelines
from sr_keras.evaluation import metrics
from sr_keras.imaging import images
from sr_keras.imaging.resize import imresize
from sr_keras.inference import upscale
from sr_keras.models.protocols import DEFAULT
from sr_keras.pipelines.sources import Source
from sr_keras.support import signals

# The most that an image counts: one without a fault has no end of decibels.
CEILING = 100.0


@dataclasses.dataclass
class Validation:
    """Images that are not trained on.

    Attributes:
        source: pipelines.sources.Source.
        scale: int.
        degradation: str, as for `pipelines.whole`.
        limit: int, the most images that are looked at; None for all.
    """

    source: Source
    scale: int
    degradation: str = "bicubic"
    limit: int | None = 5

    def bicubic(self):
        """What bicubic interpolation reaches.

        Returns:
            float, decibels.

        Raises:
            ValueError: no image can be read, or one cannot be scored.
        """
        return self._mean(self._interpolated)[0]["psnr"]

    def score(self, network, shown=0, measures=None):
        """What a network reaches.

        Args:
            network: Network.
            shown: int, how many images to return beside it.
            measures: dict of name -> function (sr, hr, scale) -> float of
                ndarrays (H, W, C), float32 in [0, 1]; None for none.

        Returns:
            Tuple (dict: "psnr" in decibels and the measures, their means;
            list of tuples of ndarrays (lr, bicubic, sr, hr), float32
            (H, W, 3) in [0, 1]).

        Raises:
            ValueError: no image can be read.
        """
        return self._mean(
            lambda lr: upscale.upscale(lr, network), shown, measures or {}
        )

    def _mean(self, enlarge, shown=0, measures=()):
        values, seen = [], []
        pairs = pipelines.whole(
            self.source,
            self.scale,
            degradation=self.degradation,
            limit=self.limit,
        )
        for lr, hr in pairs.as_numpy_iterator():
            lr, hr = lr[0], hr[0]
            signals.check()
            sr = enlarge(lr)
            psnr = metrics.psnr(sr, hr, DEFAULT, self.scale)
            values.append([min(psnr, CEILING)])
            values[-1] += [measures[n](sr, hr, self.scale) for n in measures]
            if len(seen) < shown:
                seen.append((lr, self._interpolated(lr), sr, hr))
        if not values:
            why = (*self.source.skipped, "there are none")[0]
            raise ValueError(
                f"no image of {self.source.name} can be validated on: {why}"
            )
        means = map(float, np.mean(values, axis=0))
        return dict(zip(["psnr", *measures], means, strict=True)), seen

    def _interpolated(self, lr):
        # In 8 bits, as MATLAB and the papers do.
        codes = imresize(images.quantize(lr, 8), float(self.scale))
        return np.divide(codes, 255, dtype="float32")
