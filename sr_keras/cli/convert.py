"""Turn weights that others have published into a .keras file.

  sr-keras convert --model a2n --scale 2 aan_x2.pt a2n_x2.keras

The file holds exactly the tensors that the network's authors gave theirs: one
that is missing, left over or of another shape is an error. It is a .pt or
.pth file of PyTorch, whose code is not run (torch is needed: pip install
'sr_keras[convert]'), an .npz file of NumPy with the same names, or for SRCNN
the authors' .mat file.
"""

from pathlib import Path

from sr_keras.support.atomic import Originals

HELP = "import weights that others have published"


def add_arguments(parser):
    """Add this command's arguments to an argparse parser."""
    add = parser.add_argument
    add("source", metavar="FILE", help=".pt, .pth, .npz or .mat")
    add("target", metavar="OUT", help="the .keras file to write")
    add("--model", metavar="M", required=True, help="whose weights they are")
    add(
        "--scale",
        "--sr-factor",
        metavar="S",
        type=int,
        required=True,
        help="the factor: 2, 3, 4 ...",
    )
    add("--overwrite", action="store_true", help="replace OUT")


def run(args):
    """Convert.

    Args:
        args: the parsed arguments.

    Raises:
        ValueError: the tensors are not the network's, or OUT is there.
        FileNotFoundError: there is no FILE, or no folder for OUT.
    """
    target = Path(args.target)
    _check_target(target, args.overwrite)
    Originals([args.source]).check(target)
    from sr_keras import models
    from sr_keras.support.console import load_keras

    models.describe(args.model)
    load_keras()
    from sr_keras.models import artifact, convert

    network = convert.convert(args.model, args.scale, args.source)
    artifact.save(network, target)
    count = network.count_params()
    print(f"{args.model} x{args.scale}, {count:,} parameters: {target}")


def _check_target(target, overwrite):
    if target.suffix != ".keras":
        raise ValueError(f"{target} must end in .keras")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {target.parent}")
    if target.exists() and not overwrite:
        raise ValueError(f"{target} is there already: add --overwrite")
