"""List the networks: what they are, what they cost and what they see.

Multiply-adds are for an output of 1280x720. A receptive field is the side of
what a pixel of the LR image is made of, in LR pixels. Both, and the number of
parameters, are for the smallest scale that a network has, or for --scale.
"""

HELP = "list the networks and what they cost"


def add_arguments(parser):
    """Declare the command's arguments.

    Args:
        parser: argparse.ArgumentParser.
    """
    add = parser.add_argument
    add("names", metavar="NAME", nargs="*", help="only these")
    add(
        "--scale", "--sr-factor", type=int, metavar="N",
        help="only what has it; its costs",
    )  # fmt: skip
    add("--json", action="store_true", help="print a list of objects instead")


def run(args):
    """Print the table.

    Args:
        args: argparse.Namespace.
    """
    from sr_keras import models
    from sr_keras.cli import load_keras

    names = args.names or models.list_models()
    for name in names:
        models.describe(name)  # an unknown one is found at once
    load_keras()
    if args.scale is not None:
        for name in args.names:
            models.check_scale(name, args.scale)
    facts = _facts(names, args.scale, bool(args.names))
    if args.json:
        import json

        print(json.dumps(list(facts), indent=2))
        return
    width = max(len(name) for name in names)
    print(_line(width, *_TITLES))
    for fact in facts:
        print(_line(width, *_cells(fact)), flush=True)


_TITLES = (
    "name",
    "scales",
    "parameters",
    "multiply-adds",
    "receptive field",
    "paper",
)


def _facts(names, scale, named):
    from sr_keras import models
    from sr_keras.models.summary import summary

    for name in names:
        scales = models.network_class(name)[0].scales
        if named or scale is None or not scales or scale in scales:
            yield summary(name, scale)


def _cells(fact):
    scales = fact["scales"]
    field = fact["receptive_field"]
    return (
        fact["name"],
        " ".join(map(str, scales)) if scales else "any",
        f"{fact['parameters']:,}",
        f"{fact['multiply_adds'] / 1e9:,.1f} G",
        "global" if field is None else f"{field}x{field}",
        fact["paper"],
    )


def _line(width, name, scales, parameters, operations, field, paper):
    return (
        f"{name:<{width}}  {scales:<6}  {parameters:>10}  {operations:>13}  "
        f"{field:>15}  {paper}"
    )
