"""The work of `upscale`: one photo after another, or several at once."""

import concurrent.futures
import csv
import io
import math
import os
import sys
import threading
import time
from pathlib import Path

from sr_keras.imaging import images
from sr_keras.inference import outputs as places
from sr_keras.inference.results import Results, check_record, drop_record
from sr_keras.support import memory, signals
from sr_keras.support.console import (
    EXIT_BAD_INPUT,
    EXIT_DONE,
    EXIT_SOME_FAILED,
    describe,
    exit_code,
    load_keras,
    say,
)
from sr_keras.support.folders import save_text
from sr_keras.support.progress import aside, bar, counted, duration

COLUMNS = (
    *("file", "result", "status", "width", "height", "seconds"),
    *("delta_e_before", "delta_e_after", "message"),
)

# What a photo at work keeps busy: its network, which takes turns with those of
# other photos, and the encoder of its file. On two processors, two photos at
# once took 6 % longer than one after the other.
_PROCESSORS = 2

# Seconds between two looks at whether anybody has pressed Ctrl-C.
_LOOK = 0.5


def run(args):
    """Work through the photos.

    Args:
        args: argparse.Namespace of `upscale`.

    Returns:
        The exit code.
    """
    args.jobs = at_once(args.jobs)
    todo = places.targets(args)
    roots = {target.root for target in todo if target.root}
    for root in roots:
        check_record(root, args)
    album = Album(args, todo)

    def leave():
        for root in roots:
            drop_record(root)

    with signals.undone(leave):
        try:
            code = album.work_through()
        finally:
            leave()
    album.finish()
    return code


