"""List the networks: what they are, what they cost and what they see.

Multiply-adds are for an output of 1280x720. A receptive field is the side of
what a pixel of the LR image is made of, in LR pixels. Both, and the number of
parameters, are for the smallest scale that a network has, or for --scale. The
protocol is that of the paper's figures, for `evaluate --protocol`.

  sr-keras models edsr --scale 4 --layers
  sr-keras models runs/mine --layers

--layers prints the layers of each NAME in place of a line; there a NAME may
also be that of weights that come with sr_keras, a run, or a .keras file.
"""

import json
import os

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
    add("--layers", action="store_true", help="print the layers of each NAME")
    add("--json", action="store_true", help="print a list of objects instead")


def run(args):
    """Print the table.

    Args:
        args: argparse.Namespace.
    """
    from sr_keras import models
    from sr_keras.support.console import load_keras

    if args.layers:
        _print_layers(args.names, args.scale, args.json)
        return
    names = args.names or models.list_models()
    for name in names:
        models.describe(name)  # an unknown one is found at once
    load_keras()
    if args.scale is not None:
        for name in args.names:
            models.check_scale(name, args.scale)
    facts = _facts(names, args.scale, bool(args.names))
    if args.json:
        print(json.dumps(list(facts), indent=2))
        return
    width = max(len(name) for name in names)
    print(_line(width, *_TITLES))
    for fact in facts:
        print(_line(width, *_cells(fact)), flush=True)


def _print_layers(names, scale, as_json):
    if not names:
        raise ValueError("--layers takes a name: sr-keras models edsr --layers")
    for name in names:
        _check_name(name)
    from sr_keras.support.console import load_keras

    load_keras()
    from sr_keras.models.summary import layer_table

    networks = [_network(name, scale) for name in names]
    if as_json:
        facts = [
            {"name": name, "scale": x.scale, "layers": layer_table(x)}
            for name, x in zip(names, networks, strict=True)
        ]
        print(json.dumps(facts, indent=2))
        return
    for name, network in zip(names, networks, strict=True):
        print("\n".join(_layer_lines(name, network, layer_table(network))))


def _check_name(name):
    """Refuse an unknown network before Keras is imported."""
    from sr_keras import models
    from sr_keras.models import pretrained

    if name not in pretrained.names() and not os.path.exists(name):
        models.describe(name)


def _network(name, scale):
    """A network of the table with its default arguments, or a stored one."""
    from sr_keras import models
    from sr_keras.inference.load import load
    from sr_keras.models.network import Network
    from sr_keras.models.summary import usual_scale

    if name in models.list_models():
        return models.build(name, usual_scale(name) if scale is None else scale)
    network = load(name, scale)
    if not isinstance(network, Network):
        raise ValueError(
            f"{name} is an exported file, which has no layers any more: give "
            "the .keras file that it was made of"
        )
    network = network.levels.get(scale, network)
    if scale not in (None, network.scale):
        raise ValueError(
            f"{name} enlarges by {network.scale}, not by {scale}: leave out "
            "--scale"
        )
    return network


def _layer_lines(name, network, table):
    """The lines of a table that ends with its sums."""
    from sr_keras.models.summary import lr_size, own_factor

    own = own_factor(network)
    height, width = lr_size(own)
    rows = [("layer", "kind", "output shape", "parameters", "multiply-adds")]
    for layer in table:
        shape = ", ".join(map(str, layer["output_shape"]))
        rows.append(
            (layer["name"], layer["kind"], f"({shape})", *_sums([layer]))
        )
    rows.append(("total", "", "", *_sums(table)))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    yield f"{name} x{own}: {width}x{height} -> {width * own}x{height * own}"
    for row in rows:
        cells = zip(row, "<<<>>", widths, strict=True)
        yield "  ".join(f"{x:{side}{n}}" for x, side, n in cells)


def _sums(table):
    parameters = sum(layer["parameters"] for layer in table)
    operations = sum(layer["multiply_adds"] for layer in table)
    return f"{parameters:,}", f"{operations / 1e9:,.3f} G"


_TITLES = (
    "name",
    "scales",
    "parameters",
    "multiply-adds",
    "receptive field",
    "protocol",
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
        protocol_text(fact["evaluation"]),
        fact["paper"],
    )


def protocol_text(evaluation):
    """How the figures of a paper are read, in words.

    Args:
        evaluation: dict, of `models.paper_evaluation`.

    Returns:
        str: "y", "y8, luma pipeline", "not said", or "-" without a paper.
    """
    if not evaluation:
        return "-"
    text = evaluation["protocol"] or "not said"
    if evaluation["pipeline"] == "luma":
        text += ", luma pipeline"
    return text


def _line(width, *cells):
    name, scales, parameters, operations, field, protocol, paper = cells
    return (
        f"{name:<{width}}  {scales:<6}  {parameters:>10}  {operations:>13}  "
        f"{field:>15}  {protocol:<17}  {paper}"
    )
