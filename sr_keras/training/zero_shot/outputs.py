"""What a zero-shot run leaves in its folder."""

import math
import time

import numpy as np

from sr_keras._version import __version__
from sr_keras.evaluation import metrics
from sr_keras.imaging import images
from sr_keras.models import artifact
from sr_keras.models.protocols import DEFAULT
from sr_keras.support.atomic import Originals
from sr_keras.support.console import EXIT_DONE
from sr_keras.support.folders import LAST, save_json
from sr_keras.training import plots
from sr_keras.training.config import anywhere
from sr_keras.training.flags import FILES
from sr_keras.training.zero_shot import curves
from sr_keras.training.zero_shot.run import VIEWS

# Colour channels that picture formats hold; others are written as TIFF.
_PICTURE_CHANNELS = (1, 3)
_ANY_CHANNELS = ("tiff", "npy")

_CONFIG, _TRAINING = "config.json", "training.png"
_COMPARISON, _PAIR = "comparison.png", "augmentation_{:03d}.png"


def result_path(folder, photo, view=None):
    """Where a run's picture goes.

    Args:
        folder: Path.
        photo: training.zero_shot.photo.Photo.
        view: str, which of the views; None for the result.

    Returns:
        Path.
    """
    asked = photo.job["format"]
    kind = photo.file.format if asked == "keep" else asked
    if photo.file.pixels.shape[-1] not in _PICTURE_CHANNELS:
        kind = kind if kind in _ANY_CHANNELS else "tiff"
    kind = "png" if kind in ("gif", "avif") else kind  # they are only read
    view = f"_{view}" if view else ""
    return folder / f"{photo.name}{view}.{kind}"


def check_apart(folder, photo):
    """Refuse a folder in which the photo, or a file beside it, would be lost.

    Args:
        folder: Path, where `write` will write.
        photo: training.zero_shot.photo.Photo.

    Raises:
        ValueError: a name that is written is an input.
    """
    job = photo.job
    read = [job[name] for name in (*FILES, "warm_start")]
    count = job["save_augmentations"] or 0
    names = [artifact.BEST, LAST, _CONFIG, _TRAINING, _COMPARISON]
    names.append(curves.HISTORY)
    names += [_PAIR.format(i) for i in range(count)]
    pictures = [result_path(folder, photo, view) for view in (None, *VIEWS)]
    pictures.append(_bicubic_path(folder, photo, pictures[0].suffix))
    Originals(read).check(*(folder / name for name in names), *pictures)


def write(folder, photo, work, results):
    """Write everything; the result first, metrics.json last.

    Args:
        folder: Path, an existing folder.
        photo: training.zero_shot.photo.Photo.
        work: training.zero_shot.run.Work, ended.
        results: dict of name -> ndarray, as `work.results` made them.

    Returns:
        dict, what is in metrics.json.
    """
    # What is replaced counts as unfinished until all of it is.
    (folder / LAST).unlink(missing_ok=True)
    interpolated = work.zero_shot.result(("interpolated",))["interpolated"]
    np.clip(interpolated, 0, 1, out=interpolated)
    results = {**results, "interpolated": interpolated}
    path = _save_pictures(folder, photo, results)
    _save_network(folder, photo, work.zero_shot)
    _save_plots(folder, photo, work.zero_shot, results)
    if photo.job["log_every"]:
        pictures = photo.image, results["interpolated"], results["fused"]
        curves.write(folder, work.zero_shot, photo.job["log_every"], pictures)
    save_json(folder / _CONFIG, _config(photo, work))
    summary = _summary(path, photo, work, results)
    save_json(folder / LAST, summary)
    return summary


def save_picture(path, array, photo):
    """Write an array as the photo it came from would be written.

    Args:
        path: Path.
        array: ndarray (h, w, C), in the form of `photo.image`.
        photo: training.zero_shot.photo.Photo.
    """
    images.write(path, images.from_working(array.clip(0, 1), photo.file))


