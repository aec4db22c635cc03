"""Scoring super-resolved images, or what a network makes of LR images."""

import contextlib
import dataclasses
import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from sr_keras.evaluation import (
    PERCEPTUAL,
    PRECISIONS,
    cases,
    metrics,
    score_table,
)
from sr_keras.models import protocols
from sr_keras.support import signals
from sr_keras.support.console import describe, heard_by, load_keras, say
from sr_keras.support.suggest import unknown

if TYPE_CHECKING:
    from sr_keras.inference.exported import Exported
    from sr_keras.models.network import Network

# What stands above the columns of perceptual distances.
DISTANCES = "perceptual"

Paths = str | os.PathLike | Iterable[str | os.PathLike]
Names = str | Iterable[str]


@dataclasses.dataclass
class Request:
    """What to score, and how: the arguments of the command `evaluate`.

    Attributes:
        sr, hr: a file or a folder each; or
        model, data: a network, and folders of HR images, with
        lr: a folder of LR images for each, made from HR if None.
        scale: number, or text, "1.5x2"; the network's own if None.
        protocol: names of protocols; all if None.
        metric: names of metrics; PSNR and SSIM if None.
        perceptual: "vgg19", "lpips", or both.
        vgg_weights, content_layers: of vgg19.
        lpips_weights: files, of lpips.
        self_ensemble: whether the 8 turns of an image are averaged.
        precision: "float32", "bfloat16" or "auto".
        luma_pipeline: whether LR and SR are made of rounded Y.
        save_images: folder for the SR images.
        csv, json, markdown: files for the table.
    """

    sr: str | None = None
    hr: str | None = None
    model: "str | Network | Exported | None" = None
    data: list[str] | None = None
    lr: list[str] | None = None
    scale: float | str | None = None
    protocol: list[str] | None = None
    metric: list[str] | None = None
    perceptual: list[str] | None = None
    vgg_weights: str | None = None
    content_layers: dict[str, float] | None = None
    lpips_weights: list[str] | None = None
    self_ensemble: bool | None = None
    precision: str | None = None
    luma_pipeline: bool = False
    save_images: str | None = None
    csv: str | None = None
    json: str | None = None
    markdown: str | None = None


def evaluate(
    model: "str | os.PathLike | Network | Exported | None" = None,
    data: Paths | None = None,
    scale: float | str | None = None,
    *,
    sr: str | os.PathLike | None = None,
    hr: str | os.PathLike | None = None,
    lr: Paths | None = None,
    protocols: Names | None = None,
    metrics: Names | None = None,
    perceptual: Names | None = None,
    vgg_weights: str | None = None,
    content_layers: dict[str, float] | None = None,
    lpips_weights: Paths | None = None,
    self_ensemble: bool | None = None,
    precision: str | None = None,
    luma_pipeline: bool = False,
    save_images: str | os.PathLike | None = None,
    report: Callable[[str], object] | None = None,
) -> score_table.Results:
    """Score a network on HR images, or SR images against HR images.

    Args:
        model: a network, its name or file, or an interpolation.
        data: folders of HR images.
        scale: factor; the network's own if None.
        sr: a file or folder of SR images, in place of a network.
        hr: the file or folder that they are compared with.
        lr: a folder of LR images for each of `data`; if None, LR is made
            from HR with MATLAB's bicubic.
        protocols: "y", "y8", "rgb" and "yiq" (docs/protocols.md); all if
            None.
        metrics: "psnr", "ssim", "ms-ssim" and "zncc"; the first two if None.
        perceptual: "vgg19", "lpips", or both, besides.
        vgg_weights: of vgg19: "imagenet", "random", or a file.
        content_layers: of vgg19: weights of its layers, {"VGG54": 1}.
        lpips_weights: of lpips: the network's file, and that of its heads.
        self_ensemble: whether the 8 turns of an image are averaged.
        precision: "float32", "bfloat16" or "auto".
        luma_pipeline: whether LR and SR are made of the rounded Y of HR.
        save_images: a folder for the SR images.
        report: function that gets the lines of the table as they come.

    Returns:
        The table: `means` has the mean of each data set, `to_dict()` all.

    Raises:
        ValueError: arguments that do not fit, or no image could be scored.
        FileNotFoundError: a file or folder that is not there.
    """
    request = Request(
        sr=_text(sr),
        hr=_text(hr),
        model=_text(model) if isinstance(model, os.PathLike) else model,
        data=_texts(data),
        lr=_texts(lr),
        scale=scale,
        protocol=_texts(protocols),
        metric=_texts(metrics),
        perceptual=_texts(perceptual),
        vgg_weights=vgg_weights,
        content_layers=content_layers,
        lpips_weights=_texts(lpips_weights),
        self_ensemble=self_ensemble,
        precision=precision,
        luma_pipeline=luma_pipeline,
        save_images=_text(save_images),
    )
    with heard_by(report) as lines, _kept(model, precision):
        results = score(request)
    if not results.scored:
        reason = next((x for x in reversed(lines) if ": " in x), "no images")
        raise ValueError(f"no image could be scored: {reason}")
    return results


