"""What a training on many images leaves in its folder, epoch by epoch."""

import csv
import io

import numpy as np

from sr_keras.imaging import images
from sr_keras.support.folders import save_text
from sr_keras.training import plots
from sr_keras.training.step_log import StepLog
from sr_keras.training.tensorboard import EventLog

# Columns that are no curve.
_PLAIN = ("epoch", "steps", "seconds")

HISTORY = "history.csv"
CURVES = "curves.png"
SAMPLES = "samples"
EVENTS = "tensorboard"

# Images that are looked at.
SHOWN = 3

# How often, over a training.
_LOOKS = 20


class Logbook:
    """Curves, tables, pictures.

    Args:
        folder: Path of the run; None where nothing is written.
        epochs: int, how many there will be.
        bicubic: float, the validation PSNR of bicubic interpolation, or None.
        log_every: int, steps between two that are logged; 0 for none.

    Attributes:
        steps: StepLog.
    """

    def __init__(self, folder, epochs, bicubic=None, log_every=0):
        self.folder = folder
        self.epochs = epochs
        self.bicubic = bicubic
        self._events = EventLog(folder and folder / EVENTS)
        self.steps = StepLog(folder, log_every, self._events)

    def looks(self, epoch):
        """How many images to look at after an epoch.

        Args:
            epoch: int, from 1.

        Returns:
            int.
        """
        every = max(self.epochs // _LOOKS, 1)
        return SHOWN if epoch % every == 0 or epoch in (1, self.epochs) else 0

    def write(self, rows, seen):
        """Write all that is known.

        Args:
            rows: list of dict, one an epoch: epoch, steps, loss, psnr, rate,
                skipped, seconds, and what else is logged.
            seen: list of tuples of ndarrays, as `Validation.score` has them.
        """
        self.summarize(rows)
        last = rows[-1]
        for name, value in last.items():
            if name not in _PLAIN and value is not None:
                self._events.scalar(name, value, last["epoch"])
        for number, pictures in enumerate(seen):
            self._strip(number + 1, plots.strip(*pictures), last["epoch"])
        self._events.flush()

    def summarize(self, rows):
        """Write the table and the curves.

        Args:
            rows: as for `write`.
        """
        self._table(rows)
        plots.curves(self.folder / CURVES, rows, self.bicubic)

    def close(self):
        """End what is open."""
        self._events.close()

    def _table(self, rows):
        text = io.StringIO()
        writer = csv.DictWriter(text, rows[-1], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        save_text(self.folder / HISTORY, text.getvalue())

    def _strip(self, number, strip, epoch):
        folder = self.folder / SAMPLES
        folder.mkdir(exist_ok=True)
        path = folder / f"{number}_epoch_{epoch:04d}.png"
        images.write(path, images.Image(np.clip(strip, 0, 1)))
        name = f"lr_bicubic_sr_hr/{number}"
        self._events.image(name, path.read_bytes(), strip.shape[:2], epoch)
