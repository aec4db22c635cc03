"""Pictures about a run: its curves, and a comparison strip."""

import math

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.lib.stride_tricks import sliding_window_view

from sr_keras.imaging import images
from sr_keras.imaging.quantize import quantize
from sr_keras.imaging.screen import to_srgb

# Side of the part that a comparison shows, in pixels of the result.
_PART = 160
# It is found among windows that begin at multiples of this.
_BLOCK = 16
_INCHES = 3.2


def training(path, losses, rates, history):
    """Plot loss, reconstruction PSNR and the learning rate over the steps.

    Args:
        path: Path of the PNG.
        losses: list of float, one a step.
        rates: list of float, one a step.
        history: list of (step, mean squared reconstruction error).
    """
    figure = Figure(figsize=(8, 7), layout="constrained")
    top, middle, bottom = figure.subplots(3, sharex=True)
    steps = np.arange(1, len(losses) + 1)
    top.plot(steps, losses, color="0.8", label="each step")
    top.plot(steps, _smoothed(losses), color="tab:blue", label="mean of 25")
    # A photo of one colour has no losses to be shown in logarithms.
    top.set(ylabel="loss", yscale="log" if np.any(losses) else "linear")
    top.legend(frameon=False)
    if history:
        at, errors = np.array(history).T
        middle.plot(at, -10 * np.log10(np.maximum(errors, 1e-10)), marker=".")
    middle.set(ylabel="reconstruction PSNR (dB)")
    bottom.plot(steps, rates, color="tab:red")
    bottom.set(ylabel="learning rate", xlabel="step")
    for step in _drops(rates):
        for axes in (top, middle):
            axes.axvline(step, color="tab:red", linestyle=":", linewidth=1)
    for axes in (top, middle, bottom):
        axes.grid(alpha=0.3)
    _save(figure, path)


def comparison(path, lr, interpolated, sr, hr=None, like=None):
    """Show the most telling part: LR, bicubic, SR, and HR where there is.

    Args:
        path: Path of the PNG.
        lr: ndarray (H, W, C), float in [0, 1].
        interpolated: ndarray (h, w, C).
        sr: ndarray (h, w, C).
        hr: ndarray (h', w', C), as large as sr or a few pixels smaller.
        like: images.Image, whose colours are converted to sRGB; None where
            they are sRGB.
    """
    part = _telling(interpolated, sr)
    ratio = np.divide(lr.shape[:2], sr.shape[:2])
    small = tuple(
        slice(
            int(p.start * r), max(math.ceil(p.stop * r), int(p.start * r) + 1)
        )
        for p, r in zip(part, ratio, strict=True)
    )
    panels = {
        "LR": lr[small],
        "bicubic": interpolated[part],
        "sr_keras": sr[part],
    }
    if hr is not None:
        panels["HR"] = hr[part]
    figure = Figure(
        figsize=(_INCHES * len(panels), _INCHES + 0.3), layout="constrained"
    )
    for axes, (name, image) in zip(
        figure.subplots(1, len(panels)), panels.items(), strict=True
    ):
        codes = to_srgb(quantize(_shown(image), 8), like)
        axes.imshow(codes, interpolation="nearest")
        axes.set_title(name)
        axes.axis("off")
    _save(figure, path)


def curves(path, rows, bicubic=None):
    """Plot loss, validation PSNR and the learning rate over the epochs.

    Args:
        path: Path of the PNG.
        rows: list of dict, one an epoch: epoch, loss, psnr (None where there
            was no validation) and rate.
        bicubic: float, what bicubic interpolation reaches, or None.
    """
    figure = Figure(figsize=(8, 7), layout="constrained")
    top, middle, bottom = figure.subplots(3, sharex=True)
    epochs = [row["epoch"] for row in rows]
    losses = [row["loss"] for row in rows]
    top.plot(epochs, losses, marker=".")
    top.set(ylabel="loss", yscale="log" if min(losses) > 0 else "linear")
    if rows[0]["psnr"] is not None:
        middle.plot(epochs, [row["psnr"] for row in rows], marker=".")
    if bicubic is not None:
        middle.axhline(bicubic, color="0.5", linestyle=":", label="bicubic")
        middle.legend(frameon=False)
    middle.set(ylabel="validation PSNR (dB)")
    bottom.plot(epochs, [row["rate"] for row in rows], color="tab:red")
    bottom.set(ylabel="learning rate", xlabel="epoch")
    bottom.xaxis.get_major_locator().set_params(integer=True)
    for axes in (top, middle, bottom):
        axes.grid(alpha=0.3)
    _save(figure, path)


def strip(lr, interpolated, sr, hr=None):
    """The most telling part side by side: LR, bicubic, SR, HR if known.

    Args:
        lr: ndarray (H, W, C), float in [0, 1].
        interpolated: ndarray (h, w, C).
        sr: ndarray (h, w, C).
        hr: ndarray (h, w, C), or None.

    Returns:
        float32 ndarray (height, 4 * width, 3), or 3 * width.
    """
    part = _telling(interpolated, sr)
    # The nearest pixels, for its own to be seen.
    nearest = lr[
        np.ix_(
            *(
                np.arange(p.start, p.stop) * n // m
                for p, n, m in zip(part, lr.shape, sr.shape, strict=False)
            )
        )
    ]
    panels = [nearest, interpolated[part], sr[part]]
    panels += [] if hr is None else [hr[part]]
    return np.concatenate([_shown(p) for p in panels], 1).astype("float32")


def _telling(interpolated, sr):
    """The window where the network changed most."""
    # Block by block: copies of a large image would not fit beside it.
    rows, columns = (range(0, n, _BLOCK) for n in sr.shape[:2])
    change = np.empty((len(rows), len(columns)))
    for i, top in enumerate(rows):
        part = slice(top, top + _BLOCK)
        strip = np.abs(np.clip(sr[part], 0, 1) - interpolated[part])
        change[i] = np.add.reduceat(strip.sum((0, 2)), columns)
    side = tuple(min(n, _PART // _BLOCK) for n in change.shape)
    sums = sliding_window_view(change, side).sum((2, 3))
    corner = np.multiply(np.unravel_index(sums.argmax(), sums.shape), _BLOCK)
    return tuple(
        slice(max(min(int(c), n - _PART), 0), min(int(c) + _PART, n))
        for c, n in zip(corner, sr.shape, strict=False)
    )


def _shown(image):
    """RGB for the screen: grey repeated, what is no colour left out."""
    image = np.clip(image, 0, 1)
    channels = 3 if image.shape[-1] >= 3 else 1
    return np.broadcast_to(image[..., :channels], (*image.shape[:2], 3))


def _smoothed(values, width=25):
    total = np.cumsum([0.0, *values])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - width, 0)
    return (total[ends] - total[starts]) / np.maximum(ends - starts, 1)


def _drops(rates):
    """The steps at which the rate fell at once, by a third or more."""
    return [
        i + 1 for i in range(1, len(rates)) if rates[i] < rates[i - 1] * 0.67
    ]


def _save(figure, path):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    images.write(path, images.Image(pixels.astype("float32") / 255))
