"""PSNR, SSIM, MS-SSIM and ZNCC, and the protocols of the papers.

A protocol says what is compared: which planes of the image and without which
border. `docs/protocols.md` lists them. Whatever the protocol, both images are
compared as the 8-bit files they would be written to.

Everything here is NumPy in float64, the reference. `PSNR` and `SSIM`, the
Keras metrics for training, are in `keras_metrics.py`; they compute with the
same functions, given `keras.ops` in the place of `numpy`.
"""

import importlib
import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from sr_keras.imaging import color
from sr_keras.imaging.arrays import check_range
from sr_keras.imaging.resize import parse_scale
from sr_keras.models import protocols

Scale = float | tuple[float, float]

PEAK = 255.0

# Wang et al. 2004, "Image quality assessment: from error visibility to
# structural similarity", section III-C: window 11x11, sigma 1.5, K1, K2.
_WINDOW = 11
_SIGMA = 1.5
_C1 = (0.01 * PEAK) ** 2
_C2 = (0.03 * PEAK) ** 2

# Wang et al. 2003, "Multiscale structural similarity for image quality
# assessment", section 3.2: the exponents of the scales, finest first.
_MS_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


class Protocol(NamedTuple):
    """What is compared.

    Attributes:
        plane: function from RGB in [0, 1] to the planes; None for RGB itself.
        shave: how many times the scale the border is that does not count.
        summary: one line for people.
    """

    plane: Callable | None
    shave: int
    summary: str


PROTOCOLS = {
    "y": Protocol(
        color.luma, 1, "BT.601 luma 16..235, without `scale` pixels a side"
    ),
    "y8": Protocol(
        color.luma8, 1, "the same in 8 bits, and grey files as they are"
    ),
    "rgb": Protocol(None, 0, "the three channels, every pixel"),
    "yiq": Protocol(
        color.yiq_luma, 1, "luma 0..255, without `scale` pixels a side"
    ),
}


def psnr(
    sr: np.ndarray,
    hr: np.ndarray,
    protocol: str = protocols.DEFAULT,
    scale: Scale = 2,
) -> float:
    """Peak signal-to-noise ratio.

    Args:
        sr: array (H, W), (H, W, 1) or (H, W, 3); uint8, uint16, or floating
            in [0, 1], which is rounded to 8 bits first.
        hr: what it should be; the same size.
        protocol: a name in `PROTOCOLS`.
        scale: the enlargement, number or pair (sy, sx): it sets the border.

    Returns:
        Decibels; inf where the two are equal.

    Raises:
        ValueError: for sizes that differ or are too small, values that are
            not finite or not in [0, 1], or an unknown protocol.
        TypeError: for another dtype.
    """
    return _measure("psnr", sr, hr, protocol, scale)


def ssim(
    sr: np.ndarray,
    hr: np.ndarray,
    protocol: str = protocols.DEFAULT,
    scale: Scale = 2,
) -> float:
    """Structural similarity (Wang et al. 2004), the mean over the planes.

    Args:
        sr: as in `psnr`; at least 11x11 without its border.
        hr: what it should be; the same size.
        protocol: a name in `PROTOCOLS`.
        scale: as in `psnr`.

    Returns:
        A number up to 1, for equal images.

    Raises:
        ValueError: as in `psnr`.
        TypeError: as in `psnr`.
    """
    return _measure("ssim", sr, hr, protocol, scale)


def ms_ssim(
    sr: np.ndarray,
    hr: np.ndarray,
    protocol: str = protocols.DEFAULT,
    scale: Scale = 2,
) -> float:
    """Multi-scale structural similarity (Wang et al. 2003), five scales.

    With several planes, the mean of those of each.

    Args:
        sr: as in `psnr`; at least 176x176 without its border.
        hr: what it should be; the same size.
        protocol: a name in `PROTOCOLS`.
        scale: as in `psnr`.

    Returns:
        A number in [0, 1], 1 for equal images. A scale whose mean contrast
        term is negative counts as 0.

    Raises:
        ValueError: as in `psnr`.
        TypeError: as in `psnr`.
    """
    return _measure("ms-ssim", sr, hr, protocol, scale)


