"""Whether a file computes what its network does, and what it costs."""

import json
import statistics
import subprocess
import sys

import numpy as np

from sr_keras.evaluation.metrics import score
from sr_keras.exporting import benchmark, calibration
from sr_keras.imaging import images
from sr_keras.inference.refine import Finish
from sr_keras.models.protocols import DEFAULT
from sr_keras.support import signals

# The most pixels a side of an image whose every value is compared.
_COMPARED = 192

# What stands for the PSNR of equal images.
_EQUAL = 100.0

# Seconds after which a child that measures is given up.
_PATIENCE = 600


def compare(picture, made, photos):
    """Compare a file with its network.

    Args:
        picture: graph.Picture, what was exported.
        made: exported.Exported, the file, loaded again.
        photos: list of pairs of a name and a Path, HR.

    Returns:
        dict of JSON values.

    Raises:
        ValueError: the file gives no numbers, or a photo cannot be used.
    """
    rows, largest, total, count = [], 0.0, 0.0, 0
    for name, path in photos:
        lr, hr = calibration.pair(path, picture)
        difference = _difference(picture, made, lr)
        largest = max(largest, float(difference.max()))
        total, count = total + difference.sum(), count + difference.size
        rows.append({"photo": name, **_scores(picture, made, lr, hr)})
    mean = {
        kind: statistics.fmean(row[kind] for row in rows)
        for kind in ("psnr_keras", "psnr_file")
    }
    return {
        **{k: made.about[k] for k in ("name", "scale", "format")},
        "quantize": made.about.get("quantize", "none"),
        "input_size": made.about.get("input_size"),
        "max_difference": largest,
        "mean_difference": float(total / count),
        "protocol": DEFAULT,
        **mean,
        "loss_db": mean["psnr_keras"] - mean["psnr_file"],
        "photos": rows,
    }


def contents(path, kind):
    """Size and operations of a file.

    Args:
        path: Path.
        kind: str, its format.

    Returns:
        dict of JSON values.
    """
    return {"bytes": _bytes(path), "operations": _operations(path, kind)}


def measured(picture, path, settings):
    """Time and memory that a file takes.

    The file is run in a process of its own, which has nothing else in its
    memory.

    Args:
        picture: graph.Picture.
        path: Path of the file.
        settings: settings.Settings.

    Returns:
        dict of JSON values.
    """
    size = settings.input_size or benchmark.SIZE
    command = [sys.executable, "-m", "sr_keras.exporting.benchmark"]
    command += [str(path), settings.format, *map(str, size)]
    found = json.loads(_output_of(command, settings.output))
    image = benchmark.image((*size, picture.channels))
    seconds = benchmark.seconds(lambda: picture.compiled(image))
    return {
        "measured_at": list(size),
        "milliseconds": 1000 * found["seconds"],
        "milliseconds_keras": 1000 * seconds,
        "peak_megabytes": found["bytes"] / 1e6,
    }


def _output_of(command, name):
    """What a process prints, which ends with this one."""
    pipe = subprocess.PIPE
    with (
        subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as child,
        signals.undone(child.kill),
    ):
        try:
            out, errors = child.communicate(timeout=_PATIENCE)
        finally:
            child.kill()
    if child.returncode:
        reason = (errors.strip().splitlines() or ["it was killed"])[-1]
        raise ValueError(f"{name} cannot be run: {reason}")
    return out


def markdown(report):
    """The report for people.

    Args:
        report: dict, of `compare` and `measured`.

    Returns:
        str.
    """
    size = report["input_size"]
    lines = [
        f"# {report['file']}",
        "",
        f"{report['name']} x{report['scale']}, {report['format']}, quantize "
        f"{report['quantize']}, input "
        f"{f'{size[1]}x{size[0]}' if size else 'of any size'}.",
        "",
        "| photo | PSNR of Keras | PSNR of the file |",
        "|---|---|---|",
    ]
    for row in report["photos"]:
        lines.append(
            f"| {row['photo']} | {row['psnr_keras']:.3f} | "
            f"{row['psnr_file']:.3f} |"
        )
    lines += [
        f"| mean | {report['psnr_keras']:.3f} | {report['psnr_file']:.3f} |",
        "",
        *(f"- {line}" for line in summary(report)),
        "",
        f"PSNR is that of the protocol {report['protocol']}, in dB; LR was "
        "made of the photos with bicubic imresize. Differences are of values "
        "in [0, 1].",
    ]
    return "\n".join(lines) + "\n"


