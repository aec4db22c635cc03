"""From HR to LR: what a network learns to undo."""

from sr_keras.resize import imresize, output_size


def downscale(image, scale, kernel=None):
    """The image a factor smaller, as a camera that far away would see it.

    Args:
        image: ndarray (H, W, C), float32 in [0, 1].
        scale: pair (y, x) of factors, at least 1.
        kernel: ndarray, a blur kernel; MATLAB's bicubic if None.

    Returns:
        float32 ndarray (ceil(H/y), ceil(W/x), C).
    """
    down = (1 / scale[0], 1 / scale[1])
    size = output_size(image.shape, down)
    kernel = "cubic" if kernel is None else kernel
    return imresize(image, scale=down, size=size, kernel=kernel)


def interpolate(image, scale, size):
    """The image a factor larger by bicubic interpolation.

    Args:
        image: ndarray (H, W, C), float32 in [0, 1].
        scale: pair (y, x) of factors, at least 1.
        size: pair (height, width) of the result.

    Returns:
        float32 ndarray (height, width, C).
    """
    return imresize(image, scale=tuple(scale), size=tuple(size))
