"""MATLAB's `imresize` and downscaling with a blur kernel.

Both are linear, so an image is resized by matrix products: one matrix for
each axis, with the mirrored border folded into it. The NumPy functions are
the reference and use sparse matrices; `resize` does the same with Keras ops.

The geometry is MATLAB's: pixel i of the output sits at (i + 0.5)/scale - 0.5
in the input's pixels, and beyond its edge the image is mirrored with the edge
pixel repeated.
"""

import functools
import math

import numpy as np
from scipy import sparse

from sr_keras.imaging.kernels import (
    FOURIER,
    KERNELS,
    REPEATING,
    UNSTRETCHED,
    check_kernel,
    cubic,
    fourier,
    load_kernel,
)
from sr_keras.imaging.scale import (
    MAX_FACTOR,
    check_scale,
    check_size,
    geometry,
    output_size,
    parse_scale,
)

__all__ = [
    "MAX_FACTOR",
    "apply",
    "cubic",
    "downscale_with_kernel",
    "imresize",
    "imresize_part",
    "load_kernel",
    "matrices",
    "output_size",
    "parse_scale",
    "resize",
    "weights",
]

# Singular values of a blur kernel below this share of the largest one are
# rounding noise: what they would add to a pixel is less than 1e-7.
_RANK_TOLERANCE = 1e-9


def imresize(
    image: np.ndarray, scale=None, size=None, kernel="cubic", antialias=True
) -> np.ndarray:
    """Resize an image as MATLAB's `imresize` does.

    The axis with the smaller scale goes first, rows where they are equal, and
    integer images are rounded after each of the two, so that the result is
    MATLAB's bit for bit. With a blur kernel see `downscale_with_kernel`.

    Args:
        image: array (H, W) or (H, W, C); uint8, uint16 or floating.
        scale: number or pair (sy, sx), output over input; from `size` when
            None. With `size` as well, it alone says where pixels lie.
        size: pair (height, width) of the output; ceil(length * scale) when
            None, as in MATLAB.
        kernel: "cubic" or "bicubic" (Keys, a = -0.5), "linear" or "bilinear",
            "box", "nearest" (box without antialiasing), "lanczos3" or
            "lanczos", "bicubic-opencv" (a = -0.75, the border repeated, no
            antialiasing: of floats cv2.resize with INTER_CUBIC), "fourier"
            (see `kernels.fourier`), or a 2-D blur kernel.
        antialias: whether shrinking widens the kernel; not for
            "bicubic-opencv", "fourier" and blur kernels.

    Returns:
        Array (h, w) or (h, w, C) of the input's dtype. Floats are computed
        in float64 and not clipped.

    Raises:
        ValueError: for a shape, scale, size or kernel that cannot be used.
        TypeError: for a dtype that is not listed above.
    """
    if not isinstance(kernel, str):
        return downscale_with_kernel(image, kernel, scale, size)
    image = _check_image(image)
    (sy, sx), (h, w) = geometry(image.shape[:2], scale, size)
    down = _sampling(image.shape[0], h, sy, kernel, antialias)
    across = _sampling(image.shape[1], w, sx, kernel, antialias)
    if sy <= sx:
        rows = _as_dtype(_rows(down, image), image.dtype)
        return _as_dtype(_columns(across, rows), image.dtype)
    columns = _as_dtype(_columns(across, image), image.dtype)
    return _as_dtype(_rows(down, columns), image.dtype)


def imresize_part(image: np.ndarray, scale, part, kernel="cubic"):
    """A part of what `imresize` returns, without making the rest.

    Args:
        image: array (H, W) or (H, W, C); uint8, uint16 or floating.
        scale: number or pair (sy, sx), output over input.
        part: pair of slices of the output, with both ends.
        kernel: a name, as in `imresize`, but for "fourier".

    Returns:
        imresize(image, scale, kernel=kernel)[part], to the same bits.

    Raises:
        ValueError: for a shape, scale or kernel that cannot be used.
        TypeError: for a dtype that is not listed above.
    """
    image = _check_image(image)
    scales, sizes = geometry(image.shape[:2], scale, None)
    axes = zip(image.shape[:2], sizes, scales, part, strict=True)
    matrices, used = [], []
    for length, size, factor, rows in axes:
        matrix = _sampling(length, size, factor, kernel, True)[rows]
        low, high = matrix.indices.min(), matrix.indices.max() + 1
        matrices.append(matrix[:, low:high])
        used.append(slice(low, high))
    steps = list(zip((_rows, _columns), matrices, strict=True))
    dtype, image = image.dtype, image[tuple(used)]
    for step, matrix in steps if scales[0] <= scales[1] else steps[::-1]:
        image = _as_dtype(step(matrix, image), dtype)
    return image


