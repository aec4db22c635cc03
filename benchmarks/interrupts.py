"""Interrupt commands at random moments, and look at how they end.

  python benchmarks/interrupts.py --runs 300 --log runs.jsonl
  python benchmarks/interrupts.py --runs 20 --only zssr train --lanes 2

Each run is one of six commands on small photos, one of them of a megapixel,
and gets SIGINT or SIGTERM between --earliest and --latest seconds after its
start; a third of the runs gets a second signal soon after. A run that has ended
by itself before is repeated with an earlier signal. Of each command the table
has: runs; those that ended within 10 s, or within 1 s of a second signal; the
longest of both; and what went wrong: other exit codes than 130 and 143, more
than two lines on stderr after the signal, tracebacks, files that are not whole,
processes that live on. --log keeps each run, and a second call with it goes on
from there. "early": the signal came before the command had begun to note
signals, and ended the process as it does by default, which a shell reports as
130 or 143; or Python itself, still starting, printed a traceback.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import dataclasses
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from common import ROOT
from PIL import Image

COMMANDS = ("zssr", "train", "upscale", "evaluate", "export", "adapt")
SIGNALS = (signal.SIGINT, signal.SIGTERM)

# Seconds that a run may take to end, and after which it has not.
_LIMIT, _SECOND_LIMIT, _NEVER = 10, 1, 120

# A shell starts background commands with SIGINT ignored; ours mind it.
_START = "import signal; signal.signal(2, signal.default_int_handler); "
_START += "import sys; from sr_keras.__main__ import main; sys.exit(main())"


@dataclasses.dataclass
class Ended:
    """How a run has ended.

    Attributes:
        seconds: from the last signal to the end.
        within: whether that was in time.
        faults: what went wrong, besides the time.
    """

    command: str
    number: int
    after: float
    twice: bool
    seconds: float
    within: bool
    faults: list


def inputs(folder, seed=0):
    """Write photos: a few small ones, and one of a megapixel."""
    draw = np.random.default_rng(seed)
    sizes = [(192, 192)] * 10 + [(480, 640)] * 4 + [(1000, 1000)] * 2
    for i, (height, width) in enumerate(sizes):
        coarse = draw.integers(0, 255, (height // 8, width // 8, 3), "u1")
        photo = Image.fromarray(coarse).resize((width, height), Image.BICUBIC)
        (folder / "photos").mkdir(exist_ok=True)
        photo.save(folder / f"photos/{i:02d}.png")
    learn = ["train", "--model", "espcn", "--scale", "2", "--epochs", "1"]
    learn += ["--data", folder / "photos", "--output", folder / "net"]
    learn += ["--steps-per-epoch", "2", "--batch-size", "2"]
    command = [sys.executable, "-c", _START, *map(str, learn)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


def arguments_of(command, folder, draw):
    """What a command is given, so that it takes longer than any delay."""
    photos, net = folder / "photos", folder / "net"
    photo = photos / draw.choice(("00.png", "12.png", "14.png"))
    ending = draw.choice((".tflite", ""))
    return {
        "zssr": (
            *("train", "--model", "zssr", "--image", photo, "--scale", 2),
            *("--output", "out"),
        ),
        "train": (
            *("train", "--model", draw.choice(("espcn", "edsr")), "--data"),
            *(photos, "--scale", 2, "--epochs", 500, "--steps-per-epoch", 20),
            *("--batch-size", 4, "--output", "out"),
        ),
        "upscale": (
            *("upscale", photos, "--scale", draw.choice((2, 3)), "--output"),
            *("out", "--csv", "table.csv"),
        ),
        "evaluate": (
            *("evaluate", "--model", "quality", "--data", photos),
            *("--scale", 2, "--save-images", "out", "--json", "table.json"),
        ),
        "export": (
            *("export", "quality", "--scale", 2, "--output", "net" + ending),
            "--measure",
        ),
        "adapt": (
            *("adapt", "--model", net, "--images", photos, "--output", "out"),
            *("--steps", 5000),
        ),
    }[command]


def interrupt(command, folder, seed, latest, earliest):
    """Start a command, interrupt it, and say how it ended."""
    draw = random.Random(seed)
    number, twice = draw.choice(SIGNALS), draw.random() < 1 / 3
    arguments = list(map(str, arguments_of(command, folder, draw)))
    after = draw.uniform(earliest, latest)
    while True:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            run = _run(arguments, Path(place), number, after, twice, draw)
        if run is not None:
            return Ended(command, number, after, twice, *run)
        after *= draw.uniform(0.5, 1)


def _run(arguments, place, number, after, twice, draw):
    """One try; None where the command had ended by itself."""
    errors = place / "errors.txt"
    with open(errors, "w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", _START, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            cwd=place,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            start_new_session=True,
        )
    try:
        process.wait(after)
        return None
    except subprocess.TimeoutExpired:
        before = len(errors.read_text().splitlines())
        process.send_signal(number)
    if twice:
        time.sleep(draw.uniform(0.1, 2))
        twice = process.poll() is None
        process.send_signal(number)
    sent = time.monotonic()
    try:
        process.wait(_NEVER)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return float(_NEVER), False, ["never ended"]
    seconds = time.monotonic() - sent
    said = errors.read_text().splitlines()[before:]
    errors.unlink()
    faults = list(_faults(process, number, said, place))
    return seconds, seconds < (_SECOND_LIMIT if twice else _LIMIT), faults


def _faults(process, number, said, place):
    if any("Traceback" in line for line in said):
        early = not any("sr_keras/cli" in line for line in said)
        yield "early" if early else "traceback"
    else:
        if process.returncode not in (128 + number, -number):
            yield f"code {process.returncode}: {said[-1:]}"
        if process.returncode == -number:
            yield "early"
        if len(said) > 2:
            yield f"{len(said)} lines: {said[:3]}"
    yield from (f"not whole: {path}" for path in _broken(place))
    for survivor in _survivors(process.pid):
        yield f"lives on: {survivor}"
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)


def _survivors(group):
    """The command lines of a group's processes, a second later."""
    time.sleep(1)
    listed = subprocess.run(
        ["ps", "-e", "-o", "pgid=,stat=,args="], capture_output=True, text=True
    )
    for line in listed.stdout.splitlines():
        number, state, command = line.split(None, 2)
        if int(number) == group and state[0] != "Z":
            yield command


