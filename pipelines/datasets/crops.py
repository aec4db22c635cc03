"""Cutting LR and HR patches that belong together.

Geometry, for a factor s: LR pixel (y, x) covers HR pixels s y to s (y + 1) - 1
and s x to s (x + 1) - 1. HR images are cropped to a multiple of s first, as
all papers do.
"""

import dataclasses

import numpy as np

from sr_keras.imaging import color, dihedral
from sr_keras.imaging.resize import imresize, imresize_part
from sr_keras.pipelines.degradation.chain import DATASET, margin, parse
from sr_keras.pipelines.degradation.downscale import MATLAB

# LR pixels that bicubic enlargement looks at on each side, and one to spare.
_ENLARGING = 3


@dataclasses.dataclass(frozen=True)
class Format:
    """What the pairs look like.

    Attributes:
        scale: int, the factor.
        channels: 3 for RGB, 1 for Y.
        interpolated: whether the LR image comes at HR size; True for MATLAB's
            bicubic, or an interpolation's name in `resize.imresize`.
    """

    scale: int
    channels: int = 3
    interpolated: bool | str = False

    def finished(self, lr, hr, top=(0, 0)):
        """Make the pair that the network gets.

        Args:
            lr: uint8 (h, w, 3); around the patch where `interpolated`.
            hr: uint8 (H, W, 3).
            top: pair (y, x), where hr begins in the enlarged lr.

        Returns:
            Pair of float32 arrays in [0, 1].
        """
        lr, hr = self.converted(lr), self.converted(hr)
        if self.interpolated:
            (y, x), (height, width) = top, hr.shape[:2]
            how = "cubic" if self.interpolated is True else self.interpolated
            lr = imresize(lr, float(self.scale), kernel=how)
            lr = lr[y : y + height, x : x + width]
        return np.ascontiguousarray(lr), np.ascontiguousarray(hr)

    def converted(self, image):
        """uint8 RGB to float32 in the channels that are asked for."""
        pixels = np.divide(image, 255, dtype=np.float32)
        if self.channels == 1:
            return color.luma(pixels).astype(np.float32)
        return pixels


@dataclasses.dataclass(frozen=True)
class Cut:
    """A patch with what it needs around it.

    Attributes:
        lr: uint8 (h, w, 3), or None where it is yet to be made of `hr`.
        hr: uint8 (H, W, 3), the factor larger.
        inside: pair of slices, where the patch is in `hr`.
    """

    lr: np.ndarray | None
    hr: np.ndarray
    inside: tuple