def at_once(jobs):
    """How many photos are worked on at once where so many are asked for."""
    return max(min(jobs, (os.cpu_count() or 1) // _PROCESSORS), 1)


class Album:
    """The photos of a run, and what has become of each.

    Args:
        args: argparse.Namespace of `upscale`.
        todo: list of inference.outputs.Target.
    """

    def __init__(self, args, todo):
        self.args, self.todo = args, todo
        self.results = Results(args, todo)
        self.rows = {}
        self.pages = {}
        self._quiet = any(target.folder is None for target in todo)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._turns = threading.Semaphore(args.jobs)
        self._shares = [0.0] * len(todo)
        self._files = {}
        self._bar = None

    def work_through(self):
        """Take all photos; return the exit code."""
        self._reader = concurrent.futures.ThreadPoolExecutor(1)
        first = next((i for i in range(len(self.todo)) if self._wanted(i)), -1)
        if first < 0:
            for i in range(len(self.todo)):
                self._take(i)
            return self._code()
        # The first photo is read while TensorFlow is imported.
        self._read(first)
        load_keras()
        from sr_keras.inference.photo import Work

        self._work = Work(self.args, self.results)
        self._say_plan(first)
        interruption = None
        # One more than there are turns: while the end of a file is written
        # the next photo is computed.
        pool = concurrent.futures.ThreadPoolExecutor(self.args.jobs + 1)
        with bar(len(self.todo), "photo", True) as self._bar:
            futures = [
                pool.submit(self._take, i) for i in range(len(self.todo))
            ]
            try:
                for future in futures:
                    self._wait(future)
            except KeyboardInterrupt as e:
                interruption = e
                self._stop.set()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
                self._reader.shutdown(wait=False, cancel_futures=True)
        if interruption is not None:
            say("stopped", sys.stderr)
            return exit_code(interruption)
        return self._code()

    def finish(self):
        """Write the table and the page."""
        args = self.args
        if args.csv is not None:
            save_text(args.csv, self._table())
        if args.compare is not None:
            from sr_keras.inference import compare_page

            shown = [self.pages[i] for i in sorted(self.pages)]
            save_text(args.compare, compare_page.page(shown))
            self._tell(f"wrote {args.compare}")

    def _wanted(self, i):
        """Whether there is something to do for a photo."""
        target = self.todo[i]
        return not target.problem and not self.results.is_done(target)

    def _read(self, i):
        """Have a photo read in the background."""
        with self._lock:
            if i < len(self.todo) and i not in self._files:
                self._files[i] = self._reader.submit(self._load, self.todo[i])

    def _load(self, target):
        most = self.args.max_pixels
        if target.source is None:
            content = _content_of(target.name)
            return images.load_bytes(content, target.name, most)
        return images.load(target.source, most)

    def _wait(self, future):
        while True:
            signals.check()
            try:
                return future.result(timeout=_LOOK)
            except concurrent.futures.TimeoutError:
                continue

    def _take(self, i):
        target = self.todo[i]
        row = {"file": target.name, "status": "done"}
        turn = _Turn(self._turns)
        started = time.monotonic()
        try:
            if self._stop.is_set():
                raise _Stopped
            if target.problem:
                raise ValueError(target.problem)
            if not self._wanted(i):
                row["status"] = "done before"
                self._tell(f"{target.name}: done before")
            else:
                self._read(i)
                self._read(i + 1)
                row |= self._made(i, started, turn.over)
        except _Stopped:
            row["status"] = "stopped"
        except Exception as e:
            if os.environ.get("SR_KERAS_TRACEBACK"):
                raise
            row |= {"status": "failed", "message": describe(e)}
            named = target.name in row["message"]
            text = row["message"]
            self._warn(text if named else f"{target.name}: {text}")
        finally:
            turn.over()
            with self._lock:
                self._files.pop(i, None)
            self._show(i, 1.0)
        row.setdefault("seconds", round(time.monotonic() - started, 2))
        with self._lock:
            self.rows[i] = row

    def _made(self, i, started, computed):
        target = self.todo[i]
        stored = self._files[i].result()
        for note in stored.like.notes:
            self._warn(f"{target.name}: {note}")

        def report(share):
            if self._stop.is_set():
                raise _Stopped
            self._show(i, share)

        made = self._work.enlarge(target, stored, report, computed)
        if made.lost:
            self._warn(f"{target.name}: {made.lost}")
        with self._lock:
            if made.shown is not None:
                self.pages[i] = made.shown
        seconds = time.monotonic() - started
        self._tell(_line(target, made, seconds))
        row = {
            "result": str(made.path or "-"),
            "width": made.size[1],
            "height": made.size[0],
            "seconds": round(seconds, 2),
        }
        if made.guarded is not None:
            row["delta_e_before"] = round(made.guarded.before, 3)
            row["delta_e_after"] = round(made.guarded.after, 3)
        return row

    def _show(self, i, share):
        with self._lock:
            before, self._shares[i] = self._shares[i], share
            if self._bar is not None:
                self._bar.update(share - before)

    def _say_plan(self, first):
        target = self.todo[first]
        try:
            stored = self._files[first].result()
            plan = self._work.plan(target, stored, len(self.todo))
        except (ValueError, OSError):
            return  # it will be told when it is this photo's turn
        count = counted(len(self.todo), "photo")
        chosen = f" with {self.args.model}" if self.args.chosen else ""
        gigabytes = math.ceil(10 * plan.gigabytes) / 10
        self._tell(
            f"{count}; {target.name}: {plan.text}{chosen}; about "
            f"{duration(plan.seconds)} and {gigabytes} GB"
            f"{' each' if len(self.todo) > 1 else ''}"
        )
        free = memory.available() / 1e9
        if plan.gigabytes * min(self.args.jobs, len(self.todo)) > free:
            say(
                f"only {free:.1f} GB of memory are free: it may not suffice",
                sys.stderr,
            )

    def _tell(self, text):
        with self._lock, aside():
            places.tell(text, self._quiet)

    def _warn(self, text):
        with self._lock, aside():
            say(text, sys.stderr)

    def _code(self):
        failed = [row["status"] == "failed" for row in self.rows.values()]
        if failed and all(failed):
            return EXIT_BAD_INPUT
        return EXIT_SOME_FAILED if any(failed) else EXIT_DONE

    def _table(self):
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, "", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows[i] for i in sorted(self.rows))
        return text.getvalue()


def _content_of(stream):
    """All that comes from stdin, or from the pipe of a name."""
    if stream != "stdin":
        return Path(stream).read_bytes()
    if sys.stdin is None:
        raise ValueError("stdin is closed: give a file, or send a photo to it")
    return sys.stdin.buffer.read()


class _Turn:
    """One of a few places, waited for and given back once."""

    def __init__(self, places):
        self._places = places
        self._places.acquire()
        self._held = True

    def over(self):
        """Let the next one have it."""
        if self._held:
            self._held = False
            self._places.release()


class _Stopped(Exception):  # noqa: N818, nothing is wrong
    """Somebody has pressed Ctrl-C."""


def _line(target, made, seconds):
    """What is said of a photo that is done."""
    size = f"{made.size[1]}x{made.size[0]}"
    text = f"{target.name}: {made.path or 'stdout'}, {size}, {seconds:.1f} s"
    if made.guarded is not None:
        before, after = made.guarded.before, made.guarded.after
        text += f", colours off by {before:.2f} and now {after:.2f} (delta E)"
    return text
