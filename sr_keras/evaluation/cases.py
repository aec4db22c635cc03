"""What `evaluate` scores: where the SR and HR images come from."""

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sr_keras.evaluation.pair_files import pair
from sr_keras.imaging import color, images, match_files
from sr_keras.imaging.listing import find_hr, find_images
from sr_keras.imaging.resize import imresize, output_size, parse_scale
from sr_keras.inference import channels, earlier
from sr_keras.models import CLASSICAL
from sr_keras.support.atomic import Originals
from sr_keras.support.console import load_keras

# What a size in pixels times a factor may be off by, in floating point.
_EPSILON = 1e-6


class Case(NamedTuple):
    """One image to score.

    Attributes:
        sr: ndarray (H, W, C).
        hr: what it should be.
        bicubic: bicubic interpolation, ndarray; None where there is nothing to
            interpolate or it is what `sr` is.
        grey: bool, whether the HR file is grey.
    """

    sr: np.ndarray
    hr: np.ndarray
    bicubic: np.ndarray | None
    grey: bool


class Task(NamedTuple):
    """What to score.

    Attributes:
        scale: pair (sy, sx).
        sets: list of (name, jobs), and jobs a list of (file, make); make()
            reads and computes one `Case`.
    """

    scale: tuple[float, float]
    sets: list[tuple[str, list[tuple[str, Callable]]]]


def task(args) -> Task:
    """Make the list of what to score, and check that all of it is there.

    Args:
        args: the parsed arguments of `evaluate`.

    Returns:
        The task; nothing is read or computed yet but a network.

    Raises:
        ValueError: for a scale, network or pairing that cannot be used.
        FileNotFoundError: for files that are not there.
    """
    if args.sr is not None:
        return _task_of_files(args.sr, args.hr, parse_scale(args.scale))
    factor = None if args.scale is None else max(parse_scale(args.scale))
    luma = args.luma_pipeline
    enlarge, own_scale = _enlarger(
        args.model, factor, args.self_ensemble, args.precision, luma
    )
    if args.scale is None and own_scale is None:
        raise ValueError(f"--scale is missing: {args.model} has none itself")
    scale = parse_scale(own_scale if args.scale is None else args.scale)
    if luma and own_scale is not None and set(scale) != {own_scale}:
        raise ValueError(
            f"--luma-pipeline needs the network's own scale, {own_scale}, not "
            f"{args.scale}"
        )
    folders = [_hr_folder(folder) for folder in args.data]
    names = _names(folders)
    lr_folders = args.lr or [None] * len(folders)
    found = [
        _without_sr(args, name, find_hr(folder))
        for name, folder in zip(names, folders, strict=True)
    ]
    return Task(
        scale,
        [
            (name, _jobs(of_hr, lr_folder, enlarge, scale, luma))
            for name, of_hr, lr_folder in zip(
                names, found, lr_folders, strict=True
            )
        ],
    )


def originals(args) -> Originals:
    """The files that are read.

    Args:
        args: the parsed arguments of `evaluate`.
    """
    given = [args.sr, args.hr, *(args.lr or ())]
    given = [path for path in given if path is not None]
    found = [images.find(path) for path in given if Path(path).is_dir()]
    folders = [_hr_folder(folder) for folder in args.data or ()]
    for name, folder in zip(_names(folders), folders, strict=True):
        found.append(_without_sr(args, name, images.find(folder)))
    inside = [path for files in found for path, _ in files]
    weights = [args.vgg_weights, *(args.lpips_weights or ())]
    files = [args.model] if isinstance(args.model, str) else []
    return Originals([*files, *given, *inside, *weights])


def _without_sr(args, name, found):
    """The images of a data set, without SR images saved among them."""
    album = args.save_images
    return earlier.outside(found, place_in(album, name)) if album else found