class Degrader:
    """How the LR images of a source come about.

    MATLAB's ways of shrinking compute just the LR pixels of a patch, from the
    weights that the whole image has: the same bits, for a hundredth of the
    work. Whatever else is always done alike is done once, to the whole image,
    and kept: exact by construction, whatever it looks at. What is drawn anew
    is done to each patch, with as much around it as has an influence on it.
    """

    def __init__(self, source, degradation, form):
        """Prepare.

        Args:
            source: pipelines.sources.Source.
            degradation: str, Degradation, or "dataset".
            form: Format.

        Raises:
            ValueError: the degradation cannot be read, or the source has no
                LR images for "dataset".
        """
        self._source = source
        self._scale = form.scale
        self._form = form
        self.stored = degradation == DATASET
        if self.stored and not source.has_lr:
            raise ValueError(
                f"{source.name} was opened without LR images: open it for "
                "degradation 'dataset' as well"
            )
        chain = () if self.stored else parse(degradation).steps
        self._once, self._anew = chain, ()
        if not self.stored:
            self._once, self._anew = parse(degradation).split(form.scale)
        # MATLAB's ways can do a part of an image, to the same bits.
        self._matlab = None
        if len(self._once) == 1:
            self._matlab = MATLAB.get(self._once[0].name)
        self._margin, self._grid = margin(self._anew, form.scale)
        if form.interpolated:
            self._margin += _ENLARGING

    def images(self, i):
        """The arrays of an image that stay the same.

        Args:
            i: int, its index in the source.

        Returns:
            Tuple (lr, hr), uint8; lr is None if it is made a patch at a time.

        Raises:
            ValueError: the image is broken, or too small for the factor.
            OSError: it cannot be opened.
        """
        s, hr = self._scale, self._source.hr(i)
        height, width = hr.shape[0] // s, hr.shape[1] // s
        if min(height, width) < 1:
            raise ValueError(
                f"{self._source.names[i]} has {hr.shape[1]}x{hr.shape[0]} "
                f"pixels, too few for x{s}"
            )
        whole, hr = hr, hr[: height * s, : width * s]
        if self.stored:
            lr = self._source.lr(i)
            check_sizes(self._source, i, whole.shape[:2], lr.shape[:2], s)
            return lr[:height, :width], hr
        return self.degraded(hr), hr

    def degraded(self, hr):
        """Make the LR image of an HR image, if that is always the same.

        Args:
            hr: uint8 (H, W, 3), of a multiple of the factor.

        Returns:
            uint8 (h, w, 3), or None if it is made a patch at a time.
        """
        if not self._once or self._matlab:
            return None
        return self._through(self._once, hr, None)

    def whole(self, i, seed):
        """A whole image.

        Args:
            i: int, its index in the source.
            seed: int, for what is random.

        Returns:
            Pair of float32 arrays (h, w, C) and (H, W, C).

        Raises:
            ValueError: as for `images`.
            OSError: as for `images`.
        """
        lr, hr = self.images(i)
        rng = np.random.default_rng((seed, i))
        steps = self._anew if lr is not None else (*self._once, *self._anew)
        lr = self._through(steps, hr if lr is None else lr, rng)
        return self._form.finished(lr, hr)

    def cut(self, lr, hr, corner, size, copy=False):
        """Take a patch out of an image, and what it needs around it.

        Args:
            lr: uint8 (h, w, 3), or None, as `images` gave it.
            hr: uint8 (H, W, 3).
            corner: pair (y, x) of HR pixels; of multiples of the factor,
                unless the format is interpolated.
            size: pair (height, width) of HR pixels.
            copy: whether to copy, so that the image can be let go of.

        Returns:
            Cut.
        """
        s = self._scale
        box = [
            self._span(c, n, length // s)
            for c, n, length in zip(corner, size, hr.shape[:2], strict=True)
        ]
        lr_part = tuple(slice(low, high) for low, high in box)
        hr_part = tuple(slice(s * low, s * high) for low, high in box)
        inside = tuple(
            slice(c - s * low, c - s * low + n)
            for c, n, (low, _) in zip(corner, size, box, strict=True)
        )
        if lr is None and self._matlab:
            small = imresize_part(hr, 1 / s, lr_part, self._matlab)
        else:
            small = None if lr is None else lr[lr_part]
        parts = [small, hr[hr_part]]
        if copy:
            parts = [part if part is None else part.copy() for part in parts]
        return Cut(*parts, inside)

    def pair(self, cut, turn, rng):
        """Make what the network gets of a patch.

        Args:
            cut: Cut.
            turn: one of dihedral.TURNS.
            rng: numpy.random.Generator, for what is drawn anew.

        Returns:
            Pair of float32 arrays (h, w, C) and (H, W, C), turned.
        """
        s = self._scale
        target = dihedral.turned(cut.hr[cut.inside], turn)
        # Turned before it is degraded: a camera does not turn its sensor.
        small = cut.hr if cut.lr is None else cut.lr
        small = np.ascontiguousarray(dihedral.turned(small, turn))
        small = self._through(self._anew, small, rng)
        top = y, x = _corner(cut.hr.shape[:2], cut.inside, turn)
        if not self._form.interpolated:
            h, w = target.shape[:2]
            small = small[y // s : (y + h) // s, x // s : (x + w) // s]
        return self._form.finished(small, target, top)

    def _span(self, corner, size, length):
        """The LR pixels, first and last + 1, that a patch needs."""
        s, grid = self._scale, self._grid
        low = max(corner // s - self._margin, 0) // grid * grid
        high = -(-(corner + size) // s) + self._margin
        high = -(-high // grid) * grid
        return low, min(high, length)

    def _through(self, steps, image, rng):
        for step in steps:
            image = step.apply(image, (float(self._scale),) * 2, rng)
        return image


def check_sizes(source, i, hr, lr, scale):
    """See that an LR image fits its HR image.

    Args:
        source: pipelines.sources.Source.
        i: int, the image's index.
        hr: pair (height, width).
        lr: pair (height, width).
        scale: int, the factor.

    Raises:
        ValueError: it does not; it says both sizes.
    """
    allowed = [(m // scale, -(-m // scale)) for m in hr]
    if not all(n in some for n, some in zip(lr, allowed, strict=True)):
        raise ValueError(
            f"{source.lr_name(i)} has {lr[1]}x{lr[0]} pixels and "
            f"{source.names[i]} {hr[1]}x{hr[0]}: for x{scale} the first has "
            f"to be {hr[1] // scale}x{hr[0] // scale}"
        )


def _corner(shape, inside, turn):
    """Where a part of a window begins when the window is turned."""
    quarters, flip = turn
    top, left = (part.start for part in inside)
    down, right = (n - p.stop for n, p in zip(shape, inside, strict=True))
    if flip:
        left, right = right, left
    return {
        0: (top, left),
        1: (right, top),
        2: (down, right),
        3: (left, down),
    }[quarters]
