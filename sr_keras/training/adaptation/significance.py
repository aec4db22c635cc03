"""Whether adapting a network to photos has helped, where HR is not known.

By what it was not trained on: photos that were held out, and an estimate of
what they have been through that is made of these photos alone (see
`pipelines.degradation.estimate`, of the photos at two sizes). They are put
through it once more, and the networks have to get them back, before the
adaptation and after.

That the SR image, shrunk, gives the photo again is no such measure: noise that
is enlarged comes back as well.
"""

import dataclasses
import math

import numpy as np

from sr_keras.evaluation import metrics
from sr_keras.inference import upscale
from sr_keras.models.protocols import DEFAULT
from sr_keras.pipelines.degradation.chain import parse
from sr_keras.pipelines.degradation.estimate import estimate
from sr_keras.training.validation import CEILING

# Decibels that are worth while, and standard errors beyond chance.
_LEAST = 0.1
_SURE = 2.0

# The fewest LR pixels a side of a photo that is shrunk again.
_SIDE = 24


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the held-out photos say. PSNR in decibels, a value for each photo.

    Attributes:
        degradation: str, what they are estimated to have been through.
        before: tuple of float, of the network as it was.
        after: tuple of float, of the adapted one.
        own_before: tuple of float, before, when shrunk as the images that the
            network had learned from.
        own_after: tuple of float, the same after.
    """

    degradation: str
    before: tuple
    after: tuple
    own_before: tuple
    own_after: tuple

    @property
    def gain(self):
        """Mean decibels more than before."""
        return float(np.mean(np.subtract(self.after, self.before)))

    @property
    def own_gain(self):
        """The same on what the network had learned before."""
        return float(np.mean(np.subtract(self.own_after, self.own_before)))

    @property
    def helped(self):
        """Whether it did: more, and by more than any further training does.

        What was gained on the degradation that the network knew already is
        no adaptation, and taken off.
        """
        gains = np.subtract(self.after, self.before)
        gains = gains - max(self.own_gain, 0.0)
        mean, spread = gains.mean(), 0.0
        if len(gains) > 1:
            spread = gains.std(ddof=1) / math.sqrt(len(gains))
        return bool(mean >= _LEAST and mean > _SURE * spread)


def judge(before, after, photos, scale, own="bicubic") -> Verdict:
    """Compare two networks on photos whose HR is not known.

    Args:
        before: Network.
        after: Network, the adapted one, of the same factor.
        photos: list of uint8 ndarrays (H, W, 3) that neither has learned from.
        scale: int, the factor.
        own: str, the degradation that the first one has learned to undo.

    Returns:
        Verdict.

    Raises:
        ValueError: no photo is large enough.
    """
    photos = [_cropped(photo, scale) for photo in photos]
    photos = [p for p in photos if min(p.shape[:2]) >= _SIDE * scale]
    if not photos:
        raise ValueError(
            f"no photo that was held out has {_SIDE * scale} pixels a side"
        )
    found = estimate(photos, scale).spec
    scores = [
        tuple(_scores(network, photos, scale, spec))
        for spec in (found, own)
        for network in (before, after)
    ]
    return Verdict(found, *scores)


def _scores(network, photos, scale, spec):
    chain = parse(spec)
    for i, photo in enumerate(photos):
        small = chain.apply(photo, scale, np.random.default_rng(i))
        small = np.divide(small, 255, dtype=np.float32)
        again = upscale.upscale(small, network)
        yield min(metrics.psnr(again, photo, DEFAULT, scale), CEILING)


def _cropped(photo, scale):
    height, width = (n // scale * scale for n in photo.shape[:2])
    return photo[:height, :width]