def zncc(
    sr: np.ndarray,
    hr: np.ndarray,
    protocol: str = protocols.DEFAULT,
    scale: Scale = 2,
) -> float:
    """Zero-mean normalised cross-correlation, over all planes at once.

    Args:
        sr: as in `psnr`.
        hr: what it should be; the same size.
        protocol: a name in `PROTOCOLS`.
        scale: as in `psnr`.

    Returns:
        A number in [-1, 1]. Where an image has a single value, so that the
        correlation has none: 1 if the other has a single value as well,
        otherwise 0.

    Raises:
        ValueError: as in `psnr`.
        TypeError: as in `psnr`.
    """
    return _measure("zncc", sr, hr, protocol, scale)


def score(
    sr: np.ndarray,
    hr: np.ndarray,
    scale: Scale,
    protocols: Iterable[str] | None = None,
    metrics: Iterable[str] = ("psnr", "ssim"),
) -> dict[str, dict[str, float]]:
    """Score one image under several protocols.

    Args:
        sr: as in `psnr`.
        hr: what it should be; the same size.
        scale: as in `psnr`.
        protocols: names in `PROTOCOLS`; all when None.
        metrics: names in `METRICS`.

    Returns:
        {protocol: {metric: value}}, in the order asked for.

    Raises:
        ValueError: as in `psnr`, or for an unknown metric.
        TypeError: as in `psnr`.
    """
    scores = {}
    for protocol in PROTOCOLS if protocols is None else protocols:
        a, b = _planes_of_pair(sr, hr, protocol, scale)
        scores[protocol] = {m: _compute(m, a, b) for m in metrics}
    return scores


def planes(codes, protocol: str, scale):
    """The planes that a protocol compares, without the border.

    Args:
        codes: array or tensor (..., H, W, C) of whole numbers in 0..255, in
            floating point; C is 1 or 3.
        protocol: a name in `PROTOCOLS`.
        scale: number or pair (sy, sx).

    Returns:
        Array or tensor (..., h, w, planes), in 0..255.

    Raises:
        ValueError: for an unknown protocol, or nothing left within the
            border.
    """
    rule = PROTOCOLS[protocols.check(protocol)]
    y, x = (rule.shave * math.ceil(s) for s in parse_scale(scale))
    h, w = codes.shape[-3], codes.shape[-2]
    if (h is not None and h <= 2 * y) or (w is not None and w <= 2 * x):
        raise ValueError(
            f"{protocol} at scale {scale} leaves out {y} rows and {x} columns "
            f"a side, and the image is {w}x{h}: use a larger one"
        )
    inside = codes[..., y : -y or None, x : -x or None, :]
    return inside if rule.plane is None else rule.plane(inside / 255) * 255


def psnr_of(a, b, xp=np):
    """PSNR of planes (..., H, W, P) in 0..255, one for each image."""
    mse = xp.mean(xp.square(a - b), axis=(-3, -2, -1))
    return 10 * xp.log10(PEAK**2 / mse)


def ssim_of(a, b, blur, xp=np):
    """SSIM of planes (..., H, W, P) in 0..255, one for each image.

    Args:
        a: array or tensor.
        b: the same shape.
        blur: function that filters with the window, where it fits.
        xp: `numpy` or `keras.ops`.

    Returns:
        Pair of arrays or tensors (...): the SSIM, and its contrast-structure
        part alone.
    """
    mean_a, mean_b = blur(a), blur(b)
    var_a = blur(a * a) - mean_a * mean_a
    var_b = blur(b * b) - mean_b * mean_b
    covariance = blur(a * b) - mean_a * mean_b
    contrast = (2 * covariance + _C2) / (var_a + var_b + _C2)
    lightness = 2 * mean_a * mean_b + _C1
    lightness = lightness / (mean_a * mean_a + mean_b * mean_b + _C1)
    axes = (-3, -2, -1)
    return xp.mean(lightness * contrast, axes), xp.mean(contrast, axes)


def window() -> np.ndarray:
    """SSIM's Gaussian window along one axis: (11,), summing to 1."""
    x = np.arange(_WINDOW) - _WINDOW // 2
    line = np.exp(-(x**2) / (2 * _SIGMA**2))
    return line / line.sum()


