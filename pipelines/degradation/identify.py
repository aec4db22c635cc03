"""The LR doctor, who says how the LR images of a data set were made.

Every recipe is tried on the HR image, and the one whose result is nearest to
the LR image is named. What is left over tells of shifts and of JPEG.
"""

import collections
import dataclasses
import itertools

import numpy as np
from scipy import ndimage

from sr_keras.imaging import color
from sr_keras.imaging.resize import imresize
from sr_keras.pipelines.degradation.corruption import jpeg as through_jpeg
from sr_keras.pipelines.degradation.downscale import SHRINKERS, shrink

# Recipes that are tried. MATLAB's box is OpenCV's area, but for rounding.
RECIPES = tuple(name for name in SHRINKERS if name != "box")

# LR pixels of a side that are looked at, from the middle of a large image.
_SIDE = 256

# Root mean square differences in levels: the same; made so, then spoilt; more
# is made in another way.
_EXACT = 1.0
_CLOSE = 12.0

# Least relative difference between two recipes that can be told apart.
_APART = 0.02

# LR pixels: a shift below it is none; steps and reach of the search.
_NO_SHIFT = 0.05
_FARTHEST = 3

# How much larger steps on the grid of 8 pixels are than others in a JPEG.
_BLOCKY = 1.12

# Of the difference, what is left at most where JPEG, or a shift, is its
# cause; and where it looks like JPEG's anyway.
_GAIN, _BLOCKY_GAIN = 0.8, 0.95

# JPEG qualities that are tried, and then those around the best.
_QUALITIES = (30, 40, 50, 60, 70, 78, 85, 91, 95)
_FINE = 4


@dataclasses.dataclass(frozen=True)
class Finding:
    """What is found out about one pair.

    Attributes:
        recipe: str, one of RECIPES, or None where none comes close.
        alike: tuple of str, the recipes that would do as well.
        error: float, root mean square difference in 8-bit levels.
        shift: pair (down, right) in LR pixels, of the LR image against where
            the recipe puts it.
        lr_jpeg: bool, whether the LR image has traces of JPEG.
        hr_jpeg: bool, whether the HR image has.
    """

    recipe: str | None
    alike: tuple
    error: float
    shift: tuple
    lr_jpeg: bool
    hr_jpeg: bool


def examine(hr, lr, scale) -> Finding:
    """Find out how an LR image was made.

    Args:
        hr: uint8 array (H, W, 3).
        lr: uint8 array (h, w, 3), of H // scale and W // scale pixels.
        scale: int, the factor.

    Returns:
        Finding.
    """
    hr, lr = _middle(hr, lr, scale)
    tried = _tried(hr, lr, scale)
    shift, jpeg = (0.0, 0.0), False
    if tried[0][0] > _EXACT:
        causes = [*_jpeg_cause(hr, lr, scale, tried)]
        causes += _shift_cause(hr, lr, scale, tried)
        tried, shift, jpeg = min(causes, default=(tried, shift, jpeg))
    error, name = tried[0]
    alike = tuple(
        other
        for e, other in tried[1:]
        if e - error < _APART * error and error > 0
    )
    return Finding(
        name if error < _CLOSE else None,
        alike,
        error,
        shift,
        jpeg,
        blockiness(color.luma(_floats(hr))) > _BLOCKY,
    )


def blockiness(plane):
    """How much a picture steps on a grid of 8 pixels.

    Args:
        plane: floats (H, W, 1).

    Returns:
        float: the mean difference between neighbours across the lines of the
        grid, over that between others; 1 for no such grid.
    """
    ratios = []
    for picture in (plane[..., 0], plane[..., 0].T):
        # What a step has beyond the slope on both sides of it.
        steps = np.abs(np.diff(picture, 3, axis=1)).mean(0)
        on_grid = np.arange(len(steps)) % 8 == 6
        if on_grid.sum() < 2:
            return 1.0
        ratios.append(steps[on_grid].mean() / max(steps[~on_grid].mean(), 1e-9))
    return float(np.sqrt(ratios[0] * ratios[1]))


def report(pairs, scale):
    """Examine some pairs.

    Args:
        pairs: iterable of (name of HR, name of LR, hr, lr): str, uint8 arrays.
        scale: int, the factor.

    Returns:
        List of str, one a finding; empty where there are no pairs.
    """
    found = [(*names, examine(hr, lr, scale)) for *names, hr, lr in pairs]
    if not found:
        return []
    of_hr, of_lr, findings = zip(*found, strict=True)
    return [
        _recipe_line(findings),
        _shift_line(findings),
        _jpeg_line("LR", of_lr, [f.lr_jpeg for f in findings]),
        _jpeg_line("HR", of_hr, [f.hr_jpeg for f in findings]),
    ]


def _recipe_line(findings):
    total = len(findings)
    counts = collections.Counter(f.recipe for f in findings).most_common()
    error = float(np.median([f.error for f in findings]))
    texts = []
    for recipe, count in counts:
        name = "none that is known" if recipe is None else recipe
        about = f" ({SHRINKERS[recipe]})" if recipe else ""
        texts.append(f"{name}{about} in {count} of {total}")
    line = f"recipe: {'; '.join(texts)}; {error:.2f} levels off"
    alike = {name for f in findings for name in f.alike}
    if alike and error > _EXACT:
        line += f"; {', '.join(sorted(alike))} would fit as well"
    return line


