r"""Write a network as a file that runs without Keras.

  sr-keras export fast --scale 2 --output fast.tflite
  sr-keras export runs/mine --format saved_model --output serving/1
  sr-keras export fast --output fast8.tflite --quantize int8 \
      --fine-tune photos/ --data Set5/HR --max-loss-db 0.2

MODEL is the name of weights that come with sr_keras (`fast`), the folder of a
run, a .keras file, or an interpolation (`bicubic`). The format is that of the
output's ending: .tflite, .onnx, or none for a SavedModel's folder.

Before the file gets its name it is loaded again and compared with the network
on the photos of --data, or on one that comes with sr_keras. OUT.parity.json
and OUT.parity.md say what was found: docs/export.md.
"""

import argparse
from pathlib import Path

from sr_keras.exporting.settings import FORMATS, QUANTIZE, STEPS

HELP = "write a network as SavedModel, TFLite or ONNX"


def add_arguments(parser):
    """Add this command's arguments to an argparse parser."""
    add = parser.add_argument
    add("model", metavar="MODEL", help="name, run or .keras file")
    add("-o", "--output", metavar="OUT", required=True, help="what to write")
    add(
        "--scale",
        "--sr-factor",
        type=_number,
        metavar="S",
        help="the factor, where the model has several: 2, 3, 4 ...",
    )
    add("--format", choices=FORMATS, help="of the file (by OUT's ending)")
    add(
        "--quantize",
        choices=QUANTIZE,
        default="none",
        help="of TFLite: float16 weights; dynamic: 8-bit weights; int8: "
        "8-bit everything, uint8 in and out (none)",
    )
    add(
        "--input-size",
        metavar="WxH",
        default="dynamic",
        help="of TFLite: the one size that it takes, 64x64 (dynamic: any)",
    )
    add(
        "--colour",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="RGB in and out of a network for luma; without, luma alone",
    )
    add(
        "--calibrate",
        metavar="DIR",
        help="photos that int8 takes the ranges of features from",
    )
    add(
        "--fine-tune",
        metavar="SPEC",
        help="photos, as train --data takes them, on which the network learns "
        "to compute in int8: less is lost than with --calibrate",
    )
    add(
        "--steps",
        type=int,
        default=STEPS,
        metavar="N",
        help="of --fine-tune (%(default)s)",
    )
    add("--data", metavar="DIR", help="HR photos to compare on")
    add(
        "--max-loss-db",
        type=float,
        metavar="X",
        help="write nothing where more PSNR than that is lost",
    )
    add(
        "--measure",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="measure time and memory too, which takes seconds",
    )
    add("--overwrite", action="store_true", help="replace OUT")


def run(args):
    """Export.

    Args:
        args: the parsed arguments.

    Raises:
        ValueError: what cannot be exported so, or what came out differs.
        FileNotFoundError: there is no such model or folder.
    """
    from sr_keras.exporting.settings import Settings, parse_size
    from sr_keras.support.console import load_keras, say

    settings = Settings(
        output=Path(args.output),
        format=args.format,
        quantize=args.quantize,
        input_size=parse_size(args.input_size),
        colour=args.colour,
        calibration=args.calibrate,
        fine_tune=args.fine_tune,
        steps=args.steps,
        data=args.data,
        max_loss_db=args.max_loss_db,
        overwrite=args.overwrite,
        measure=args.measure,
    )
    load_keras()
    from sr_keras.exporting import export, parity
    from sr_keras.exporting.source import network_for

    export.check_apart(args.model, settings)
    network = network_for(args.model, args.scale)
    report = export.write(network, settings, _watch(settings))
    for line in parity.summary(report):
        say(line)
    name = settings.output
    say(f"wrote {name}, {name}.parity.json, {name}.parity.md")


def _watch(settings):
    """What shows how the fine-tuning goes."""
    from sr_keras.support.progress import learning

    return learning(settings.steps) if settings.fine_tune else None


def _number(text):
    """A factor; 2 and 2.0 are the same."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"takes a number such as 2, not {text}"
        ) from None
    return int(value) if value.is_integer() else value
