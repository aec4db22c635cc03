"""What is seen of a run while it goes on."""

import math
import sys
import time

from tqdm import tqdm

from sr_keras.support import signals
from sr_keras.support.console import is_heard, say

# Seconds between two lines where there is no terminal for a bar.
_EVERY = 60


class Steps:
    """A progress bar of the training; now and then a line in a log file.

    A context manager that is a function (run) to be called after each step.

    Args:
        total: int, steps.
        ends: time.monotonic() by which training ends; None for never.
    """

    def __init__(self, total, ends=None):
        self._total = total
        self._ends = ends
        self._bar = bar(total, "step")
        self._said = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._bar.close()

    def __call__(self, run):
        """Show a step.

        Args:
            run: zero_shot.trainer.ZeroShot.
        """
        self._bar.update(1)
        now = time.monotonic()
        if self._bar.disable:
            if now - self._said >= _EVERY:
                self._said = now
                say(f"step {run.step} of {self._total}, {_text(run)}",
                    sys.stderr)  # fmt: skip
        elif run.step % 10 == 0:
            text = _text(run)
            if self._ends:
                text += f", {max(self._ends - now, 0):.0f} s at most"
            self._bar.set_postfix_str(text, refresh=False)


class Epochs:
    """A bar for each epoch, and a line at its end.

    A context manager that is a function (course, logs) to be called after
    each step.

    Args:
        steps: int, of an epoch.
        epochs: int.
    """

    def __init__(self, steps, epochs):
        self._steps = steps
        self._epochs = epochs
        self._bar = None
        self._began = self._said = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self._bar is not None:
            self._bar.close()

    def __call__(self, course, logs):
        """Show a step.

        Args:
            course: training.loop.Course.
            logs: dict with the epoch's `scalars` so far.
        """
        epoch = len(course.rows) + 1
        if self._bar is None:
            self._began = time.monotonic()
            self._bar = bar(self._steps, "step")
            self._bar.set_description(f"epoch {epoch}/{self._epochs}")
            self._bar.update(course.within - 1)
        self._bar.update(1)
        now = time.monotonic()
        text = _scalars(course.trainer, logs)
        best = course.best if course.trainer.judged_by_psnr else None
        if best and best["psnr"] is not None:
            text += f", best PSNR {best['psnr']:.2f} dB"
        if self._bar.disable:
            if now - self._said >= _EVERY:
                self._said = now
                say(f"epoch {epoch} of {self._epochs}, step {course.within} of "
                    f"{self._steps}, {text}", sys.stderr)  # fmt: skip
        elif self._bar.n % 10 == 0:
            self._bar.set_postfix_str(text, refresh=False)

    def end(self, course):
        """Say what has come of an epoch.

        Args:
            course: training.loop.Course.
        """
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        row = course.rows[-1]
        text = f"epoch {row['epoch']}/{self._epochs}: "
        text += _scalars(course.trainer, row)
        if row["psnr"] is not None:
            text += f", PSNR {row['psnr']:.3f} dB"
        is_best = course.best and course.best["epoch"] == row["epoch"]
        if is_best and course.trainer.judged_by_psnr:
            text += " (the best so far)"
        if row["skipped"]:
            text += f", batches skipped: {row['skipped']}"
        now = self._said = time.monotonic()
        left = (now - self._began) * (self._epochs - row["epoch"])
        if left > _EVERY:
            text += f", about {duration(left)} left"
        self._began = now
        say(text)
        for line in course.trainer.troubles():
            say(line, sys.stderr)


def learning(total):
    """Show the steps of a short training; lines where there is no terminal.

    Args:
        total: int, steps.

    Returns:
        Function (step, loss) to be called after each step, from 1.
    """
    shown, said = bar(total, "step"), [time.monotonic()]

    def watch(step, loss):
        shown.update(1)
        if step == total:
            shown.close()
        now = time.monotonic()
        if shown.disable and (now - said[0] >= _EVERY or step == total):
            said[0] = now
            say(f"step {step} of {total}, loss {loss:.4g}", sys.stderr)

    return watch


# What a bar says that goes on by parts of its unit.
_PARTS = (
    "{percentage:3.0f}%|{bar}| {n:.1f}/{total} {unit} [{elapsed}<{remaining}]"
)


def bar(total, unit, parts=False):
    """A bar that vanishes at its end; none where stderr is no terminal.

    Args:
        total: int, or None if unknown yet.
        unit: str.
        parts: bool, whether it goes on by less than one at a time.

    Returns:
        tqdm.tqdm.
    """
    return _Bar(
        total=total,
        unit=unit,
        bar_format=_PARTS if parts else None,
        disable=is_heard() or None,
        leave=False,
        dynamic_ncols=True,
        mininterval=0.2,
        delay=0.3,
    )


class _Bar(tqdm):
    """A bar whose loop is ended by a signal."""

    def update(self, n=1):
        """Go on, unless there was a signal.

        Raises:
            KeyboardInterrupt: there was one.
        """
        shown = super().update(n)
        signals.check()
        return shown


def aside():
    """A context in which lines are printed that a bar must not run into."""
    return tqdm.external_write_mode()


def duration(seconds):
    """A length of time, for a person to read.

    Args:
        seconds: float.

    Returns:
        str.
    """
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    return f"{math.ceil(seconds / 60)} min"


def counted(number, noun):
    """A number of things: 1 step, 2 steps.

    Args:
        number: int.
        noun: str, the thing.

    Returns:
        str.
    """
    return f"{number} {noun}" + "s" * (number != 1)


def _scalars(trainer, values):
    """What is logged: of a step, or of an epoch."""
    first, *rest = trainer.scalars
    more = "".join(f", {name} {values[name]:.4g}" for name in rest)
    return f"{first} {values[first]:.5f}{more}"


def _text(run):
    """Loss, learning rate and reconstruction PSNR of a step."""
    text = f"loss {run.losses[-1]:.4f}, rate {run.rates[-1]:.1e}"
    if run.history and run.history[-1][1] > 0:
        text += f", rebuilt {-10 * math.log10(run.history[-1][1]):.2f} dB"
    return text
