"""How photos came about, from the photos alone: their blur and their noise.

Photographs have spectra that fall like a power of the frequency, at every
scale the same (Field 1987, "Relations between the statistics of natural images
and the response properties of cortical cells"). What a blur takes away shows
against a spectrum without it, of one of two kinds:

- other photos, shrunk by MATLAB's bicubic (`references`), or
- the same photos at half the size, where the blur is half as wide: the
  recurrence across scales of Michaeli and Irani 2013, "Nonparametric blind
  super-resolution", in the frequencies.

The two have nothing in common but the photos, and the photos can be others.
The log of the quotient is fitted with a Gaussian, anisotropic, and the
difference of the two powers.
"""

import dataclasses
import math

import numpy as np

from sr_keras.imaging.color import yiq_luma
from sr_keras.imaging.resize import imresize

# The side of the blocks whose spectra are averaged.
_SIDE = 64

# Cycles a pixel that are fitted. Below, a block is too small; above, it is
# mostly aliasing.
_BAND = (0.08, 0.45)

# The corner of the spectrum where noise is all there is, and the frequencies
# by which smooth blocks are known.
_CORNER = 0.55
_DETAIL = (0.1, 0.3)

# The part of the blocks, the smoothest, that noise is measured in.
_SMOOTH = 0.1

# How much two powers are held to be the same: the weight of their difference,
# relative to that of all the spectrum.
_SAME_POWER = 0.03

# A power, in levels squared, that is as good as none: rounding has 1/12.
_LEAST_POWER = 0.05

# Standard deviations that are as good as none: of the blur, in LR pixels, and
# of the noise, in 8-bit levels.
_NO_BLUR = 0.25
_NO_NOISE = 1.0

