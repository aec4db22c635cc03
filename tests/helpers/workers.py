"""Processes of their own: workers of a cluster, commands that are killed."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time

from checks import ROOT
from cli_runs import Ended

# `sr-keras`, minding Ctrl-C as from a terminal.
COMMAND = (
    "-c",
    "import signal, sys\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from sr_keras.__main__ import main\n"
    "sys.exit(main())",
)

_LONGEST = 300


def configurations(count):
    """TF_CONFIG of every worker of a cluster on this machine."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        places = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    return [
        json.dumps({"cluster": {"worker": places},
                    "task": {"type": "worker", "index": i}})
        for i in range(count)
    ]  # fmt: skip


def start(arguments, config=None, folder=None):
    """Start Python with these arguments, in a folder."""
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    env.pop("TF_CONFIG", None)
    if config:
        env["TF_CONFIG"] = config
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=env,
    )


def finished(running):
    """Wait for a process to end."""
    try:
        out, err = running.communicate(timeout=_LONGEST)
    except subprocess.TimeoutExpired:
        running.kill()
        raise
    return Ended(running.returncode, out, err)


def wait_for(ready, *running):
    """Wait until something is so, or one of the processes has ended."""
    limit = time.monotonic() + _LONGEST
    while not ready():
        ended = [one for one in running if one.poll() is not None]
        if ended or time.monotonic() > limit:
            err = ended[0].stderr.read() if ended else "nothing happens"
            raise AssertionError(err)
        time.sleep(0.05)
