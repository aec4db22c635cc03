"""What goes wrong in images that a network has invented.

Each function compares an SR image with HR: ndarrays (H, W, C), float in
[0, 1], of the same size but for what no whole LR pixel covers.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sr_keras.imaging.color import yiq_luma

# Frequencies between two of the grid's, of a part that is looked at.
_BINS = 16
# How far from a peak its surroundings are looked at: beyond the window's lobe.
_BESIDE = 4
# Side of the blocks whose mean colours are compared, in pixels.
_BLOCK = 16


def checkerboard(sr, hr, scale):
    """The energy of a pattern with the period of the LR pixels.

    Upsampling in a network leaves one where its phases do not agree (A. Odena
    et al., "Deconvolution and Checkerboard Artifacts", Distill 2016). It
    stands out of the spectrum, which is taken of small parts so that a pattern
    need not be everywhere.

    Args:
        sr: ndarray (H, W, C).
        hr: ndarray (H, W, C).
        scale: int, the factor.

    Returns:
        float: how many times what is about them the frequencies of the grid
        have, over the same of HR; about 1 where there is no pattern.
    """
    found = [_prominence(luma, int(scale)) for luma in _lumas(sr, hr)]
    return float(found[0] / found[1])


def detail(sr, hr, scale):
    """How much of what LR cannot have is there.

    Args:
        sr: ndarray (H, W, C).
        hr: ndarray (H, W, C).
        scale: int, the factor.

    Returns:
        float: the energy of luma beyond the highest frequency of LR, over the
        same of HR. Below 1 it is blurred, above it is too sharp or noisy.
    """
    energies = [_energy_above(luma, 0.5 / scale) for luma in _lumas(sr, hr)]
    return float(energies[0] / max(energies[1], np.finfo(float).tiny))


def colour_drift(sr, hr, scale):
    """How far the colours are off, whatever the details.

    Args:
        sr: ndarray (H, W, C).
        hr: ndarray (H, W, C).
        scale: int, unused.

    Returns:
        float: root mean square of the differences of the mean colours of
        blocks of 16x16 pixels, in 8-bit levels.
    """
    sr, hr = _same_size(sr, hr)
    height, width = sr.shape[:2]
    h, w = (min(_BLOCK, n) for n in (height, width))
    whole = (sr - hr)[: height // h * h, : width // w * w]
    blocks = whole.reshape(height // h, h, width // w, w, -1)
    return float(255 * np.sqrt((blocks.mean(axis=(1, 3)) ** 2).mean()))


def _same_size(sr, hr):
    """What both have, in double precision."""
    height, width = np.minimum(sr.shape[:2], hr.shape[:2])
    return [image[:height, :width].astype(float) for image in (sr, hr)]


def _lumas(sr, hr):
    found = _same_size(sr, hr)
    rgb = [x[..., :3] if x.shape[-1] >= 3 else x[..., :1] for x in found]
    return [yiq_luma(x)[..., 0] for x in rgb]


def _prominence(luma, scale):
    """The energy at a grid's frequency over that about it; their mean."""
    cells = min(min(luma.shape) // scale, _BINS)
    if scale < 2 or cells < 3:
        return 1.0
    side, beside = cells * scale, min(_BESIDE, cells // 3)
    spectrum, ratios = _spectrum(luma, side), []
    for u in range(0, side, cells):
        for v in range(0, side, cells):
            if u == v == 0:
                continue
            # Along the axes natural images have ridges: stay on them.
            rows = [(u - beside) % side, (u + beside) % side] if u else [0]
            columns = [(v - beside) % side, (v + beside) % side] if v else [0]
            around = spectrum[np.ix_(rows, columns)].mean()
            ratios.append(spectrum[u, v] / around)
    return np.mean(ratios)


def _spectrum(luma, side):
    """The mean power spectrum of parts of an image, faded at their edges."""
    fade = np.hanning(side + 1)[:-1]
    step = max(side // 2, 1)
    parts = sliding_window_view(luma, (side, side))[::step, ::step]
    parts = parts - parts.mean(axis=(-2, -1), keepdims=True)
    powers = np.abs(np.fft.fft2(parts * np.outer(fade, fade))) ** 2
    # What nobody can see stands out of nothing: noise of one level beside it.
    return powers.mean(axis=(0, 1)) + (fade @ fade / 255) ** 2


def _energy_above(luma, cutoff):
    """The energy of the frequencies above one, in cycles a pixel."""
    fades = [np.hanning(n + 2)[1:-1] for n in luma.shape]
    faded = (luma - luma.mean()) * np.outer(*fades)
    spectrum = np.abs(np.fft.fft2(faded)) ** 2
    y, x = (np.abs(np.fft.fftfreq(n)) for n in luma.shape)
    return spectrum[np.maximum(y[:, None], x) > cutoff].sum()