def _task_of_files(sr, hr, scale):
    for path in (sr, hr):
        if not Path(path).exists():
            raise FileNotFoundError(f"there is no file or folder {path}")
    if Path(sr).is_file() != Path(hr).is_file():
        raise ValueError(
            f"--sr {sr} and --hr {hr} have to be two files or two folders"
        )
    if Path(sr).is_file():
        found = [(Path(sr), Path(hr), Path(Path(hr).name))]
        folder = Path(hr).parent
    else:
        folder = _hr_folder(hr)
        found = pair(find_images(sr), find_hr(folder), "SR")
    jobs = [
        (name.as_posix(), functools.partial(_read, sr_path, hr_path, scale))
        for sr_path, hr_path, name in found
    ]
    return Task(scale, [(_names([folder])[0], jobs)])


def _read(sr_path, hr_path, scale):
    """Read one case."""
    sr, hr = (images.read(path).on_white() for path in (sr_path, hr_path))
    hr = _cropped(hr, sr.shape[:2], scale)
    return Case(sr, hr, None, _is_grey(hr))


def _hr_folder(folder):
    """A data set's folder may hold its HR images in one called HR."""
    inner = Path(folder) / "HR"
    return inner if inner.is_dir() else Path(folder)


def _names(folders):
    """What the data sets are called: their paths, where names are equal."""
    names = []
    for folder in folders:
        whole = Path(folder).resolve()
        names.append(whole.parent.name if whole.name == "HR" else whole.name)
    return [
        name if name and names.count(name) == 1 else str(folder)
        for name, folder in zip(names, folders, strict=True)
    ]


def _jobs(found, lr_folder, enlarge, scale, luma):
    if lr_folder is None:
        lr_paths = [(None, path, name) for path, name in found]
    else:
        both = find_images(lr_folder)
        lr_paths = pair(match_files.split(both)[1] or both, found, "LR")
    return [
        (
            name.as_posix(),
            functools.partial(
                _enlarged, lr_path, hr_path, enlarge, scale, luma
            ),
        )
        for lr_path, hr_path, name in lr_paths
    ]


def _enlarged(lr_path, hr_path, enlarge, scale, luma):
    """Make one case with a network or an interpolation."""
    hr = _codes(hr_path)
    grey = _is_grey(hr)
    if luma:
        hr = _luma(hr)
    if lr_path is None:
        lr_size, size = _cropped_sizes(hr.shape[:2], scale)
        hr = hr[: size[0], : size[1]]
        lr = imresize(hr, tuple(1 / s for s in scale), lr_size)
    else:
        lr = _codes(lr_path)
        size = output_size(lr.shape[:2], scale)
        hr = _cropped(hr, size, scale)
    sr = enlarge(lr, scale, size)
    bicubic = None if enlarge == _bicubic else _bicubic(lr, scale, size)
    return Case(sr, hr, bicubic, grey)


def _codes(path):
    """The pixels as the file has them: uint8 and uint16 stay so.

    MATLAB rounds integer images after each axis. The papers' numbers are of
    8-bit images resized so.
    """
    image = images.read(path)
    return images.quantize(image.on_white(), image.bits)


def _is_grey(pixels):
    return pixels.shape[-1] == 1


def _luma(codes):
    """Rounded Y in floats, of which the luma pipeline makes LR.

    Dong et al. 2014, the authors' demo_SR.m: `rgb2ycbcr` of 8-bit images, then
    `single`; LR and SR stay floats until SR is rounded to be compared.
    """
    top = np.iinfo(codes.dtype).max if codes.dtype.kind == "u" else 1
    return color.luma8(images.quantize(codes / top, 8) / 255)


def _cropped_sizes(shape, scale):
    """The sizes of LR, and of the part of HR that it covers."""
    lr = [
        math.floor(n / s + _EPSILON) for n, s in zip(shape, scale, strict=True)
    ]
    if min(lr) < 1:
        raise ValueError(
            f"the image, {shape[1]}x{shape[0]}, is smaller than one pixel at "
            f"scale {scale}: use a larger image"
        )
    return tuple(lr), output_size(lr, scale)


