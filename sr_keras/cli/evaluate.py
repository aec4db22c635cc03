"""Score super-resolved images.

Either images that are there already, against what they should be:

  sr-keras evaluate --sr out.png --hr hr.png --scale 2
  sr-keras evaluate --sr results/ --hr Set5/HR --scale 2

or a network, or an interpolation, on folders of HR images. The LR images are
made from them with MATLAB's imresize, or taken from --lr:

  sr-keras evaluate --model bicubic --data Set5/HR --scale 2
  sr-keras evaluate --model model.keras --data Set5/HR Set14/HR --csv f.csv

Two folders are paired file by file. To an HR file belongs the one with the
same path within its folder. Where there is none, it is the one in the same
subfolder with the same name but for the suffix and an ending such as x2, _x2
or _zssr_x2. A file without partner, or with two, is an error.

Each image is scored under every --protocol (docs/protocols.md):

  y    BT.601 luma 16..235, without `scale` pixels a side
  y8   the same rounded to 8 bits, grey files as they are; MATLAB's
  rgb  the three channels, every pixel
  yiq  luma 0..255, without `scale` pixels a side

A network's scores stand beside those of bicubic interpolation. The mean is
given with and without grey files, which protocols take in different ways.

--luma-pipeline makes LR and SR of rounded Y in floats and rounds once, as
SRCNN, VDSR and LapSRN were scored: for interpolations and networks for luma.

  sr-keras evaluate --model runs/srgan_x4 --data Set5/HR --perceptual vgg19

--perceptual adds how far apart two images look (docs/protocols.md): vgg19 is
the content loss of SRGAN, lpips that of Zhang et al. 2018, whose two files
--lpips-weights names. Less is better.

The exit code is 1 where some images could not be scored, 2 where none could.
"""

import argparse
import sys

from sr_keras.cli.adversarial_flags import Layers
from sr_keras.models import protocols
from sr_keras.support import signals
from sr_keras.support.console import (
    EXIT_BAD_INPUT,
    EXIT_DONE,
    EXIT_SOME_FAILED,
    describe,
)

HELP = "score images, or a network on HR images"

# Those of inference.precision and evaluation.metrics, here so that --help
# need not import NumPy.
PRECISIONS = ("auto", "float32", "bfloat16")
METRICS = ("psnr", "ssim", "ms-ssim", "zncc")
PERCEPTUAL = ("vgg19", "lpips")

# What stands above their columns.
DISTANCES = "perceptual"


def add_arguments(parser):
    """Add this command's arguments to an argparse parser."""
    add = parser.add_argument
    add("--sr", metavar="PATH", help="super-resolved file or folder")
    add("--hr", metavar="PATH", help="what it should be: file or folder")
    add(
        "--model",
        metavar="M",
        help="nearest, bilinear, bicubic, lanczos, fourier, the folder of a "
        "run, or a .keras file",
    )
    add(
        "--data",
        metavar="DIR",
        nargs="+",
        action="extend",
        help="folders of HR images, or folders with such a folder called HR",
    )
    add(
        "--lr",
        metavar="DIR",
        nargs="+",
        action="extend",
        help="folders of LR images, one for each --data",
    )
    add(
        "--scale",
        "--sr-factor",
        metavar="S",
        help="factor: 2, 2.37, or 1.5x2 for width by height (a .keras file "
        "knows its own)",
    )
    add(
        "--protocol",
        type=_protocol,
        choices=protocols.NAMES,
        nargs="+",
        action="extend",
        help="what to compare (all of them)",
    )
    add(
        "--metric",
        choices=METRICS,
        nargs="+",
        action="extend",
        help="how to compare (psnr ssim)",
    )
    add(
        "--perceptual",
        choices=PERCEPTUAL,
        nargs="+",
        action="extend",
        help="distances between features of networks, besides",
    )
    add(
        "--vgg-weights",
        metavar="WHICH",
        help="of vgg19: imagenet (downloaded), random, or a file",
    )
    add(
        "--content-layers",
        type=Layers(),
        metavar="LAYER=WEIGHT,...",
        help="of vgg19: VGG54 unless said, VGG22, or block3_conv4=0.5,VGG54=1",
    )
    add(
        "--lpips-weights",
        metavar="FILE",
        nargs="+",
        help="of lpips: AlexNet or VGG16 of torchvision, and the heads for it",
    )
    add(
        "--self-ensemble",
        action=argparse.BooleanOptionalAction,
        help="average what the network makes of the image in its 8 turns "
        "(only for networks that learned from that image alone)",
    )
    add(
        "--precision",
        choices=PRECISIONS,
        help="what a network computes in (float32); bfloat16 is faster on "
        "processors with instructions for it, and auto takes it there",
    )
    add(
        "--luma-pipeline",
        action="store_true",
        help="make LR and SR of the rounded Y of HR, in floats: the rows of "
        "SRCNN, VDSR and LapSRN (with --protocol y8 only)",
    )
    add(
        "--save-images",
        nargs="?",
        const="sr_images",
        metavar="DIR",
        help="write the SR images to DIR/<data set>/<file>_x2.png (default: "
        "sr_images)",
    )
    add("--csv", metavar="F", help="write the table to a .csv file")
    add("--json", metavar="F", help="write the table to a .json file")
    add("--markdown", metavar="F", help="write the table to a .md file")


