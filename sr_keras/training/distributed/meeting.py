"""Workers meet before TensorFlow begins, which itself waits without an end.

While TensorFlow waits for other machines no Python code runs: neither a signal
nor a limit can end it. So the workers report to the chief first, at its
address of TF_CONFIG, and go on together once all of them have.
"""

import contextlib
import math
import os
import select
import socket
import time

from sr_keras.support import signals
from sr_keras.training.distributed.cluster import Cluster

VARIABLE = "SR_KERAS_WAIT_MINUTES"
MINUTES = 10.0

# Seconds between two looks at signals and the time.
_LOOK = 0.2

# Seconds that a connection may take, and one side for its few bytes.
_CONNECTING = 2.0

_GO = b"go\n"
_LONGEST = 200  # bytes of a line


class MissingWorkersError(Exception):
    """The time is over and there are workers missing."""


def minutes() -> float:
    """Read how long the workers wait for each other.

    Raises:
        ValueError: it is not a number above 0.
    """
    text = os.environ.get(VARIABLE, "").strip() or str(MINUTES)
    with contextlib.suppress(ValueError):
        if 0 < float(text) < math.inf:
            return float(text)
    raise ValueError(
        f"{VARIABLE} must be a number of minutes above 0, not {text!r}"
    )


def meet(cluster: Cluster, limit: float) -> None:
    """Wait until all workers are there.

    Args:
        cluster: who they are, and which of them this is.
        limit: seconds.

    Raises:
        MissingWorkersError: not all came in time; it says which.
        ValueError: this worker's address cannot be had, or another process
            says that it is this worker.
        KeyboardInterrupt: there was a signal.
    """
    ends = time.monotonic() + limit
    meeting = (_Chief if cluster.index == 0 else _Other)(cluster, ends)
    try:
        meeting.hold()
    except TimeoutError as e:
        missing = ", ".join(
            cluster.named(*cluster.jobs[i]) for i in meeting.missing
        )
        raise MissingWorkersError(
            f"not there after {limit / 60:g} min: {missing}; start all workers "
            f"with the same command, or set {VARIABLE}"
        ) from e


class _Chief:
    """Listens until every other worker has reported, and lets them go on.

    Attributes:
        missing: the workers that are not there.
    """

    def __init__(self, cluster, ends):
        self._cluster, self._ends = cluster, ends
        self._there = {}

    @property
    def missing(self):
        others = range(1, len(self._cluster.addresses))
        return [i for i in others if i not in self._there]

    def hold(self):
        own = self._cluster.addresses[0]
        port = int(own.rpartition(":")[2])
        try:
            server = socket.create_server(("", port))
        except OSError as e:
            raise ValueError(
                f"cannot train as worker 0 at {own}: {e.strerror}; is "
                "TF_CONFIG right, and the port free?"
            ) from e
        with server, contextlib.ExitStack() as self._stack:
            while self.missing:
                self._look(server)
                if time.monotonic() > self._ends:
                    self._tell(f"missing {self.missing}\n".encode())
                    raise TimeoutError
            self._tell(_GO)

    def _look(self, server):
        signals.check()
        waits_for = [server, *self._there.values()]
        ready = select.select(waits_for, [], [], _LOOK)[0]
        for i, connection in list(self._there.items()):
            if connection in ready:  # it says nothing more, so it has left
                del self._there[i]
        if server in ready:
            self._welcome(self._stack.enter_context(server.accept()[0]))

    def _welcome(self, connection):
        connection.settimeout(_CONNECTING)
        hello = _line(connection)
        for i in range(1, len(self._cluster.addresses)):
            if hello == _hello(self._cluster, i):
                if i in self._there:
                    connection.sendall(b"taken\n")
                    break
                self._there[i] = connection
                return
        connection.close()

    def _tell(self, text):
        """Tell all, and wait until they have heard it.

        Who closes a connection first keeps its port for a while: that must
        not be the chief, whose port TensorFlow needs.
        """
        for connection in self._there.values():
            with contextlib.suppress(OSError):
                connection.sendall(text)
        for connection in self._there.values():
            _line(connection)


class _Other:
    """Reports to the chief until that lets it go on."""

    def __init__(self, cluster, ends):
        self._cluster, self._ends = cluster, ends
        self.missing = [0]

    def hold(self):
        while not self._has_met():
            signals.check()
            if time.monotonic() > self._ends:
                raise TimeoutError
            time.sleep(_LOOK)

    def _has_met(self):
        """Report once; return whether all are there."""
        host, _, port = self._cluster.addresses[0].rpartition(":")
        place = host.strip("[]"), int(port)
        try:
            with socket.create_connection(place, _CONNECTING) as connection:
                connection.sendall(_hello(self._cluster, self._cluster.index))
                return self._is_go(self._answer(connection))
        except OSError:  # the chief is not there yet
            return False

    def _answer(self, connection):
        """Wait for what the chief says; it speaks once, at the end."""
        # The chief's limit may be a little later: let it say who is missing.
        while not select.select([connection], [], [], _LOOK)[0]:
            signals.check()
            if time.monotonic() > self._ends + _CONNECTING:
                raise TimeoutError
        return _line(connection)

    def _is_go(self, answer):
        own = self._cluster.index
        if answer == b"taken\n":
            raise ValueError(
                f"worker {own} is there already: give every machine its own "
                "index in TF_CONFIG"
            )
        if answer.startswith(b"missing ["):
            numbers = answer.strip(b"missing []\n").split(b", ")
            self.missing = [int(n) for n in numbers if int(n) != own]
            self.missing = self.missing or [0]
            raise TimeoutError
        return answer == _GO


def _hello(cluster, index):
    """What a worker says of itself, the same on both sides."""
    return f"sr-keras worker {index} of {len(cluster.addresses)}\n".encode()


def _line(connection):
    """Read up to a line's end; what has come where there is none."""
    text = b""
    with contextlib.suppress(OSError):
        while not text.endswith(b"\n") and len(text) < _LONGEST:
            part = connection.recv(1)
            if not part:
                break
            text += part
    return text
