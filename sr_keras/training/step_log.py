"""The steps of a training, one of every so many, in its folder."""

import csv
import io

from sr_keras.support.folders import save_text

FILE = "steps.csv"

# Columns that are no curve.
_PLAIN = ("step", "epoch")


class StepLog:
    """A table of steps, and the same numbers for TensorBoard.

    The table has a step as soon as it is done. TensorBoard, whose files only
    grow, gets the steps when there is a checkpoint behind them: a training that
    goes on from it takes none of them twice.

    Args:
        folder: Path of the run; None where nothing is written.
        every: int, steps between two rows; 0 for none.
        events: EventLog.
    """

    def __init__(self, folder, every, events):
        self._path = folder and folder / FILE
        self._every = every
        self._events = events
        self._waiting = []

    def is_due(self, step):
        """Whether a step has a row.

        Args:
            step: int, from 1.

        Returns:
            bool.
        """
        return bool(self._path and self._every and step % self._every == 0)

    def go_back(self, step):
        """Leave out the rows behind a step.

        Args:
            step: int, the last that counts; 0 for none.
        """
        if not (self._path and self._path.exists()):
            return
        with open(self._path, encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if _is_whole(row)]
        rows = [row for row in rows if int(row["step"]) <= step]
        if rows:
            save_text(self._path, _text(rows, header=True))
        else:
            self._path.unlink()

    def add(self, row):
        """Write a row.

        Args:
            row: dict of name -> number, `step` and `epoch` among them.
        """
        header = not self._path.exists()
        with open(self._path, "a", encoding="utf-8", newline="") as file:
            file.write(_text([row], header))
        self._waiting.append(row)

    def commit(self):
        """Give TensorBoard what a checkpoint now has behind it."""
        for row in self._waiting:
            for name, value in row.items():
                if name not in _PLAIN:
                    self._events.scalar(f"step/{name}", value, row["step"])
        if self._waiting:
            self._events.flush()
        self._waiting = []


def _is_whole(row):
    """Whether it is no row that was being written when the run was killed."""
    return None not in row.values() and row["step"].isdecimal()


def _text(rows, header):
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
