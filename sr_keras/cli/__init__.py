"""The `sr-keras` command: one file here for each subcommand.

A subcommand's module has `HELP` (one line), `add_arguments(parser)` and
`run(args)`, which returns the exit code (None means 0). Nothing here, and
nothing at the top of a subcommand's module, imports TensorFlow or Keras:
`--help` has to answer at once.
"""

import argparse
import difflib
import importlib
import logging
import os
import re
import sys
import time
import warnings

from sr_keras._version import __version__
from sr_keras.support import console, signals
from sr_keras.support.console import (
    EXIT_BAD_INPUT,
    EXIT_DONE,
    EXIT_SOME_FAILED,
    describe,
    exit_code,
    say,
)
from sr_keras.support.imports import fill_streams
from sr_keras.support.suggest import unknown

COMMANDS = (
    "train", "adapt", "upscale", "evaluate", "export", "prepare", "convert",
    "models",
)  # fmt: skip


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
    console.forget_missed()
    _quiet()
    try:
        with console.AT_END:
            code = args.run(args) or EXIT_DONE
        if code == EXIT_DONE and console.missed():
            code = EXIT_SOME_FAILED
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader, `head` for one, has gone
        console.mute(sys.stdout)
        return EXIT_DONE
    except Exception as e:
        if os.environ.get("SR_KERAS_TRACEBACK"):
            raise
        signals.check()  # it may be the signal's doing
        say(f"sr-keras {argv[0]}: error: {describe(e)}", sys.stderr)
        return EXIT_BAD_INPUT


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


def _quiet():
    """Silence what libraries say at start-up."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    for name in ("tensorflow", "matplotlib"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="(keras|tensorflow|google).*")