def downscale_with_kernel(
    image: np.ndarray, kernel: np.ndarray, scale=None, size=None
) -> np.ndarray:
    """Blur an image with a kernel and sample it at MATLAB's positions.

    The image, mirrored at its borders, is correlated with the kernel. Pixel
    i of the output is the result at (i + 0.5)/scale - 0.5, with the kernel's
    centre of mass there, so that every kernel keeps the image in place: this
    is the kernel shift of KernelGAN (Bell-Kligler et al. 2019) and ZSSR.
    Where that is between pixels (always, for even factors) the result is
    interpolated with Keys' cubic, a = -0.5, which is the same as shifting
    the kernel with it. A kernel of one pixel thus gives
    `imresize(image, scale, antialias=False)`.

    Args:
        image: array (H, W) or (H, W, C); uint8, uint16 or floating.
        kernel: array (h, w), both odd, that sums to 1.
        scale: number or pair (sy, sx), output over input, at most 1; from
            `size` when None.
        size: pair (height, width) of the output; ceil(length * scale) when
            None.

    Returns:
        Array of the input's dtype; integers are rounded once, at the end.

    Raises:
        ValueError: for a shape, scale, size or kernel that cannot be used.
        TypeError: for a dtype that is not listed above.
    """
    image = _check_image(image)
    pairs = matrices(image.shape[:2], scale, size, kernel)
    return _as_dtype(apply(pairs, image), image.dtype)


def resize(images, scale=None, size=None, kernel="cubic", antialias=True):
    """The Keras twin of `imresize`, for batches of float images.

    It works in eager mode, in tf.function and in Dataset.map, and gradients
    flow through it. The products are made in float64 (float32 under JAX):
    on recent GPUs TensorFlow's float32 products keep 10 bits only.

    Args:
        images: tensor (N, H, W, C), floating, with known H, W and C.
        scale: as in `imresize`.
        size: as in `imresize`.
        kernel: as in `imresize`.
        antialias: as in `imresize`.

    Returns:
        Tensor (N, h, w, C) of the input's dtype, not clipped.

    Raises:
        ValueError: for a shape, scale, size or kernel that cannot be used.
        TypeError: for a tensor that is not floating.
    """
    import keras
    from keras import ops

    dtype = keras.backend.standardize_dtype(images.dtype)
    if "float" not in dtype:
        raise TypeError(
            f"resize needs floating images in [0, 1], not {dtype}: divide "
            "them by 255, or use imresize"
        )
    pairs = matrices(_static(images.shape), scale, size, kernel, antialias)
    wide = "float32" if keras.backend.backend() == "jax" else "float64"
    x = ops.cast(images, wide)
    n, c = -1, x.shape[3]
    total = 0
    for down, across in pairs:
        down = ops.convert_to_tensor(_dense(down), dtype=wide)
        across = ops.convert_to_tensor(_dense(across), dtype=wide)
        y = ops.reshape(x, (n, x.shape[1], x.shape[2] * c))
        y = ops.reshape(ops.matmul(down, y), (n, down.shape[0], x.shape[2], c))
        total = total + ops.einsum("pw,nhwc->nhpc", across, y)
    return ops.cast(total, dtype)


def weights(
    in_size: int, out_size: int, scale: float, kernel="cubic", antialias=True
) -> np.ndarray:
    """The matrix that resizes one axis, with the mirrored border in it.

    Args:
        in_size: length of the input, at least 1.
        out_size: length of the output, at least 1.
        scale: positive number; where the output's pixels lie.
        kernel: name, as in `imresize`.
        antialias: whether shrinking widens the kernel.

    Returns:
        Array (out_size, in_size), float64; each row sums to 1.

    Raises:
        ValueError: for a scale, length or kernel that cannot be used.
    """
    (scale,), _ = check_scale((scale,)), check_size((in_size, out_size))
    return _dense(_sampling(in_size, out_size, scale, kernel, antialias))


def _check_image(image):
    image = np.asarray(image)
    if image.ndim not in (2, 3) or 0 in image.shape:
        raise ValueError(
            "an image has shape (height, width) or (height, width, channels) "
            f"with no length 0; got {image.shape}"
        )
    if image.dtype.kind != "f" and image.dtype not in (np.uint8, np.uint16):
        raise TypeError(
            f"an image is uint8, uint16 or floating, not {image.dtype}: "
            "convert it"
        )
    return image


def _static(shape):
    """The height and width of a batch, which have to be known."""
    if len(shape) != 4 or None in tuple(shape)[1:]:
        raise ValueError(
            "resize needs images of shape (N, H, W, C) with known H, W and C; "
            f"got {tuple(shape)}: set the shape, or batch equal sizes"
        )
    return tuple(shape)[1:3]