def _broken(place):
    """Files that are not whole, and those that should not be there."""
    checks = {
        ".png": lambda p: Image.open(p).load(),
        ".json": lambda p: json.loads(p.read_text()),
        ".keras": lambda p: zipfile.ZipFile(p).testzip(),
        ".npz": lambda p: np.load(p).files,
    }
    for path in place.rglob("*"):
        name = path.relative_to(place)
        if any(part.startswith(".") for part in name.parts):
            yield name
        elif path.is_file():
            try:
                checks.get(path.suffix, lambda p: None)(path)
            except Exception as e:
                yield f"{name} ({e})"


def table(ended):
    """The results in Markdown."""
    lines = [
        "| command | signal | runs | ended in time | slowest, s | after a "
        "second, s | early | other faults |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows = collections.defaultdict(list)
    for one in ended:
        rows[one.command, one.number].append(one)
    for (command, number), runs in sorted(rows.items()):
        slowest = [
            max((r.seconds for r in runs if r.twice == twice), default=0)
            for twice in (False, True)
        ]
        early = sum("early" in r.faults for r in runs)
        faults = sum(any(f != "early" for f in r.faults) for r in runs)
        lines.append(
            f"| {command} | {signal.Signals(number).name} | {len(runs)} | "
            f"{sum(r.within for r in runs)} | {slowest[0]:.1f} | "
            f"{slowest[1]:.1f} | {early} | {faults} |"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--only", nargs="+", choices=COMMANDS, default=COMMANDS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log", type=Path, help="keep each run, and go on")
    parser.add_argument("--lanes", type=int, default=1, help="runs at once")
    parser.add_argument("--earliest", type=float, default=0.2)
    parser.add_argument("--latest", type=float, default=15)
    args = parser.parse_args()
    ended = _logged(args.log)
    with (
        tempfile.TemporaryDirectory() as name,
        concurrent.futures.ThreadPoolExecutor(args.lanes) as pool,
    ):
        folder = Path(name)
        inputs(folder)
        futures = {
            pool.submit(
                interrupt,
                *(args.only[i % len(args.only)], folder, args.seed + i),
                *(args.latest, args.earliest),
            ): i
            for i in range(args.runs)
            if i not in ended
        }
        for future in concurrent.futures.as_completed(futures):
            i, one = futures[future], future.result()
            ended[i] = one
            if args.log:
                line = json.dumps({"run": i, **dataclasses.asdict(one)})
                with open(args.log, "a") as log:
                    log.write(line + "\n")
            if one.faults or not one.within:
                print(one, file=sys.stderr, flush=True)
    print(f"{len(ended)} runs, load {os.getloadavg()[0]:.1f}\n")
    print(table(ended.values()))


def _logged(path):
    """The runs of an earlier call: dict of number -> Ended."""
    if path is None or not path.exists():
        return {}
    lines = map(json.loads, path.read_text().splitlines())
    return {line.pop("run"): Ended(**line) for line in lines}


if __name__ == "__main__":
    main()
