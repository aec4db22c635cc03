"""Workers that wait for each other."""

import concurrent.futures
import os
import signal
import socket
import threading
import time

import pytest
from workers import COMMAND, configurations, finished, start

from sr_keras.support import signals
from sr_keras.training.distributed import meeting
from sr_keras.training.distributed.cluster import Cluster, cluster


@pytest.fixture
def crew(monkeypatch):
    """The clusters of so many workers, each as that worker sees it."""

    def make(count):
        found = []
        for text in configurations(count):
            monkeypatch.setenv("TF_CONFIG", text)
            found.append(cluster())
        return found

    return make


def meet(clusters, limit=20):
    """Let workers meet, in a thread each; give their outcomes."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        futures = [pool.submit(meeting.meet, c, limit) for c in clusters]
        return [f.exception() for f in futures]


@pytest.mark.parametrize("count", [2, 4])
def test_all_meet(crew, count):
    workers = crew(count)
    assert meet(workers) == [None] * count
    # The chief's port is free for TensorFlow at once.
    assert meet(reversed(workers)) == [None] * count


def test_late_workers_are_waited_for(crew):
    chief, first, second = crew(3)
    late = threading.Timer(1, meet, [[chief]])
    late.start()
    assert meet([second, first]) == [None, None]
    late.join()


def test_the_missing_are_named(crew):
    workers = crew(4)
    began = time.monotonic()
    chief, other = meet([workers[0], workers[2]], 1.2)
    assert time.monotonic() - began < 10
    for error in (chief, other):
        assert isinstance(error, meeting.MissingWorkersError)
        text = str(error)
        assert text.startswith("not there after 0.02 min: worker 1 (127.0.0.1:")
        assert workers[0].addresses[3] in text
        assert workers[0].addresses[2] not in text
        assert "SR_KERAS_WAIT_MINUTES" in text


def test_a_missing_chief_is_named(crew):
    workers = crew(3)
    (error,) = meet(workers[1:2], 0.5)
    assert f"worker 0 ({workers[0].addresses[0]})" in str(error)


def test_a_worker_that_leaves_is_missing_again(crew):
    chief, first, second = crew(3)
    address = chief.addresses[0].split(":")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waits = pool.submit(meeting.meet, chief, 30)
        for hello in (meeting._hello(first, 1), b"GET / HTTP/1.0\r\n\r\n"):
            with connected(address) as connection:
                connection.sendall(hello)
                time.sleep(0.5)
        assert not waits.done()
        assert meet([first, second]) == [None, None]
        assert waits.result() is None


def connected(address):
    limit = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection(address, 5)
        except OSError:
            assert time.monotonic() < limit
            time.sleep(0.05)


def test_two_of_one_index(crew):
    chief, first, _ = crew(3)
    chief, *others = meet([chief, first, first], 3)
    assert isinstance(chief, meeting.MissingWorkersError)
    kinds = {type(e) for e in others}
    assert kinds == {ValueError, meeting.MissingWorkersError}
    text = next(str(e) for e in others if isinstance(e, ValueError))
    assert text.startswith("worker 1 is there already")


def test_a_port_that_is_taken():
    with socket.create_server(("", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        one = Cluster((place, "b:1"), 0, (("worker", 0), ("worker", 1)))
        with pytest.raises(ValueError, match="cannot train as worker 0 at .*"):
            meeting.meet(one, 1)


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("number", signals._HANDLED)
def test_signals_end_the_waiting(crew, index, number):
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with signals.handled():
            after = threading.Timer(0.5, os.kill, [os.getpid(), number])
            after.start()
            with pytest.raises(KeyboardInterrupt):
                meeting.meet(crew(2)[index], 60)
    finally:
        signal.signal(signal.SIGINT, former)


@pytest.mark.parametrize("text", ["0", "-1", "soon", "inf", "nan"])
def test_a_limit_that_is_none(monkeypatch, text):
    monkeypatch.setenv(meeting.VARIABLE, text)
    with pytest.raises(ValueError, match="must be a number of minutes"):
        meeting.minutes()


def test_limits(monkeypatch):
    monkeypatch.delenv(meeting.VARIABLE, raising=False)
    assert meeting.minutes() == 10
    monkeypatch.setenv(meeting.VARIABLE, "0.5")
    assert meeting.minutes() == 0.5


@pytest.mark.slow
@pytest.mark.parametrize(
    "number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143), (None, 1)]
)
def test_a_lonely_worker(data, tmp_path, monkeypatch, number, code):
    """The command: a signal ends it, and so does the limit."""
    if number is None:
        monkeypatch.setenv(meeting.VARIABLE, "0.05")
    given = ("train", "--model", "espcn", "--scale", 2, "--data", data)
    config = configurations(2)[0]
    running = start([*COMMAND, *given, "--output", "out"], config, tmp_path)
    first = running.stderr.readline()
    assert first.startswith("worker 0 of 2: waiting for the others, ")
    if number:
        time.sleep(1)
        running.send_signal(number)
    ended = finished(running)
    assert ended.code == code
    assert len(ended.lines) == 1
    assert ("not there after 0.05 min: worker 1 (" in ended.err) == (code == 1)
    assert not (tmp_path / "out").exists()
