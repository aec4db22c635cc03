"""Kernels: those that interpolate, by name, and blur kernels from files."""

import zipfile
from pathlib import Path

import numpy as np

SUM_TOLERANCE = 1e-3  # how far from 1 the sum of a stored kernel may be


def cubic(x: np.ndarray) -> np.ndarray:
    """Keys 1981, "Cubic convolution interpolation", eq. 15: a = -0.5.

    Args:
        x: array, distances in pixels.

    Returns:
        Array of the same shape, the weights.
    """
    x = np.abs(x)
    inner = (1.5 * x - 2.5) * x * x + 1
    outer = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, inner, np.where(x <= 2, outer, 0.0))


def steep_cubic(x: np.ndarray) -> np.ndarray:
    """Keys' kernel with a = -0.75, of OpenCV's and PyTorch's bicubic.

    Args:
        x: array, distances in pixels.

    Returns:
        Array of the same shape, the weights.
    """
    x, a = np.abs(x), -0.75
    inner = ((a + 2) * x - (a + 3)) * x * x + 1
    outer = a * (((x - 5) * x + 8) * x - 4)
    return np.where(x <= 1, inner, np.where(x <= 2, outer, 0.0))


def fourier(in_size: int, out_size: int, scale: float) -> np.ndarray:
    """The matrix of the Fourier interpolation for one axis.

    The line is mirrored at its ends, which makes it periodic without a jump,
    and its spectrum is padded with zeros: the result is the band-limited
    line through the pixels. That spectrum is the DCT-II; put back together
    at other positions, pixel n's share in position u is
    (1 + 2 sum_k cos(pi k (u+1/2)/N) cos(pi k (n+1/2)/N)) / N, k = 1..N-1,
    and the sum is two Dirichlet kernels.

    Args:
        in_size: length N of the input.
        out_size: length of the output.
        scale: positive number, as in `resize.imresize`.

    Returns:
        Array (out_size, in_size), float64; each row sums to 1.
    """
    a = np.pi * (np.arange(out_size)[:, None] + 0.5) / (scale * in_size)
    b = np.pi * (np.arange(in_size) + 0.5) / in_size
    total = _dirichlet(a - b, in_size) + _dirichlet(a + b, in_size)
    return total / (2 * in_size)


def _dirichlet(t, n):
    """sin((n - 1/2) t) / sin(t / 2), and its limit at multiples of 2 pi."""
    half = np.sin(t / 2)
    pole = np.abs(half) < 1e-12
    ratio = np.sin((n - 0.5) * t) / np.where(pole, 1, half)
    return np.where(pole, 2 * n - 1, ratio)


def _linear(x):
    return np.maximum(1 - np.abs(x), 0)


def _box(x):
    return ((x >= -0.5) & (x < 0.5)).astype(np.float64)


def _lanczos3(x):
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


FOURIER = "fourier"  # the one whose reach is the whole image

# Name -> the function and its width, in pixels.
KERNELS = {
    "cubic": (cubic, 4),
    "bicubic": (cubic, 4),
    "bicubic-opencv": (steep_cubic, 4),
    "linear": (_linear, 2),
    "bilinear": (_linear, 2),
    "box": (_box, 1),
    "nearest": (_box, 1),
    "lanczos3": (_lanczos3, 6),
    "lanczos": (_lanczos3, 6),
}
# Kernels that are as wide when an image shrinks: no antialiasing.
UNSTRETCHED = ("nearest", "bicubic-opencv")
# Kernels that repeat the border's pixels; the others mirror the image.
REPEATING = ("bicubic-opencv",)


def load_kernel(path) -> np.ndarray:
    """Read a blur kernel from a .npy or .mat file.

    Args:
        path: str or Path. A .mat file holds one 2-D numeric variable, or
            several with one called "Kernel" or "kernel".

    Returns:
        Array (h, w), float64, both odd, scaled to sum to exactly 1.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: for a file that holds no usable kernel.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no kernel file {path}")
    readers = {".npy": _read_npy, ".mat": _read_mat}
    if path.suffix.lower() not in readers:
        raise ValueError(
            f"a kernel file ends in .npy or .mat, not {path.name}: save it "
            "with numpy.save or scipy.io.savemat"
        )
    array = readers[path.suffix.lower()](path)
    try:
        return check_kernel(array)
    except ValueError as e:
        raise ValueError(f"{path}: {e}") from None


def _read_npy(path):
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as e:
        raise ValueError(
            f"{path} is not a .npy file of numbers ({e}): save the kernel "
            "with numpy.save"
        ) from None


def _read_mat(path):
    from scipy import io

    try:
        content = io.loadmat(path)
    except Exception as e:  # loadmat raises whatever its parser stumbles on
        raise ValueError(
            f"{path} is not a MATLAB file that SciPy reads ({e}): save it "
            "with scipy.io.savemat or, in MATLAB, save -v7"
        ) from None
    numeric = {
        name: value
        for name, value in content.items()
        if not name.startswith("__")
        and isinstance(value, np.ndarray)
        and value.dtype.kind in "iuf"
        and min(value.shape, default=0) > 0
    }
    for name in ("Kernel", "kernel"):
        if name in numeric:
            return numeric[name]
    planes = {n: v for n, v in numeric.items() if v.ndim == 2 and v.size > 1}
    if len(planes) != 1:
        raise ValueError(
            f"{path} has {len(planes)} 2-D arrays ({', '.join(planes)}): call "
            "the kernel's variable Kernel"
        )
    return next(iter(planes.values()))


def check_kernel(kernel):
    """Check that an array is a usable blur kernel.

    Args:
        kernel: array (h, w), real, both odd, that sums to 1 within 0.001.

    Returns:
        The kernel in float64, scaled to sum to exactly 1.

    Raises:
        ValueError: where it is anything else.
    """
    kernel = np.asarray(kernel)
    if kernel.dtype.kind not in "iuf":
        raise ValueError(
            f"a blur kernel holds real numbers, not {kernel.dtype}: convert "
            "it to float64"
        )
    kernel = kernel.astype(np.float64)
    if kernel.ndim != 2:
        raise ValueError(
            "a blur kernel is a 2-D array, such as 15x15; this one has shape "
            f"{kernel.shape}"
        )
    if not (kernel.shape[0] % 2 and kernel.shape[1] % 2):
        raise ValueError(
            "both sides of a blur kernel are odd, so that it has a centre; "
            f"this one has shape {kernel.shape}: pad it with a row or column "
            "of zeros"
        )
    if not np.isfinite(kernel).all():
        bad = np.argwhere(~np.isfinite(kernel))[0].tolist()
        raise ValueError(
            f"a blur kernel is finite; this one is {kernel[tuple(bad)]} at "
            f"{bad}: remove what made it so"
        )
    total = kernel.sum()
    if abs(total - 1) > SUM_TOLERANCE:
        raise ValueError(
            f"a blur kernel sums to 1 within {SUM_TOLERANCE:g}, so that it "
            f"keeps the brightness; this one sums to {total:.6g}: divide it "
            "by its sum"
        )
    return kernel / total