# The smaller blur over the larger from which on both are taken for one; and
# the least that a step may have.
_ROUND = 0.8
_LEAST_BLUR = 0.05


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A blur of HR pixels before bicubic shrinking, and noise after it.

    Attributes:
        along: float, the larger standard deviation in HR pixels; 0 for none.
        across: float, that at right angles.
        degrees: float in [0, 180), the direction of the first.
        noise: float, standard deviation in 8-bit levels; 0 for none.
        scale: int, the factor between HR and LR pixels.
    """

    along: float
    across: float
    degrees: float
    noise: float
    scale: int

    @property
    def spec(self):
        """The same as `degradation.chain.parse` reads it."""
        steps = ["bicubic"]
        mean = math.sqrt((self.along**2 + self.across**2) / 2)
        if mean >= _NO_BLUR * self.scale:
            blur = f"blur={mean:.2f}"
            if self.across < _ROUND * self.along:
                across = max(self.across, _LEAST_BLUR)
                sizes = f"{self.along:.2f}:{across:.2f}"
                blur = f"blur-aniso={sizes}:{self.degrees:.0f}"
            steps.insert(0, blur)
        if self.noise >= _NO_NOISE:
            steps.append(f"noise={self.noise:.1f}")
        return ",".join(steps)


def estimate(photos, scale, references=None) -> Estimate:
    """Estimate what the photos have been through.

    Args:
        photos: iterable of LR images (H, W, C), uint8, or float32 in [0, 1].
            Those with less than 128 pixels a side are of no use.
        scale: int, the factor that they lack.
        references: iterable of HR images of the same kinds; without them the
            photos are compared with themselves at half the size.

    Returns:
        Estimate.

    Raises:
        ValueError: all photos are too small, or all references.
    """
    own, noises, halves = [], [], []
    for photo in photos:
        if min(photo.shape[:2]) < 2 * _SIDE:
            continue
        power, noise = _power_and_noise(photo)
        own.append(power)
        noises.append(noise)
        if references is None:
            halves.append(_power_and_noise(imresize(photo, 0.5))[0])
    if not own:
        raise ValueError(
            f"no photo has {2 * _SIDE} pixels a side, which an estimate of "
            "their blur needs: give larger ones, or --degradation"
        )
    if references is not None:
        halves = _shrunk(references, scale)
    luma_noise, colour_noise = np.median(noises, axis=0)
    return _fitted(own, halves, luma_noise**2, colour_noise, scale,
                   4 / 3 if references is None else 1.0)  # fmt: skip


def _shrunk(references, scale):
    powers = [
        _power_and_noise(imresize(hr, 1 / scale))[0]
        for hr in references
        if min(hr.shape[:2]) >= _SIDE * scale
    ]
    if not powers:
        raise ValueError(
            f"no image of --data has {_SIDE * scale} pixels a side, which an "
            "estimate needs: give larger ones, or --degradation"
        )
    return powers


def _fitted(own, others, noise_power, noise, scale, gain):
    """The estimate from powers with blur and powers without.

    `gain` is 4/3 where the others have half of it: a quarter of the variance.
    """
    floor = 0.1 * noise_power + _LEAST_POWER
    own = np.log(np.maximum(np.asarray(own) - noise_power, floor)).mean(0)
    others = np.log(np.maximum(others, _LEAST_POWER)).mean(0)
    # What is buried in noise says little.
    trust = np.exp(own) / (np.exp(own) + 3 * noise_power)
    xx, yy, xy = gain * scale**2 * _variances(own - others, trust)
    values, vectors = np.linalg.eigh([[xx, xy], [xy, yy]])
    across, along = np.sqrt(np.maximum(values, 0))
    # Rows of a picture are counted downwards.
    degrees = math.degrees(math.atan2(-vectors[1, 1], vectors[0, 1])) % 180
    return Estimate(float(along), float(across), degrees, float(noise), scale)


def _variances(difference, trust):
    """The Gaussian in a difference of logs: its variances xx, yy and xy."""
    radius, fy, fx = _frequencies()
    band = (radius >= _BAND[0]) & (radius <= _BAND[1])
    turn = -4 * math.pi**2
    columns = [
        np.ones_like(radius),
        np.log(np.maximum(radius, 1 / _SIDE) / 0.25),
        turn * fx**2,
        turn * fy**2,
        2 * turn * fx * fy,
    ]
    a = np.stack([c[band] * trust[band] for c in columns], axis=-1)
    b = difference[band] * trust[band]
    normal = a.T @ a
    normal[1, 1] += _SAME_POWER * np.sum(trust[band] ** 2)
    return np.linalg.solve(normal, a.T @ b)[2:]


def _power_and_noise(photo):
    """The mean power spectrum of luma, and the noise of luma and colours.

    Args:
        photo: (H, W, C), uint8, or float32 in [0, 1].

    Returns:
        Tuple (array (side, side), in levels squared; pair of standard
        deviations in levels: luma's, and the mean one of the channels).
    """
    levels = np.asarray(photo, np.float32)[..., :3]
    if photo.dtype != np.uint8:
        levels = levels * 255
    luma = yiq_luma(levels / 255)[..., 0] * 255
    powers = _powers(luma)
    radius = _frequencies()[0]
    detail = (radius >= _DETAIL[0]) & (radius <= _DETAIL[1])
    order = np.argsort(powers[:, detail].mean(1))
    smooth = order[: max(round(_SMOOTH * len(order)), 1)]

    def noise_of(plane_powers):
        corner = plane_powers[smooth][:, radius > _CORNER]
        return math.sqrt(corner.mean())

    channels = [noise_of(_powers(p)) for p in np.moveaxis(levels, -1, 0)]
    return powers.mean(0), (noise_of(powers), float(np.mean(channels)))


def _powers(plane):
    """The power spectra of the blocks of a plane: (blocks, side, side)."""
    window = np.hanning(_SIDE + 1)[:_SIDE]
    window = np.outer(window, window)
    window /= np.sqrt(np.sum(window**2))
    blocks = np.lib.stride_tricks.sliding_window_view(plane, (_SIDE, _SIDE))
    step = _SIDE // 2
    blocks = blocks[::step, ::step].reshape(-1, _SIDE, _SIDE)
    blocks = blocks - blocks.mean((1, 2), keepdims=True)
    return np.abs(np.fft.fft2(blocks * window)) ** 2


def _frequencies():
    """Cycles a pixel: the radius, down, and to the right."""
    one = np.fft.fftfreq(_SIDE)
    fy, fx = np.meshgrid(one, one, indexing="ij")
    return np.hypot(fy, fx), fy, fx
