"""`python -m sr_keras COMMAND` is `sr-keras COMMAND`."""

import sys

from sr_keras import signals


def main(*first: str) -> int:
    """Run the command that this process was started for.

    Args:
        first: arguments that go before those of the process.

    Returns:
        The exit code.
    """
    signals.watch()  # before all that takes time to import
    from sr_keras import cli

    return cli.main([*first, *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