def score(request: Request) -> score_table.Results:
    """Score, print the table, write the files.

    Args:
        request: what to score; the parsed arguments of the command will do.

    Returns:
        The table.

    Raises:
        ValueError: arguments that do not fit, or input that cannot be used.
        FileNotFoundError: there is no such input.
    """
    _check_usage(request)
    _check_names(request)
    targets = request.csv, request.json, request.markdown
    score_table.check_targets(*targets)
    album = None
    if request.save_images:
        album = cases.Album(request.save_images)
    task = cases.task(request)
    names = list(dict.fromkeys(request.protocol or _default_protocols(request)))
    columns = dict.fromkeys(
        map(protocols.check, names),
        list(dict.fromkeys(request.metric or ("psnr", "ssim"))),
    )
    distances = _distances(request)
    if distances:
        columns[DISTANCES] = list(distances)
    pipeline = protocols.LUMA if request.luma_pipeline else protocols.FILES
    results = score_table.Results(request.model, task.scale, columns, pipeline)
    cases.originals(request).check(
        *targets,
        *(
            album.path(name, file, results.scale)
            for name, jobs in task.sets
            for file, _ in jobs
            if album
        ),
    )
    for name, jobs in task.sets:
        with results.open_set(name, [file for file, _ in jobs]) as rows:
            for file, make in jobs:
                signals.check()
                sr = _score(rows, file, make, task.scale, distances)
                if album and sr is not None:
                    album.save(sr, name, file, results.scale)
    results.write(*targets)
    return results


def _kept(model, precision):
    """A context after which a network that was given computes as before."""
    if precision is None or not hasattr(model, "weights"):
        return contextlib.nullcontext()
    from sr_keras.inference.precision import computing

    return computing(model, precision, to_use=True)


def _check_names(request):
    """Refuse wrong names before the first image, not at each one."""
    for kind, given, known in (
        ("metric", request.metric, metrics.METRICS),
        ("perceptual distance", request.perceptual, PERCEPTUAL),
        ("precision", request.precision and [request.precision], PRECISIONS),
    ):
        for name in given or ():
            if name not in known:
                raise ValueError(unknown(f"no {kind} is called", name, known))


def _text(path):
    return None if path is None else os.fspath(path)


def _texts(paths):
    if paths is None:
        return None
    if isinstance(paths, str | os.PathLike):
        paths = [paths]
    return [os.fspath(path) for path in paths]


def _default_protocols(args):
    return ("y8",) if args.luma_pipeline else protocols.NAMES


def _distances(args):
    """The perceptual distances that are asked for: name -> function."""
    if not args.perceptual:
        return {}
    from sr_keras.evaluation import distances

    load_keras()
    return distances.of(args)


def _score(rows, file, make, scale, distances):
    """Add one image to the table, scored or failed; return its SR image."""
    columns = {p: m for p, m in rows.columns.items() if p != DISTANCES}

    def scores(image):
        names = next(iter(columns.values()))
        found = metrics.score(image, case.hr, scale, list(columns), names)
        if distances:
            found[DISTANCES] = {
                k: f(image, case.hr) for k, f in distances.items()
            }
        return found

    try:
        case = make()
        own = scores(case.sr)
        other = None if case.bicubic is None else scores(case.bicubic)
    except (ValueError, TypeError, OSError) as e:
        reason = describe(e)
        rows.fail(file, reason)
        say(f"sr-keras evaluate: {file}: {reason}", sys.stderr)
        return None
    rows.add(file, own, other, case.grey)
    return case.sr


def _check_perceptual(args):
    asked = args.perceptual or ()
    if "lpips" in asked and not args.lpips_weights:
        raise ValueError(
            "--perceptual lpips needs its numbers: --lpips-weights with "
            "torchvision's alexnet-owt-7be5be79.pth and the authors' "
            "lpips/weights/v0.1/alex.pth (or vgg16-397923af.pth and vgg.pth)"
        )
    for name, given in (
        ("vgg19", "vgg_weights"),
        ("vgg19", "content_layers"),
        ("lpips", "lpips_weights"),
    ):
        if getattr(args, given) and name not in asked:
            flag = given.replace("_", "-")
            raise ValueError(f"--{flag} goes with --perceptual {name}")


def _check_luma_pipeline(args):
    if args.model is None:
        raise ValueError("--luma-pipeline goes with --model")
    for flag in ("lr", "self_ensemble", "perceptual"):
        if getattr(args, flag):
            raise ValueError(
                f"--luma-pipeline makes LR and SR of Y alone: leave out "
                f"--{flag.replace('_', '-')}"
            )
    if set(args.protocol or ()) - {"y8"}:
        raise ValueError(
            "--luma-pipeline compares rounded Y: leave out --protocol "
            f"{' '.join(args.protocol)}, or give y8"
        )


def _check_usage(args):
    files = args.sr is not None or args.hr is not None
    model = args.model is not None or args.data is not None
    if files == model:
        raise ValueError(
            "give either --sr and --hr, to score images, or --model and "
            "--data, to score a network"
        )
    needed = ("sr", "hr", "scale") if files else ("model", "data")
    for name in needed:
        if getattr(args, name) is None:
            raise ValueError(f"--{name} is missing")
    _check_perceptual(args)
    of_models = (args.self_ensemble, args.precision, args.save_images)
    if files and any(value is not None for value in of_models):
        raise ValueError(
            "--self-ensemble, --precision and --save-images go with --model"
        )
    if args.luma_pipeline:
        _check_luma_pipeline(args)
    if args.lr is not None and (files or len(args.lr) != len(args.data)):
        raise ValueError(
            "--lr goes with --data, one folder for each; there are "
            f"{len(args.lr)} and {len(args.data or ())}"
        )
