"""A training on many images: epochs, and what is kept of them."""

import contextlib
import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path

import keras
from keras import ops

from sr_keras.models import artifact
from sr_keras.models.network import Network
from sr_keras.support import signals
from sr_keras.support.progress import counted
from sr_keras.training import checkpoint
from sr_keras.training.callbacks import Guard
from sr_keras.training.distributed.team import Team
from sr_keras.training.history import Logbook
from sr_keras.training.optim import schedules
from sr_keras.training.trainers.base import OF_STEP, Trainer
from sr_keras.training.validation import Validation

LAST = "last.keras"
KEPT = "epochs"

# Said where the end of a step, and the files after it, are long in coming.
_NOTICE = (
    "stopping when this step is done and the checkpoint is written; a second "
    "signal ends at once, and loses the epoch"
)


def best_of(name):
    """The file beside the best network of something trained with it.

    Args:
        name: str, its file: discriminator.keras for one.

    Returns:
        str, discriminator-best.keras.
    """
    return name.replace(".", "-best.")


@dataclasses.dataclass
class Course:
    """The epochs of a training, and its folder.

    Whenever it ends, a course with the same arguments goes on in the same
    folder, to the same weights as if it had never ended: batches are a
    function of their number, and everything else is in the checkpoint.

    Attributes:
        trainer: Trainer, compiled.
        network: Network, in float32: what is validated and written.
        pairs: function (epoch, share) -> tf.data.Dataset that begins with it,
            of that share of each batch.
        folder: Path, an existing folder; None where nothing is written.
        epochs: int.
        steps: int, of an epoch.
        validation: Validation, or None.
        about: dict, what the artifacts say of themselves.
        keep_every: int, epochs between two networks that are kept; 0 for
            none.
        log_every: int, steps between two that are logged; 0 for none.
        skip_limit: int, skipped batches in a row that end it.
        schedule_epochs: int, epochs that the learning rate's cosine is spread
            over; None for all, or those that a resumed run began with.
        team: distributed.team.Team, who trains; its chief alone reads and
            writes the folder.
        watch: function (course, logs of the step) called after
            every step, or None.
        tell: function (course) called after every epoch, or None.
        rows: list of dict, one for each epoch that is done.
        best: dict of epoch and psnr, or None.
    """

    trainer: Trainer
    network: Network
    pairs: Callable
    folder: Path
    epochs: int
    steps: int
    validation: Validation | None = None
    about: dict = dataclasses.field(default_factory=dict)
    keep_every: int = 0
    log_every: int = 0
    skip_limit: int = 20
    schedule_epochs: int | None = None
    team: Team = dataclasses.field(default_factory=Team)
    watch: Callable | None = None
    tell: Callable | None = None
    rows: list = dataclasses.field(default_factory=list)
    best: dict | None = None

    def __post_init__(self):
        bicubic = self.validation and self.validation.bicubic()
        self._logbook = Logbook(
            self.folder, self.epochs, bicubic, self.log_every
        )
        self._seconds = 0.0
        self._since = time.monotonic()
        self.notes = []  # what has to be said of a resumed run
        self._patience, self._insists = contextlib.ExitStack(), False

    @property
    def bicubic(self):
        """The validation PSNR of bicubic interpolation, or None."""
        return self._logbook.bicubic

    @property
    def within(self):
        """How many steps of the epoch at hand are done."""
        return int(self.trainer.steps.numpy()) - len(self.rows) * self.steps

    def resume(self):
        """Go back to where the folder's checkpoint was written.

        Returns:
            Whether there is one.

        Raises:
            ValueError: it is of another training.
        """
        path = self.team.chief and self.folder / checkpoint.FILE
        content = checkpoint.read(path) if path else b""
        content = self.team.from_chief(content)
        if not content:
            self._logbook.steps.go_back(0)
            return False
        path = path or "the chief's checkpoint"
        record = checkpoint.load(content, self.trainer, path)
        if record["steps"] != self.steps:
            raise ValueError(
                f"{path} is of epochs of {record['steps']} steps, not "
                f"{self.steps}: give --steps-per-epoch {record['steps']}"
            )
        self._keep_schedule(record.get("schedule_epochs"))
        self.rows, self.best = record["rows"], record["best"]
        self._seconds = record["seconds"]
        self._logbook.steps.go_back(int(self.trainer.steps.numpy()))
        if self.rows and self.team.chief:  # it may have been killed before
            self._logbook.summarize(self.rows)
        return True

    def _keep_schedule(self, began):
        """Spread the cosine as the run began, unless it is told otherwise."""
        told = self.schedule_epochs
        epochs = told or began or self._epochs_before()
        self.schedule_epochs = epochs
        if epochs == self.epochs:
            return
        optimizers = self.trainer.optimizers
        last = [schedules.spread(o, epochs * self.steps) for o in optimizers][0]
        if last == 0 and self.epochs > epochs:
            raise ValueError(
                "the learning rate ends at 0 after "
                f"{counted(epochs, 'epoch')}, and more of them teach nothing: "
                f"give --schedule-epochs {self.epochs} "
                "to spread its cosine over all, or begin a new run with "
                "--init-from"
            )
        if last is not None and not told:
            self.notes.append(_spread_over(epochs, last))

    def _epochs_before(self):
        """The epochs of a run whose checkpoint does not say them."""
        found = b""
        if self.team.chief:
            with contextlib.suppress(OSError, ValueError, LookupError):
                text = (self.folder / "config.json").read_text("utf-8-sig")
                epochs = json.loads(text)["learning"]["epochs"]
                found = str(int(epochs)).encode()
        return int(self.team.from_chief(found) or self.epochs)

    def run(self):
        """Train to the end.

        Raises:
            KeyboardInterrupt: it was stopped; everything up to the last step
                has been written.
            ValueError: it went astray.
        """
        self._since = time.monotonic()
        with self._patience:
            self._run()

    def _run(self):
        try:
            with self._together():
                if self.within:
                    self._finish_epoch()
                if len(self.rows) < self.epochs:
                    self._fit(len(self.rows), 0, self.epochs)
        except KeyboardInterrupt:
            self._save_last()
            raise
        finally:
            self._logbook.close()

    @contextlib.contextmanager
    def _together(self):
        """Let several workers stop at the same step, whoever is asked to."""
        alone = self.team.workers == 1
        with contextlib.nullcontext() if alone else signals.hold():
            yield

    def insist(self):
        """After the first step there is something to keep."""
        if not self._insists:
            self._insists = True
            self._patience.enter_context(signals.patience(_NOTICE))

    def _finish_epoch(self):
        """Do what is left of an epoch that was interrupted."""
        done, epoch = self.within, len(self.rows)
        if done < self.steps:
            self._fit(epoch, done, epoch + 1)
        else:
            self.end_epoch()

    def _fit(self, epoch, done, epochs):
        """Train from a step of an epoch to the end of another."""
        self.trainer.fit(
            self.team.spread(lambda s: self.pairs(epoch, s).skip(done)),
            initial_epoch=epoch,
            epochs=epochs,
            steps_per_epoch=self.steps - done,
            verbose=0,
            shuffle=False,
            callbacks=[Guard(self.skip_limit), _Epochs(self)],
        )

    def end_epoch(self):
        """Validate, and write all there is."""
        epoch = len(self.rows) + 1
        self.trainer.give_weights(self.network)
        found, seen = {"psnr": None}, []
        if self.validation:
            looks = self._logbook.looks(epoch)
            found, seen = self.validation.score(
                self.network, looks, self.trainer.measures
            )
        with signals.hold():
            self.rows.append(self._row(epoch, found))
            if self._is_best(found["psnr"]):
                self.best = {"epoch": epoch, "psnr": found["psnr"]}
                self._save_best()
            kept = self.keep_every and epoch % self.keep_every == 0
            if kept and self.team.chief:
                (self.folder / KEPT).mkdir(exist_ok=True)
                self._save_network(f"{KEPT}/epoch_{epoch:04d}.keras")
            self._save_last()
            if self.team.chief:
                self._logbook.write(self.rows, seen)
        if self.tell:
            self.tell(self)
        signals.check()

    def log_step(self, logs):
        """Log a step, where it is time to.

        Args:
            logs: dict that the trainer's step gave.
        """
        if not self.log_every:  # to look at the count would cost time
            return
        step = int(self.trainer.steps.numpy())
        if not self._logbook.steps.is_due(step):
            return
        values = {n: float(logs[OF_STEP + n]) for n in self.trainer.scalars}
        row = {"step": step, "epoch": len(self.rows) + 1, **values}
        row |= {"rate": self._rate(), "skipped": int(logs["in_a_row"] > 0)}
        self._logbook.steps.add(row)

    def _rate(self):
        return float(ops.convert_to_numpy(self.trainer.optimizer.learning_rate))

    def _row(self, epoch, found):
        trainer = self.trainer
        return {
            "epoch": epoch,
            "steps": int(trainer.steps.numpy()),
            **{t.name: float(t.result()) for t in trainer.trackers},
            **found,
            "rate": self._rate(),
            "skipped": int(trainer.skip_tracker.result()),
            "seconds": round(self._elapsed(), 1),
        }

    def _elapsed(self):
        """Seconds of training, those before an interruption included."""
        now = time.monotonic()
        self._seconds += now - self._since
        self._since = now
        return self._seconds

    def _is_best(self, psnr):
        # Without validation the latest is the best that is known.
        if psnr is None or self.best is None or not self.trainer.judged_by_psnr:
            return True
        return psnr > self.best["psnr"]

    def _save_last(self):
        """Write the network as it is, and what is needed to go on."""
        if not (self.team.chief and int(self.trainer.steps.numpy())):
            return
        self.trainer.give_weights(self.network)
        self._save_network(LAST)
        for name, model in self.trainer.networks.items():
            artifact.save_part(model, self.folder / name)
        record = {
            "rows": self.rows,
            "best": self.best,
            "steps": self.steps,
            "schedule_epochs": self.schedule_epochs or self.epochs,
            "seconds": self._elapsed(),
        }
        path = self.folder / checkpoint.FILE
        checkpoint.save(path, self.trainer, record)
        self._logbook.steps.commit()

    def _save_best(self):
        """Write the network, and what was trained beside it."""
        self._save_network(artifact.BEST)
        if self.team.chief:
            for name, model in self.trainer.networks.items():
                artifact.save_part(model, self.folder / best_of(name))

    def _save_network(self, name):
        if not self.team.chief:
            return
        artifact.save(
            self.network,
            self.folder / name,
            **self.about,
            steps=int(self.trainer.steps.numpy()),
        )


