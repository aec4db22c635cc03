"""The `sr-keras` command: one file here for each subcommand.

A subcommand's module has `HELP` (one line), `add_arguments(parser)` and
`run(args)`, which returns the exit code (None means 0). Nothing here, and
nothing at the top of a subcommand's module, imports TensorFlow or Keras:
`--help` has to answer at once.
"""

import argparse
import contextlib
import difflib
import importlib
import logging
import os
import re
import sys
import time
import warnings

from sr_keras import signals
from sr_keras._version import __version__
from sr_keras.keras_settings import standard_settings
from sr_keras.names import unknown
from sr_keras.startup import fill_streams, quick_imports

COMMANDS = (
    "train", "adapt", "upscale", "evaluate", "export", "prepare", "convert",
    "models",
)  # fmt: skip

EXIT_DONE = 0
EXIT_SOME_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT
EXIT_TERMINATED = 143  # 128 + SIGTERM

# Characters of an error message that are shown: some of TensorFlow's are
# pages long.
_MESSAGE_LENGTH = 500


# Lines on inputs that cannot be read, such as folders, in this command.
_missed = []

# What a command leaves when it ends: see `load_keras`.
_settings = contextlib.ExitStack()


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line on stderr."""

    def error(self, message):
        message = " ".join(message.split())
        self.exit(EXIT_BAD_INPUT, f"{self.prog}: error: {message}\n")

    def _check_value(self, action, value):
        if action.choices is not None and value not in action.choices:
            text = unknown("invalid choice:", value, action.choices)
            raise argparse.ArgumentError(action, text)


def main(argv=None):
    """Run one subcommand.

    Args:
        argv: list of str, the arguments after the program's name; those of
            the process when None, which then has a watchdog for signals.

    Returns:
        The exit code, as docs/cli.md lists them.
    """
    started = time.monotonic()
    if argv is None:
        signals.watch()
    argv = sys.argv[1:] if argv is None else list(argv)
    _open_streams()
    with signals.handled():
        code = _run_noting(argv, started)
        signals.leave(code)
    return code


def _run_noting(argv, started):
    """Run one subcommand; after a signal the exit code is the signal's."""
    try:
        code = _run(argv, started)
    except KeyboardInterrupt as e:
        say("stopped", sys.stderr)
        return exit_code(e)
    interruption = signals.noted()
    if code == EXIT_DONE and interruption:
        say("stopped: everything is written", sys.stderr)
    return exit_code(interruption) if interruption else code


def _run(argv, started):
    try:
        args = _parse(argv)
    except SystemExit as e:  # argparse: --help, --version or bad usage
        return e.code
    args.started = started
    _missed.clear()
    _quiet()
    try:
        with _settings:
            code = args.run(args) or EXIT_DONE
        if code == EXIT_DONE and _missed:
            code = EXIT_SOME_FAILED
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader, `head` for one, has gone
        _mute(sys.stdout)
        return EXIT_DONE
    except Exception as e:
        if os.environ.get("SR_KERAS_TRACEBACK"):
            raise
        signals.check()  # it may be the signal's doing
        say(f"sr-keras {argv[0]}: error: {describe(e)}", sys.stderr)
        return EXIT_BAD_INPUT


def exit_code(interruption):
    """The exit code of a run that was cut short.

    Args:
        interruption: a KeyboardInterrupt, or None for a run that was not.

    Returns:
        int.
    """
    if interruption is None:
        return EXIT_DONE
    if isinstance(interruption, signals.Terminated):
        return EXIT_TERMINATED
    return EXIT_INTERRUPTED


def say(text, stream=None):
    """Print, and go on where nobody can read it any more: `train | head`.

    Args:
        text: str.
        stream: where to, sys.stdout when None.
    """
    stream = stream or sys.stdout
    try:
        print(text, file=stream, flush=True)
    except OSError:
        _mute(stream)


def miss(lines):
    """Say what cannot be read; the command ends with `EXIT_SOME_FAILED`.

    Args:
        lines: iterable of str; one that was said already is passed over.
    """
    for line in lines:
        if line not in _missed:
            _missed.append(line)
            say(line, sys.stderr)


def load_keras():
    """Import Keras and TensorFlow, which takes seconds, without their chatter.

    Keras has its standard settings from then on, whatever keras.json says; in
    a command, until its end.

    Raises:
        KeyboardInterrupt: there was a signal meanwhile.
    """
    signals.check()
    if "keras" not in sys.modules:
        _import_keras()
    _settings.enter_context(standard_settings())


def _import_keras():
    # TensorFlow's C++ writes to file descriptor 2 before any of its settings
    # can tell it not to.
    # Whatever ~/.keras/keras.json says: training here is TensorFlow's.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    sys.stderr.flush()
    kept = os.dup(2)
    with contextlib.suppress(OSError), open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        with quick_imports():
            importlib.import_module("keras")
    finally:
        os.dup2(kept, 2)
        os.close(kept)
    signals.check()


def describe(error):
    """The error's message as one line, fit for a person.

    Args:
        error: an exception.

    Returns:
        str, without line breaks; an OSError's is "reason: file".
    """
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.strerror}: {error.filename}"
    if isinstance(error, ModuleNotFoundError):
        if error.name.partition(".")[0] == "sr_keras":
            return f"{error.name} is missing: install sr_keras again"
        return f"{error.name} is missing: install it with pip"
    text = " ".join(str(error).split())
    if len(text) > _MESSAGE_LENGTH:
        text = text[:_MESSAGE_LENGTH] + "..."
    if isinstance(error, ValueError | TypeError | OSError) and text:
        return text
    hint = "set SR_KERAS_TRACEBACK=1 to see where"
    return f"{type(error).__name__}: {text} ({hint})"


def parsers():
    """What reads the arguments.

    Returns:
        Pair of the parser of all, and dict of each subcommand's own: both
        argparse.ArgumentParser.
    """
    parser = _Parser(
        prog="sr-keras",
        description="Single-image super-resolution in Keras 3.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True
    )
    for name in COMMANDS:
        module = importlib.import_module(f"sr_keras.cli.{name}")
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser, commands.choices


def _parse(argv):
    parser, commands = parsers()
    args, rest = parser.parse_known_args(argv)
    if rest:
        flags = commands[args.command].format_usage()
        meant = _meant(rest, re.findall(r"--[\w-]+", flags))
        parser.error(f"unrecognized arguments: {' '.join(rest)}{meant}")
    return args


def _meant(given, known):
    """The flag that a wrong one may stand for, as a question."""
    wrong = next((text for text in given if text.startswith("-")), "")
    if not wrong and all(map(os.path.exists, given)):
        return ": quote a pattern of files, or name their folder"
    near = difflib.get_close_matches(wrong.split("=")[0], known, 1)
    return f" (did you mean {near[0]}?)" if near else ""


def _open_streams():
    """Let Python's standard streams take all that is printed."""
    fill_streams()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            # Names of files may have what the terminal cannot show.
            stream.reconfigure(errors="backslashreplace")


def _mute(stream):
    """Send a stream that cannot be written to nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _quiet():
    """Silence what libraries say at start-up."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    for name in ("tensorflow", "matplotlib"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="(keras|tensorflow|google).*")
