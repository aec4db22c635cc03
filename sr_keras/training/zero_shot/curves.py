"""A zero-shot run's curves, as a table and for TensorBoard."""

import csv
import io
import math
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from sr_keras.support.atomic import replaced
from sr_keras.support.folders import save_text
from sr_keras.training import plots
from sr_keras.training.history import EVENTS, HISTORY
from sr_keras.training.tensorboard import EventLog

# TensorBoard reads what has "tfevents" in its name.
_FILE = "events.out.tfevents.zssr"


def write(folder, run, every, pictures):
    """Write history.csv and tensorboard/, in place of an earlier run's.

    Args:
        folder: Path of the run.
        run: training.zero_shot.ZeroShot, trained.
        every: int, steps between two rows.
        pictures: tuple of ndarrays LR, bicubic, SR, to look at.
    """
    rows = _rows(run, every)
    text = io.StringIO()
    columns = ("step", "loss", "rate", "reconstruction_psnr")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    save_text(folder / HISTORY, text.getvalue())
    content = _events(rows, pictures, run.step)
    (folder / EVENTS).mkdir(exist_ok=True)
    with replaced(folder / EVENTS / _FILE) as file:
        file.write(content)


def _rows(run, every):
    """A row for every so many steps, and for those that are left at the end.

    Its loss is the mean over its steps.
    """
    rows, measured = [], dict(run.history)
    for start in range(0, run.step, every):
        last = min(start + every, run.step)
        errors = [measured[s] for s in range(start + 1, last + 1)
                  if s in measured]  # fmt: skip
        rows.append(
            {
                "step": last,
                "loss": float(np.mean(run.losses[start:last])),
                "rate": run.rates[last - 1],
                "reconstruction_psnr": psnr(errors[-1]) if errors else None,
            }
        )
    return rows


def psnr(error):
    """The PSNR of a mean squared error of images in [0, 1], at most 100."""
    return round(-10 * math.log10(max(error, 1e-10)), 4)


def _events(rows, pictures, step):
    """The content of TensorBoard's file."""
    with tempfile.TemporaryDirectory() as folder:
        _log(EventLog(folder), rows, pictures, step)
        (file,) = Path(folder).iterdir()
        return file.read_bytes()


def _log(events, rows, pictures, step):
    for row in rows:
        for name, value in row.items():
            if name != "step" and value is not None:
                events.scalar(name, value, row["step"])
    strip = np.round(plots.strip(*pictures) * 255).astype("uint8")
    png = tf.io.encode_png(strip).numpy()
    events.image("lr_bicubic_sr", png, strip.shape[:2], step)
    events.close()