def run(args):
    """Score, print the table, write the files.

    Args:
        args: the parsed arguments.

    Returns:
        The exit code.

    Raises:
        ValueError: for arguments or input that cannot be used.
        FileNotFoundError: where there is no such input.
    """
    _check_usage(args)
    from sr_keras.cli import evaluation, report, selfcheck
    from sr_keras.cli.evaluation import Album

    report.check_targets(args.csv, args.json, args.markdown)
    album = Album(args.save_images) if args.save_images else None
    selfcheck.check()
    task = evaluation.task(args)
    names = list(dict.fromkeys(args.protocol or _default_protocols(args)))
    metrics = list(dict.fromkeys(args.metric or ("psnr", "ssim")))
    columns = dict.fromkeys(names, metrics)
    distances = _distances(args)
    if distances:
        columns[DISTANCES] = list(distances)
    pipeline = protocols.LUMA if args.luma_pipeline else protocols.FILES
    results = report.Results(args.model, task.scale, columns, pipeline)
    evaluation.originals(args).check(
        *(args.csv, args.json, args.markdown),
        *(
            album.path(name, file, results.scale)
            for name, jobs in task.sets * bool(album)
            for file, _ in jobs
        ),
    )
    for name, jobs in task.sets:
        with results.open_set(name, [file for file, _ in jobs]) as rows:
            for file, make in jobs:
                signals.check()
                sr = _score(rows, file, make, task.scale, distances)
                if album and sr is not None:
                    album.save(sr, name, file, results.scale)
    results.write(args.csv, args.json, args.markdown)
    if not results.failed:
        return EXIT_DONE
    return EXIT_SOME_FAILED if results.scored else EXIT_BAD_INPUT


def _default_protocols(args):
    return ("y8",) if args.luma_pipeline else protocols.NAMES


def _protocol(text):
    """The type of --protocol: a former name is an error with today's."""
    try:
        return protocols.check(text)
    except ValueError as e:
        raise argparse.ArgumentTypeError(str(e)) from None


def _distances(args):
    """The perceptual distances that are asked for: name -> function."""
    if not args.perceptual:
        return {}
    from sr_keras.cli import distances
    from sr_keras.support.console import load_keras

    load_keras()
    return distances.of(args)


def _score(rows, file, make, scale, distances):
    """Add one image to the table, scored or failed; return its SR image."""
    from sr_keras.evaluation import metrics

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
        print(f"sr-keras evaluate: {file}: {reason}", file=sys.stderr)
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
