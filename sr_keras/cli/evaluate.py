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

from sr_keras.evaluation import METRICS, PERCEPTUAL, PRECISIONS
from sr_keras.models import protocols
from sr_keras.support.console import (
    EXIT_BAD_INPUT,
    EXIT_DONE,
    EXIT_SOME_FAILED,
)
from sr_keras.training.adversarial_flags import Layers

HELP = "score images, or a network on HR images"


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


def _protocol(text):
    """The type of --protocol: a former name is an error with today's."""
    try:
        return protocols.check(text)
    except ValueError as e:
        raise argparse.ArgumentTypeError(str(e)) from None


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
    from sr_keras.evaluation.evaluate import score

    results = score(args)
    if not results.failed:
        return EXIT_DONE
    return EXIT_SOME_FAILED if results.scored else EXIT_BAD_INPUT
