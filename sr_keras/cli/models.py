"""List the networks."""

HELP = "list the networks"


def add_arguments(parser):
    """Declare the command's arguments: none.

    Args:
        parser: argparse.ArgumentParser.
    """


def run(args):
    """Print the table.

    Args:
        args: argparse.Namespace.
    """
    from sr_keras import models

    for name in models.list_models():
        print(f"{name:<10} {models.describe(name)}")