def _spread_over(epochs, last):
    """A line on a cosine that is not spread over all epochs."""
    return (
        "the learning rate's cosine is spread over "
        f"{counted(epochs, 'epoch')}, as it was when the run began; after "
        f"that the rate stays at {last:g} "
        "(--schedule-epochs spreads it anew, and a new run with --init-from "
        "begins another)"
    )


class _Epochs(keras.callbacks.Callback):
    """Counts for a course.

    Keras sets the metrics back when `fit` begins; those of an epoch that was
    interrupted are kept.
    """

    def __init__(self, course):
        super().__init__()
        self._course = course
        self._kept = None

    def on_train_begin(self, logs=None):
        if self._course.within:
            variables = [
                v for m in self._course.trainer.metrics for v in m.variables
            ]
            self._kept = [(v, v.numpy()) for v in variables]

    def on_epoch_begin(self, epoch, logs=None):
        for variable, value in self._kept or ():
            variable.assign(value)
        self._kept = None

    def on_train_batch_begin(self, batch, logs=None):
        if self._course.team.workers == 1:
            signals.check()
        elif signals.noted():
            self.model.ask_to_stop()

    def on_train_batch_end(self, batch, logs=None):
        self._course.insist()
        self._course.log_step(logs)
        if self._course.watch:
            self._course.watch(self._course, logs)
        if logs.get("stop"):
            raise signals.noted() or signals.Terminated()

    def on_epoch_end(self, epoch, logs=None):
        self._course.end_epoch()
