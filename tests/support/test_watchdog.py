"""The watchdog: no code can keep a signal from ending the process."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from checks import ROOT
from workers import finished, start

from sr_keras.support import signals

BOTH = pytest.mark.parametrize(
    "number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)

# What a process does that is to be interrupted.
DEAF = "while True:\n    try: time.sleep(60)\n    except BaseException: pass\n"
BLOCKED = "import threading\nthreading.Semaphore(0).acquire()\n"
GRACE = 0.5


@pytest.fixture
def process(tmp_path):
    """Starts code under a watchdog, and waits until it is at work."""

    def begin(code, grace=GRACE):
        running = start(
            [
                "-c",
                "import signal, time\n"
                "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
                "from sr_keras.support import signals\n"
                f"signals.GRACE = {grace}\n"
                "signals.watch()\n"
                "print('ready', flush=True)\n" + code,
            ],
            folder=tmp_path,
        )
        assert running.stdout.readline() == "ready\n"
        time.sleep(0.3)
        return running

    return begin


@BOTH
@pytest.mark.parametrize("work", [DEAF, BLOCKED])
def test_what_does_not_listen_is_ended(process, number, code, work):
    running = process(work)
    running.send_signal(number)
    ended = finished(running)
    assert (ended.code, ended.err) == (code, "stopped\n")


@BOTH
def test_a_second_signal_waits_for_nothing(process, number, code):
    running = process("with signals.patience():\n    time.sleep(600)", 600)
    running.send_signal(number)
    time.sleep(0.5)
    assert running.poll() is None
    # The first one decides.
    running.send_signal(signal.SIGTERM)
    began = time.monotonic()
    ended = finished(running)
    assert (ended.code, ended.err) == (code, "stopped\n")
    assert time.monotonic() - began < 10  # of an idle machine: at once


def test_patience_takes_its_time(process):
    running = process(
        "with signals.patience('it takes long'):\n"
        "    while not signals.noted(): time.sleep(0.01)\n"
        f"    time.sleep({6 * GRACE})\n"
        "    print('kept', flush=True)\n"
        "signals.leave(130)\n"
    )
    running.send_signal(signal.SIGINT)
    ended = finished(running)
    assert (ended.code, ended.out) == (130, "kept\n")
    assert ended.err == "it takes long\n"


def test_nothing_half_written_is_left(process, tmp_path):
    (tmp_path / "whole.txt").write_text("before")
    running = process(
        "from pathlib import Path\n"
        "from sr_keras.support.folders import folder_for\n"
        "from sr_keras.support.atomic import replaced\n"
        "with folder_for(Path('made/here')), replaced('whole.txt') as file:\n"
        "    file.write(b'half')\n"
        "    print('writing', flush=True)\n    " + DEAF.replace("\n", "\n    ")
    )
    assert running.stdout.readline() == "writing\n"
    assert (tmp_path / "made/here").is_dir()
    running.send_signal(signal.SIGTERM)
    assert finished(running).code == 143
    assert [p.name for p in tmp_path.iterdir()] == ["whole.txt"]
    assert (tmp_path / "whole.txt").read_text() == "before"


def test_workers_do_not_live_on(process, tmp_path):
    running = process(
        "import concurrent.futures, multiprocessing\n"
        "pool = concurrent.futures.ProcessPoolExecutor(\n"
        "    1, multiprocessing.get_context('spawn'), signals.serve)\n"
        "print(pool.submit(__import__('os').getpid).result(), flush=True)\n"
        "pool.submit(time.sleep, 600)\n" + DEAF
    )
    worker = int(running.stdout.readline())
    assert is_alive(worker)
    running.send_signal(signal.SIGTERM)
    assert finished(running).code == 143
    limit = time.monotonic() + 10
    while is_alive(worker):
        assert time.monotonic() < limit
        time.sleep(0.05)


@pytest.mark.parametrize(
    "module", ["types.ModuleType('half')", "types.SimpleNamespace(\n"
               "    active_children=lambda: [1])"],
)  # fmt: skip
def test_nothing_keeps_the_watchdog(process, module):
    """Neither a module that is half imported, nor an error of its own."""
    running = process(
        "import sys, types\n"
        f"sys.modules['multiprocessing.process'] = {module}\n" + DEAF
    )
    running.send_signal(signal.SIGTERM)
    assert finished(running).code == 143


@pytest.mark.skipif(
    not list(Path("/proc/self/task").glob("*/children")), reason="no /proc"
)
def test_children_of_libraries_do_not_live_on(process):
    running = process(
        "import subprocess\n"
        "print(subprocess.Popen(['sleep', '600']).pid, flush=True)\n" + DEAF
    )
    child = int(running.stdout.readline())
    running.send_signal(signal.SIGTERM)
    assert running.wait() == 143
    running.communicate()
    limit = time.monotonic() + 10
    while is_alive(child):
        assert time.monotonic() < limit
        time.sleep(0.05)


def is_alive(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    with contextlib.suppress(OSError):  # dead, and nobody has waited for it
        return ") Z" not in Path(f"/proc/{number}/stat").read_text()
    return True


def test_ignored_signals_stay_ignored():
    running = start([
        "-c",
        "import signal, time\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from sr_keras.support import signals\n"
        "signals.watch()\n"
        "print('ready', flush=True)\n"
        "time.sleep(1.5)\n",
    ])  # fmt: skip
    assert running.stdout.readline() == "ready\n"
    for _ in range(2):
        running.send_signal(signal.SIGINT)
        time.sleep(0.2)
    ended = finished(running)
    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_a_signal_is_raised_once():
    with signals.handled():
        signals.check()
        os.kill(os.getpid(), signal.SIGTERM)
        with signals.hold():
            signals.check()
        with pytest.raises(signals.Terminated):
            signals.check()
        signals.check()
        assert isinstance(signals.noted(), signals.Terminated)
    assert signals.noted() is None


def test_without_handlers_nothing_is_noted():
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
    finally:
        signal.signal(signal.SIGINT, former)
    assert signals.noted() is None
    signals.check()


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_closed_streams_stay_empty(closed, tmp_path):
    """No file or socket gets the number of a closed stream."""
    code = (
        "import os, sys\n"
        "from sr_keras.support import signals\n"
        "signals.watch()\n"
        "kinds = [os.readlink(f'/proc/self/fd/{i}') for i in range(3)]\n"
        "open('kinds.txt', 'w').write('\\n'.join(kinds))\n"
    )
    if not Path("/proc/self/fd").exists():
        pytest.skip("no /proc")
    command = f'exec "$0" -c "$1" {closed}'
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(
        ["sh", "-c", command, sys.executable, code],
        **{"cwd": tmp_path, "env": env, "check": True},
    )
    kinds = (tmp_path / "kinds.txt").read_text().splitlines()
    for i in range(3):
        if f"{i}<&-" in closed or f"{i}>&-" in closed:
            assert kinds[i] == "/dev/null"