def _cropped(hr, size, scale):
    """Cut off of HR what no whole LR pixel covers: less than one of them."""
    more = [n - m for n, m in zip(hr.shape[:2], size, strict=True)]
    if all(0 <= d < math.ceil(s) for d, s in zip(more, scale, strict=True)):
        return hr[: size[0], : size[1]]
    return hr  # other sizes are for `metrics.score` to refuse


def _enlarger(model, factor, self_ensemble, precision=None, luma=False):
    """A function (lr, scale, size) -> sr, and the network's own scale.

    Of weights for several factors, those for `factor` are taken.
    """
    if isinstance(model, str) and model in CLASSICAL:
        if self_ensemble:
            raise ValueError(f"--self-ensemble is for networks, not {model}")
        if precision:
            raise ValueError(f"--precision is for networks, not {model}")
        return {"bicubic": _bicubic}.get(
            model, functools.partial(_interpolate, model)
        ), None
    load_keras()
    from sr_keras.inference.load import network_of

    network = network_of(model, factor)
    if precision:
        from sr_keras.inference.precision import compute_in

        compute_in(network, precision, to_use=True)
    own_scale = getattr(network, "scale", None)
    if luma:
        return _luma_enlarger(network), own_scale
    return functools.partial(_upscale, network, self_ensemble), own_scale


def _interpolate(method, lr, scale, size):
    return imresize(lr, scale, size, method)


def _bicubic(lr, scale, size):
    return imresize(lr, scale, size)


def _upscale(network, self_ensemble, lr, scale, size):
    from sr_keras.inference.upscale import upscale

    if lr.dtype.kind != "f":
        lr = lr / np.float32(np.iinfo(lr.dtype).max)
    more = {} if self_ensemble is None else {"self_ensemble": self_ensemble}
    return np.asarray(upscale(lr, network, scale, size, **more))


def _luma_enlarger(network):
    """A function (y, scale, size) -> SR's y, of a network for luma."""
    from sr_keras.inference.refine import forward_of
    from sr_keras.models.network import Network

    if not isinstance(network, Network) or not channels.is_for_luma(network):
        raise ValueError(
            "--luma-pipeline is for interpolations and for networks that see "
            f"luma alone, not {network.name}: leave it out"
        )
    forward = forward_of(network)
    return lambda y, scale, size: forward(y.astype("float32"))


def place_in(album, data):
    """The folder for the SR images of a data set.

    Args:
        album: str or Path of the folder for all of them.
        data: str, the data set's name.

    Returns:
        Path.
    """
    return Path(album) / data.strip("/").replace("/", "_")


class Album:
    """A folder for the SR images.

    Args:
        folder: str.

    Raises:
        ValueError: it is a file.
    """

    def __init__(self, folder):
        self._folder = Path(folder)
        if self._folder.exists() and not self._folder.is_dir():
            raise ValueError(f"--save-images {folder} is a file: give a folder")

    def path(self, data, file, scale):
        """Where an SR image goes: see `save`."""
        path = (place_in(self._folder, data) / file).with_suffix("")
        return path.with_name(f"{path.name}_x{scale}.png")

    def save(self, sr, data, file, scale):
        """Write one image.

        Args:
            sr: ndarray (H, W, C): uint8, uint16, or floating in [0, 1].
            data: str, the data set's name.
            file: str, the image's path within it.
            scale: what its name tells, 2 or "1.5x2".

        Raises:
            OSError: it cannot be written.
        """
        path = self.path(data, file, scale)
        path.parent.mkdir(parents=True, exist_ok=True)
        bits = 16 if sr.dtype == np.uint16 else 8
        if sr.dtype.kind != "f":
            sr = sr / np.float32(np.iinfo(sr.dtype).max)
        images.write(path, images.Image(sr, bits=bits))
