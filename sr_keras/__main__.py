"""`python -m sr_keras COMMAND` is `sr-keras COMMAND`."""

import signal
import sys

# Python's own handler raises in whatever is being imported, which may swallow
# it. Until ours is there, Ctrl-C ends the process as SIGTERM does.
if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from sr_keras.support import signals  # noqa: E402


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