def matrices(shape, scale=None, size=None, kernel="cubic", antialias=True):
    """Resizing as matrices, for those who resize one size many times.

    A named kernel is separable and makes one pair; a blur kernel makes one
    for each of its singular values.

    Args:
        shape: pair (H, W) of the input.
        scale: as in `imresize`.
        size: as in `imresize`.
        kernel: as in `imresize`.
        antialias: as in `imresize`.

    Returns:
        List of pairs (down, across) of sparse float64 arrays, (h, H) and
        (w, W): the output is the sum of down @ image @ across.T.

    Raises:
        ValueError: for a scale, size or kernel that cannot be used.
    """
    scale, size = geometry(shape, scale, size)
    axes = tuple(zip(shape, size, scale, strict=True))
    if isinstance(kernel, str):
        return [tuple(_sampling(*axis, kernel, antialias) for axis in axes)]
    if max(scale) > 1:
        raise ValueError(
            f"a blur kernel is for shrinking, scale at most 1; got {scale}: "
            "enlarge with kernel='cubic'"
        )
    kernel = check_kernel(kernel)
    centre = [_centre_of_mass(kernel.sum(1)), _centre_of_mass(kernel.sum(0))]
    u, s, vt = np.linalg.svd(kernel)
    return [
        (
            _blurring(*axes[0], u[:, r] * s[r], centre[0]),
            _blurring(*axes[1], vt[r], centre[1]),
        )
        for r in range(len(s))
        if s[r] > s[0] * _RANK_TOLERANCE
    ]


def _centre_of_mass(line):
    """Where the mass of a 1-D kernel is, from its middle pixel."""
    return float(line @ np.arange(len(line)) / line.sum()) - len(line) // 2


def _sampling(in_size, out_size, scale, kernel, antialias):
    """The matrix of one axis for a named kernel; sparse, but for Fourier's."""
    if kernel == FOURIER:  # not cached: these are large
        return fourier(in_size, out_size, scale)
    if kernel not in KERNELS:
        raise ValueError(
            f"there is no kernel {kernel!r}: choose one of "
            f"{', '.join((*KERNELS, FOURIER))}, or give a 2-D array"
        )
    return _tapped(in_size, out_size, scale, kernel, antialias)


@functools.lru_cache(maxsize=64)
def _tapped(in_size, out_size, scale, kernel, antialias):
    """The sparse matrix of one axis for a kernel in `KERNELS`."""
    function, width = KERNELS[kernel]
    shrink = antialias and scale < 1 and kernel not in UNSTRETCHED
    stretch = scale if shrink else 1.0
    u = (np.arange(out_size) + 0.5) / scale - 0.5
    first = np.floor(u - width / stretch / 2).astype(int)
    taps = first[:, None] + np.arange(math.ceil(width / stretch) + 2)
    values = function((u[:, None] - taps) * stretch)
    values /= values.sum(axis=1, keepdims=True)
    if kernel in REPEATING:
        return _sparse(np.clip(taps, 0, in_size - 1), values, in_size)
    return _folded(taps, values, in_size)


def _blurring(in_size, out_size, scale, line, centre):
    """The sparse matrix that correlates one axis with `line` and samples it.

    The taps of Keys' cubic at each position and those of the kernel make one
    longer kernel, their convolution.
    """
    u = (np.arange(out_size) + 0.5) / scale - 0.5 - centre
    first = np.floor(u).astype(int) - 1
    keys = cubic(u[:, None] - (first[:, None] + np.arange(4)))
    values = np.zeros((out_size, len(line) + 3))
    for t in range(4):
        values[:, t : t + len(line)] += keys[:, t : t + 1] * line
    taps = first[:, None] - len(line) // 2 + np.arange(values.shape[1])
    return _folded(taps, values, in_size)


def _folded(taps, values, in_size):
    """A sparse matrix from taps, those beyond the border mirrored."""
    mirrored = np.r_[:in_size, in_size - 1 : -1 : -1][taps % (2 * in_size)]
    return _sparse(mirrored, values, in_size)


def _sparse(taps, values, in_size):
    """A sparse matrix from taps that lie within the image."""
    starts = np.arange(len(taps) + 1) * taps.shape[1]
    return sparse.csr_array(
        (values.ravel(), taps.ravel(), starts), shape=(len(taps), in_size)
    )


def _dense(matrix):
    return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()


def apply(pairs, image):
    """Resize with `matrices`, in their dtype.

    Args:
        pairs: what `matrices` returned, or rows and columns of it.
        image: array (H, W) or (H, W, C).

    Returns:
        Array (h, w) or (h, w, C) of the matrices' dtype.
    """
    return sum(_columns(x, _rows(y, image)) for y, x in pairs)


def _rows(matrix, image):
    flat = image.astype(matrix.dtype, copy=False).reshape(len(image), -1)
    return (matrix @ flat).reshape(-1, *image.shape[1:])


def _columns(matrix, image):
    return _rows(matrix, image.swapaxes(0, 1)).swapaxes(0, 1)


def _as_dtype(values, dtype):
    """Round half away from zero and clip, where the dtype is an integer."""
    if dtype.kind == "f":
        return np.ascontiguousarray(values, dtype)
    top = np.iinfo(dtype).max
    return np.ascontiguousarray(np.clip(np.floor(values + 0.5), 0, top), dtype)
