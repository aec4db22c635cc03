"""The eight flips and quarter turns of an image."""

import numpy as np

# (quarter turns, mirrored first); the identity comes first.
TURNS = tuple((k, flip) for flip in (False, True) for k in range(4))
IDENTITY = TURNS[0]


def turned(image, turn):
    """Flip and rotate.

    Args:
        image: ndarray (H, W, ...).
        turn: one of TURNS.

    Returns:
        A view of the image, (W, H, ...) for an odd number of quarter turns.
    """
    quarters, flip = turn
    return np.rot90(image[:, ::-1] if flip else image, quarters)


def restored(image, turn):
    """Undo `turned`.

    Args:
        image: ndarray (H, W, ...).
        turn: one of TURNS.

    Returns:
        A view of the image.
    """
    quarters, flip = turn
    image = np.rot90(image, -quarters)
    return image[:, ::-1] if flip else image


def has_all(kernel):
    """Whether a blur kernel looks the same after every turn.

    Args:
        kernel: ndarray (h, w), or None for the bicubic, which does.

    Returns:
        bool.
    """
    return len(symmetries((1, 1), kernel)) == len(TURNS)


def symmetries(scale, kernel=None):
    """The turns after which the degradation is still the same.

    Args:
        scale: pair (y, x) of factors; where they differ no turn may swap
            the axes.
        kernel: ndarray (h, w), the blur kernel; None for one that has all
            symmetries, as the bicubic.

    Returns:
        Tuple of those of TURNS, the identity among them.
    """
    turns = [t for t in TURNS if scale[0] == scale[1] or t[0] % 2 == 0]
    if kernel is None:
        return tuple(turns)
    # A hundredth of the peak: kernels are estimates, given in few digits.
    tolerance = 0.01 * np.abs(kernel).max()
    return tuple(
        t
        for t in turns
        if turned(kernel, t).shape == kernel.shape
        and np.allclose(turned(kernel, t), kernel, rtol=0, atol=tolerance)
    )