def check_window(shape, smallest: int = _WINDOW, name: str = "SSIM"):
    """Raise ValueError where (..., H, W, P) is smaller than a window."""
    h, w = shape[-3], shape[-2]
    if (h is not None and h < smallest) or (w is not None and w < smallest):
        raise ValueError(
            f"{name} needs {smallest}x{smallest} pixels within the border, "
            f"and there are {w}x{h}: use a larger image, or PSNR"
        )


def _measure(metric, sr, hr, protocol, scale):
    return _compute(metric, *_planes_of_pair(sr, hr, protocol, scale))


def _compute(metric, a, b):
    if metric not in METRICS:
        raise ValueError(
            f"there is no metric {metric!r}: choose from {', '.join(METRICS)}"
        )
    return float(METRICS[metric](a, b))


def _planes_of_pair(sr, hr, protocol, scale):
    sr, hr = _codes(sr, "sr"), _codes(hr, "hr")
    if sr.shape[:2] != hr.shape[:2]:
        a, b = (f"{x.shape[1]}x{x.shape[0]}" for x in (sr, hr))
        raise ValueError(
            f"sr is {a} and hr is {b} (width x height): they have to be the "
            "same size"
        )
    sr, hr = np.broadcast_arrays(sr, hr)  # grey beside RGB is grey three times
    return planes(sr, protocol, scale), planes(hr, protocol, scale)


def _codes(image, name):
    """The 8-bit codes of an image, (H, W, C) in float64."""
    image = np.asarray(image)
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3 or image.shape[2] not in (1, 3):
        raise ValueError(
            f"{name} has to be (H, W), (H, W, 1) or (H, W, 3), not "
            f"{image.shape}: drop its alpha, and score one image at a time"
        )
    if image.dtype == np.uint8:
        return image.astype(np.float64)
    if image.dtype == np.uint16:
        return np.floor(image / 257 + 0.5)
    if image.dtype.kind != "f":
        raise TypeError(
            f"{name} has to be uint8, uint16 or floating, not {image.dtype}"
        )
    check_range(image, name)
    return np.floor(np.clip(image.astype(np.float64), 0, 1) * 255 + 0.5)


def _psnr(a, b):
    with np.errstate(divide="ignore"):  # equal images: inf is the answer
        return psnr_of(a, b)


def _ssim(a, b):
    check_window(a.shape)
    return ssim_of(a, b, _blur)[0]


def _ms_ssim(a, b):
    # The coarsest of five scales has to hold a window.
    check_window(a.shape, _WINDOW * 2 ** (len(_MS_WEIGHTS) - 1), "MS-SSIM")
    channels = range(a.shape[2])
    return np.mean([_ms_ssim_of(a[..., [c]], b[..., [c]]) for c in channels])


def _ms_ssim_of(a, b):
    value = 1.0
    for weight in _MS_WEIGHTS[:-1]:
        value *= max(ssim_of(a, b, _blur)[1], 0) ** weight
        a, b = _halved(a), _halved(b)
    return value * max(ssim_of(a, b, _blur)[0], 0) ** _MS_WEIGHTS[-1]


def _zncc(a, b):
    a, b = a - a.mean(), b - b.mean()
    flat = [np.abs(x).max() < 1e-9 for x in (a, b)]  # equal but for rounding
    if any(flat):
        return float(all(flat))
    return (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())


def _blur(x):
    from scipy import ndimage

    for axis in (0, 1):
        x = ndimage.correlate1d(x, window(), axis)
    edge = _WINDOW // 2
    return x[edge:-edge, edge:-edge]


def _halved(x):
    """Means of 2x2 blocks; an odd last row or column is doubled."""
    x = np.pad(x, ((0, x.shape[0] % 2), (0, x.shape[1] % 2), (0, 0)), "edge")
    return (x[::2, ::2] + x[1::2, ::2] + x[::2, 1::2] + x[1::2, 1::2]) / 4


METRICS = {"psnr": _psnr, "ssim": _ssim, "ms-ssim": _ms_ssim, "zncc": _zncc}


def __getattr__(name):
    """The Keras metrics, without importing Keras before they are wanted."""
    if name in ("PSNR", "SSIM"):
        module = importlib.import_module("sr_keras.evaluation.keras_metrics")
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