def _shift_line(findings):
    moved = [f.shift for f in findings if max(map(abs, f.shift)) > _NO_SHIFT]
    if not moved:
        return "shift: none"
    down, right = np.median(moved, axis=0)
    return (
        f"shift: {len(moved)} of {len(findings)} LR images lie {right:+.2f} "
        f"pixels to the right and {down:+.2f} down of where they should"
    )


def _jpeg_line(which, names, traces):
    marked = list(itertools.compress(names, traces))
    if not marked:
        return f"JPEG: no traces in the {which} images"
    return (
        f"JPEG: traces in {len(marked)} of {len(names)} {which} images, "
        f"{marked[0]} for one"
    )


def _middle(hr, lr, scale):
    """The middle of a pair; on JPEG's grid, and with whole LR pixels."""
    box = []
    for side in lr.shape[:2]:
        low = max((side - _SIDE) // 2, 0) // 16 * 16
        box.append((low, min(low + _SIDE, side)))
    small = tuple(slice(a, b) for a, b in box)
    large = tuple(slice(a * scale, b * scale) for a, b in box)
    hr, lr = hr[large], lr[small]
    height, width = (n // scale for n in hr.shape[:2])
    return hr[: height * scale, : width * scale], lr[:height, :width]


def _tried(hr, lr, scale, quality=None):
    """Pairs (difference in levels, recipe), the best first.

    With a quality the recipe's result goes through a JPEG file.
    """
    # The border of a part is not the border of the whole.
    edge = 4 if min(lr.shape[:2]) > 16 else 0
    inner = (slice(edge, len(lr) - edge), slice(edge, lr.shape[1] - edge))
    results = []
    for name in RECIPES:
        made = shrink(hr, scale, name).astype(float)
        if quality:
            made = through_jpeg(made / 255, None, quality) * 255.0
        difference = made[inner] - lr[inner]
        results.append((float(np.sqrt(np.mean(difference**2))), name))
    return sorted(results)


def _jpeg_cause(hr, lr, scale, tried):
    """A tuple (differences, shift, JPEG), if JPEG explains a difference."""
    coarse = {q: _tried(hr, lr, scale, q)[0] for q in _QUALITIES}
    near = min(coarse, key=coarse.get)
    best = {}
    for q in range(near - _FINE, min(near + _FINE, 100) + 1):
        for error, name in _tried(hr, lr, scale, q):
            best[name] = min(error, best.get(name, error))
    again = sorted((error, name) for name, error in best.items())
    blocky = _left_over(hr, lr, scale, tried[0][1]) > _BLOCKY
    if again[0][0] < (_BLOCKY_GAIN if blocky else _GAIN) * tried[0][0]:
        yield again, (0.0, 0.0), True


def _shift_cause(hr, lr, scale, tried):
    """The same, if a shift does."""
    moved = _shift(hr, lr, scale)
    if max(np.abs(moved)) > _NO_SHIFT:
        back = _moved(hr, np.multiply(moved, scale))
        again = _tried(back, lr, scale)
        if again[0][0] < _GAIN * tried[0][0]:
            blocky = _left_over(back, lr, scale, again[0][1]) > _BLOCKY
            moved = tuple(float(n) for n in moved)
            yield again, moved, blocky and again[0][0] > _EXACT


def _left_over(hr, lr, scale, name):
    """How much on JPEG's grid the difference to a recipe is."""
    made = shrink(hr, scale, name)
    return blockiness(color.luma(_floats(lr)) - color.luma(_floats(made)))


def _shift(hr, lr, scale):
    """By how many LR pixels an LR image is lower and more to the right."""
    target = color.luma(_floats(lr))[..., 0]
    model = color.luma(_floats(imresize(hr, 1 / scale)))[..., 0]
    total = _coarse(model, target)
    for _ in range(4):
        guess = ndimage.shift(model, total, order=3, mode="nearest")
        slopes = np.stack(np.gradient(guess))
        inner = (slice(6, -6), slice(6, -6))
        a = slopes[(slice(None), *inner)].reshape(2, -1)
        difference = (guess - target)[inner].ravel()
        if a.shape[1] < 16:
            return np.zeros(2)
        total = total + np.linalg.lstsq(a.T, difference, rcond=None)[0]
        total = np.clip(total, -_FARTHEST, _FARTHEST)
    return total


def _coarse(model, target):
    """The best shift by whole pixels."""
    span = range(-_FARTHEST, _FARTHEST + 1)
    inner = slice(_FARTHEST, -_FARTHEST)
    if min(target.shape) <= 2 * _FARTHEST + 4:
        return np.zeros(2)

    def error(by):
        moved = np.roll(model, by, axis=(0, 1))
        return np.mean((moved - target)[inner, inner] ** 2)

    best = min(((y, x) for y in span for x in span), key=error)
    return np.array(best, float)


def _moved(image, by):
    """An image moved by (down, right) pixels."""
    planes = [
        ndimage.shift(plane.astype(float), by, order=3, mode="nearest")
        for plane in np.moveaxis(image, -1, 0)
    ]
    return np.clip(np.stack(planes, -1) + 0.5, 0, 255).astype(np.uint8)


def _floats(image):
    return np.divide(image, 255, dtype=np.float32)