def pair_writer(folder, photo, work):
    """Make a function that writes pairs of steps spread over a training.

    The first of N is that of the first step; of 1500 steps 30 are every 50th,
    as the Keras port has them. A training that ends early has fewer.

    Args:
        folder: Path, an existing folder.
        photo: training.zero_shot.photo.Photo, whose settings say how many.
        work: training.zero_shot.run.Work.

    Returns:
        A function of a ZeroShot, to be called after every step.
    """
    total = work.settings.learning.max_steps
    count = min(photo.job["save_augmentations"], total)
    numbers = {i * total // count: i for i in range(count)}

    def follow(run):
        if run.step - 1 in numbers:
            _write_pair(folder, numbers[run.step - 1], photo, run)

    return follow


def _write_pair(folder, number, photo, run):
    """The latest step's first input on the left, its answer on the right."""
    channels = photo.file.pixels.shape[-1]  # without alpha
    shown = channels if channels in _PICTURE_CHANNELS else 1
    both = np.concatenate([x[0] for x in run.latest_pairs()], axis=1)
    both = np.clip(both[..., :shown], 0, 1).astype("float32")
    images.write(folder / _PAIR.format(number), images.Image(both))


def table(summary):
    """The scores as text, a line each.

    Args:
        summary: dict, what `write` returned.

    Returns:
        str; empty where there was no ground truth.
    """
    scores = summary.get("scores", {})
    if not scores:
        return ""
    lines = [f"{'':<14}{'PSNR':>8}{'SSIM':>9}   ({summary['protocol']})"]
    for name, score in scores.items():
        line = f"{name:<14}{score['psnr']:>8.3f}{score['ssim']:>9.4f}"
        if score.get("psnr_ratio"):
            line += f"   x{score['psnr_ratio']:.4f} of the baseline"
        lines.append(line)
    return "\n".join(lines)


def _save_pictures(folder, photo, results):
    """Write the result, the views, the interpolation; the result's path."""
    path = result_path(folder, photo)
    save_picture(path, results["fused"], photo)
    if photo.job["save_views"]:
        for name in set(VIEWS) & set(results):
            save_picture(result_path(folder, photo, name), results[name], photo)
    bicubic = _bicubic_path(folder, photo, path.suffix)
    save_picture(bicubic, results["interpolated"], photo)
    return path


def _bicubic_path(folder, photo, suffix):
    return folder / f"{photo.path.stem}_bicubic_{photo.label}{suffix}"


def _save_network(folder, photo, zero_shot):
    artifact.save(
        zero_shot.network,
        folder / artifact.BEST,
        name=photo.job["model"],
        recipe=photo.job["recipe"],
        steps=zero_shot.step,
    )


def _save_plots(folder, photo, zero_shot, results):
    plots.training(
        folder / _TRAINING,
        zero_shot.losses,
        zero_shot.rates,
        zero_shot.history,
    )
    plots.comparison(
        folder / _COMPARISON,
        photo.image,
        results["interpolated"],
        results["fused"],
        photo.references.get("ground_truth"),
        photo.file,
    )


def _config(photo, work):
    """All that was asked, so that --config repeats it from any folder."""
    arguments = dict(work.zero_shot.network.arguments)
    for follows in ("channels", "passes"):  # from the photo and the scale
        arguments.pop(follows, None)
    return {
        **anywhere(photo.job),
        **work.settings.to_dict(),
        "network": {**arguments, **work.settings.network},
        "version": __version__,
    }


def _summary(path, photo, work, results):
    zero_shot = work.zero_shot
    summary = {
        "result": path.name,
        "scale": list(photo.scale),
        "size": list(photo.size),
        "steps": zero_shot.step,
        "seconds": round(time.monotonic() - photo.started, 2),
        "interrupted": work.code != EXIT_DONE,
        "fusion": work.fused,
        "reconstruction_psnr": [
            [step, curves.psnr(error)] for step, error in zero_shot.history
        ],
    }
    if "ground_truth" in photo.references:
        summary["protocol"] = DEFAULT
        summary["scores"] = _scores(photo, results)
    return summary


def _scores(photo, results):
    """PSNR and SSIM of every view and of the baseline, as written."""
    truth = photo.references["ground_truth"]
    rows = {
        name: results[name]
        for name in ("interpolated", *VIEWS)
        if name in results
    }
    pictures = {
        name: images.from_working(array.clip(0, 1), photo.file).on_white()
        for name, array in rows.items()
    }
    if "baseline" in photo.references:
        pictures["baseline"] = photo.references["baseline"]
    scores = {
        name: _score(picture, truth, photo)
        for name, picture in pictures.items()
    }
    if "baseline" in scores:
        best = scores["baseline"]["psnr"]
        for name in rows:
            ratio = scores[name]["psnr"] / best
            scores[name]["psnr_ratio"] = ratio if best < math.inf else None
    return scores


def _score(picture, truth, photo):
    height, width = np.minimum(picture.shape, truth.shape)[:2]
    return metrics.score(
        picture[:height, :width],
        truth[:height, :width],
        photo.scale,
        protocols=[DEFAULT],
    )[DEFAULT]