def summary(report):
    """The report in a few lines.

    Args:
        report: dict, of `compare`, `contents` and `measured`.

    Returns:
        List of str.
    """
    loss = round(report["loss_db"], 3) + 0  # not -0.000
    lines = [
        f"loss {loss:.3f} dB: {report['psnr_file']:.3f} against "
        f"{report['psnr_keras']:.3f} of Keras",
        f"largest difference {report['max_difference']:.2g}, mean "
        f"{report['mean_difference']:.2g}",
    ]
    names = report["operations"].items()
    listed = ", ".join(f"{k} x{n}" if n > 1 else k for k, n in names)
    lines += [f"{report['bytes'] / 1000:,.1f} KB", f"operations: {listed}"]
    if "measured_at" in report:
        height, width = report["measured_at"]
        lines.append(
            f"{width}x{height} in {report['milliseconds']:.1f} ms and "
            f"{report['peak_megabytes']:.0f} MB; in Keras "
            f"{report['milliseconds_keras']:.1f} ms"
        )
    return lines


def _difference(picture, made, lr):
    """What a window of LR becomes in both, its centre at the image's."""
    image = calibration.fitted(lr, picture)
    size = made.size or (_COMPARED, _COMPARED)
    cut = []
    for n, m in zip(image.shape[:2], size, strict=False):
        start = max(n - m, 0) // 2
        cut.append(slice(start, start + m))
    image = image[tuple(cut)]
    if made.size:
        more = [m - n for n, m in zip(image.shape, size, strict=False)]
        image = np.pad(image, [*((0, n) for n in more), (0, 0)], "symmetric")
    expected, found = picture.compiled(image[None]), made(image[None])
    if expected.shape != found.shape:
        raise ValueError(
            f"the file gives {found.shape}, the network {expected.shape}"
        )
    difference = np.abs(expected - found)
    if not np.isfinite(difference).all():
        raise ValueError(
            f"{picture.network.name} gives NaN or infinity: no file is written"
        )
    return difference


def _scores(picture, made, lr, hr):
    """PSNR of both, through the tiles of `upscale`."""
    from sr_keras.inference.route import enlargement
    from sr_keras.inference.tiled import Pixels

    plain = Finish(fusion="none", back_projection=0)
    if made.zero_shot:
        lr = calibration.fitted(lr, picture)
        whole = hr / np.float32(np.iinfo(hr.dtype).max)
        hr = images.quantize(calibration.fitted(whole, picture), 8)
    seen = slice(3 if hr.shape[-1] > 2 else 1)  # without alpha
    found = {}
    for kind, network in (("keras", picture.network), ("file", made)):
        work = enlargement(network, Pixels(lr), None, None, plain)
        sr = work.array()[..., seen]
        values = score(sr, hr[..., seen], made.scale, (DEFAULT,), ("psnr",))
        # What is equal has no PSNR, and no mean.
        found[f"psnr_{kind}"] = min(float(values[DEFAULT]["psnr"]), _EQUAL)
    return found


def _bytes(path):
    if path.is_file():
        return path.stat().st_size
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())


def _operations(path, kind):
    if kind == "tflite":
        from sr_keras.exporting import tflite

        return tflite.operations(path.read_bytes())
    if kind == "onnx":
        from sr_keras.exporting import onnx

        return onnx.operations(path)
    from sr_keras.exporting import saved_model

    return saved_model.operations(path)
