"""What follows a training along."""

import time

import keras
import numpy as np

from sr_keras.support import signals


class LearningRate(keras.callbacks.Callback):
    """Sets the rate before each step, and ends the training on time.

    Args:
        schedule: a function (progress, history) -> factor or None, as in
            `optim.schedules`.
        learning_rate: float, what the factor multiplies.
        span: pair (first, last) of steps; progress runs from 0 to 1 over it.
        deadline: pair (start, end) of time.monotonic() seconds, or None;
            progress is then whichever of steps and time is further.
        history: list of (step, error), the schedule's second argument.

    Attributes:
        rates: list, one of each step.
        ended: bool, whether the schedule has ended the training.
    """

    def __init__(self, schedule, learning_rate, span, deadline, history):
        super().__init__()
        self.schedule = schedule
        self.learning_rate = learning_rate
        self.span = span
        self.deadline = deadline
        self.history = history
        self.rates = []
        self.ended = False
        self._step = span[0]

    def on_train_batch_begin(self, batch, logs=None):
        """Set this step's rate.

        Raises:
            KeyboardInterrupt: there was a signal.
        """
        signals.check()
        factor = self.schedule(min(self.progress(), 1.0), self.history)
        rate = self.learning_rate * (factor or 0.0)
        if factor is None:
            self.ended = self.model.stop_training = True
        if not self.rates or self.rates[-1] != rate:
            self.model.optimizer.learning_rate.assign(rate)
        self.rates.append(rate)

    def on_train_batch_end(self, batch, logs=None):
        """Stop where the time is over."""
        self._step += 1
        if self.deadline and time.monotonic() >= self.deadline[1]:
            self.model.stop_training = True

    def progress(self):
        """How much of the steps or the time is used up, from 0."""
        first, last = self.span
        steps = (self._step - first) / max(last - first, 1)
        if not self.deadline:
            return steps
        start, end = self.deadline
        return max(steps, (time.monotonic() - start) / max(end - start, 1e-9))


class Pause(keras.callbacks.Callback):
    """Ends a part of a training.

    Args:
        rates: LearningRate, earlier among the callbacks.
        share: float, its progress at the end of the part.
    """

    def __init__(self, rates, share):
        super().__init__()
        self.rates = rates
        self.share = share

    def on_train_batch_end(self, batch, logs=None):
        """Stop where the part is over."""
        if self.rates.progress() >= self.share:
            self.model.stop_training = True


class Reconstruction(keras.callbacks.Callback):
    """Rebuilds the image from its own downscaled self, now and then.

    The nearest thing to a validation that one image allows (Shocher et al.
    2018, section 3.2).

    Args:
        interpolated: ndarray (H, W, C), the image downscaled and enlarged.
        image: ndarray (H, W, C), float32 in [0, 1].
        history: list that (step, mean squared error) is appended to.
        every: int, steps between two looks.
        start: int, the number of the first step.
    """

    def __init__(self, interpolated, image, history, every, start):
        super().__init__()
        self.interpolated = interpolated
        self.image = image
        self.history = history
        self.every = every
        self._step = start

    def on_train_batch_end(self, batch, logs=None):
        """Measure, where it is time to."""
        self._step += 1
        if self._step % self.every:
            return
        from sr_keras.inference.refine import forward_of

        rebuilt = forward_of(self.model.network)(self.interpolated)
        error = np.mean((np.clip(rebuilt, 0, 1) - self.image) ** 2)
        self.history.append((self._step, float(error)))


class Watch(keras.callbacks.Callback):
    """Tells a function of each step.

    Args:
        tell: function (loss, rate).
    """

    def __init__(self, tell):
        super().__init__()
        self.tell = tell

    def on_train_batch_end(self, batch, logs=None):
        """Tell."""
        self.tell(logs["loss"], float(self.model.optimizer.learning_rate))


class Guard(keras.callbacks.Callback):
    """Ends a training that has gone astray.

    Args:
        limit: int, batches skipped in a row that are too many.
    """

    def __init__(self, limit):
        super().__init__()
        self.limit = limit

    def on_train_batch_end(self, batch, logs=None):
        """Look at how many batches have been skipped.

        Raises:
            ValueError: too many in a row.
        """
        if logs["in_a_row"] >= self.limit:
            raise ValueError(
                f"the training has gone astray: {self.limit} batches in a row "
                "had a loss that is not finite or leaps; give a smaller "
                "--learning-rate, or --clip-norm 1"
            )
