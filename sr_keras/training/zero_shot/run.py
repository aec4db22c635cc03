"""A photo's network at work: plan, progress, interruptions."""

import contextlib
import dataclasses
import math
import sys
import time

import keras
import numpy as np

from sr_keras import models
from sr_keras.imaging.dihedral import symmetries
from sr_keras.inference.load import load_trainable
from sr_keras.inference.precision import chosen
from sr_keras.inference.refine import forward_of, refined_pixels
from sr_keras.inference.tiles import TILE_PIXELS
from sr_keras.models.arguments import check_arguments
from sr_keras.models.zssr import ZSSR, recoloured
from sr_keras.pipelines.degradation.chain import DEFAULT, PLAIN
from sr_keras.support import progress, signals
from sr_keras.support.console import exit_code, say
from sr_keras.training.settings import merged, settings
from sr_keras.training.transfer import transfer
from sr_keras.training.zero_shot.passes import passes_for
from sr_keras.training.zero_shot.trainer import PART_SIDE, ZeroShot

VIEWS = ("single", "mean", "median")

# Seconds that writing the files takes after the picture is there, for a
# budget: plots and best.keras, and the pictures at 20 megapixels a second. On
# a slow or busy machine it is more; there the start took longer as well.
_WRITING = 2.0
_WRITING_PER_START = 0.5
_WRITTEN_PIXELS = 20e6

# Seconds that the views of an interrupted run may take; else there is one.
_LAST_VIEWS = 5.0

# How much faster a step is.
_GAINS = {"float32": 1.0, "bfloat16": 1.8}

# Resident memory of Python with TensorFlow at work.
_BASE_BYTES = 0.75e9


class Work:
    """The run of one photo; a context manager that lets go of it.

    Args:
        photo: training.zero_shot.photo.Photo.
        layers: dicts of groups of settings, the later over the earlier.

    Attributes:
        settings: training.settings.Settings.
        zero_shot: zero_shot.trainer.ZeroShot.
        interruption: the KeyboardInterrupt that cut it short, or None.
        fused: str, which of the results "fused" is, once there are any.

    Raises:
        ValueError: a setting that cannot be used.
    """

    def __init__(self, photo, layers):
        job = photo.job
        self.photo = photo
        self.settings = settings_of(job, layers, photo.kernel)
        learning = self.settings.learning
        keras.utils.set_random_seed(learning.seed)
        network = build(
            job["model"],
            photo.scale,
            photo.image.shape[-1],
            {
                "passes": passes_for(
                    photo.scale, learning.scaling_steps, photo.kernel
                ),
                **self.settings.network,
            },
        )
        if job["warm_start"]:
            warm(network, job["warm_start"])
        self.speed = _speed(network)
        start = time.monotonic() - photo.started
        self.writing = max(_WRITING, _WRITING_PER_START * start)
        self.interruption = None
        self.fused = None
        self.finishing = self.settings.finish
        everything = job["save_views"] or job["ground_truth"]
        self.outputs = ("fused", *VIEWS) if everything else ("fused",)
        deadline = self._deadline(job["time_budget"], network)
        self.zero_shot = ZeroShot(
            network,
            photo.image,
            photo.scale,
            photo.size,
            self.settings.augmentation,
            self._in_time(learning, deadline),
            self.finishing,
            deadline=deadline,
        )

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        # TensorFlow keeps the functions that read the photo, for ever.
        self.zero_shot.sources.clear()

    def plan(self):
        """One line that says what will be done, how long, how much memory."""
        photo, learning = self.photo, self.settings.learning
        height, width = photo.image.shape[:2]
        seconds = self._step_seconds() * learning.max_steps
        seconds += self._results_seconds()
        seconds += self._finish_seconds(self.zero_shot.network)
        if photo.job["time_budget"]:
            seconds = min(seconds, photo.job["time_budget"])
        sizes = self.settings.augmentation.crop_sizes
        crops = " or ".join(f"{n}x{n}" for n in sizes) or "whole views"
        return (
            f"{photo.path.name}: {width}x{height} -> {photo.size[1]}x"
            f"{photo.size[0]} ({photo.label}), "
            f"{self.zero_shot.network.count_params():,} parameters, up to "
            f"{progress.counted(learning.max_steps, 'step')} on "
            f"{learning.batch_size} x {crops}, "
            f"{progress.counted(self._views(), 'view')}; about "
            f"{progress.duration(seconds)} and {self._memory() / 1e9:.1f} GB"
        )

    def learn(self, follow=None):
        """Train, with a progress bar; an interruption ends it early.

        Args:
            follow: function (ZeroShot) called after every step, or None.
        """
        run, learning = self.zero_shot, self.settings.learning
        with progress.Steps(learning.max_steps, run.deadline) as bar:
            run.watch = lambda run: (bar(run), follow and follow(run))
            run.train()
        if run.interruption:
            done = f"after {progress.counted(run.step, 'step')}"
            hurry = self._hurry() if run.step else ""
            self._interrupted(
                run.interruption,
                f"stopped {done}: writing the best so far{hurry}",
            )

    def results(self):
        """Make the pictures; an interruption makes do with a single pass.

        Returns:
            dict of name -> ndarray, "fused" among them.

        Raises:
            KeyboardInterrupt: the second interruption.
            ValueError: the training went wrong.
        """
        if not self.zero_shot.step:
            # What the network has not learned is best left out.
            self.fused = "interpolated"
            best = self.zero_shot.result((self.fused,))[self.fused]
            return {"fused": best}
        try:
            results = self._refine(self.outputs, self.finishing)
        except KeyboardInterrupt as e:
            if self.interruption:
                raise
            self._make_one_view()
            self._interrupted(
                e, f"stopped: writing a single pass{self._how_long()}"
            )
            finish = dataclasses.replace(self.finishing, back_projection=0)
            results = self._refine(self.outputs, finish)
        if not np.isfinite(results["fused"]).all():
            raise ValueError(
                "the training has run into numbers without bounds: give a "
                "smaller --learning-rate"
            )
        for result in results.values():  # in place: it may be a gigabyte
            np.clip(result, 0, 1, out=result)
        return results

    @contextlib.contextmanager
    def undisturbed(self):
        """Let files be written whole, and then look at an interruption."""
        with signals.hold(), signals.patience():
            yield
        interruption = signals.noted()
        if interruption and not self.interruption:
            self._interrupted(interruption, "stopped: everything is written")

    @property
    def code(self):
        """The exit code."""
        return exit_code(self.interruption)

    def _interrupted(self, interruption, sentence):
        self.interruption = interruption
        say(sentence, sys.stderr)

    def _hurry(self):
        """Make one view if all take too long; return what to say of it."""
        if self._views() > 1 and self._views_seconds() > _LAST_VIEWS:
            self._make_one_view()
            return f" in a single pass{self._how_long()}"
        return self._how_long()

    def _make_one_view(self):
        self.finishing = dataclasses.replace(self.finishing, fusion="none")
        self.outputs = ("fused", "single")

    def _how_long(self):
        seconds = self._views_seconds()
        if seconds <= _LAST_VIEWS:
            return ""
        return f", which takes about {progress.duration(seconds)}"

    def _refine(self, outputs, finish):
        fusion = finish.fusion
        self.fused = "single" if fusion == "none" else fusion
        with progress.bar(None, "view") as bar:

            def report(done, total):
                bar.total = total
                bar.update(done - bar.n)

            return self.zero_shot.result(outputs, finish, report)

    def _deadline(self, budget, network):
        """When training must end for the whole command to end in time."""
        if budget is None:
            return None
        end = self.photo.started + budget
        left = end - time.monotonic()
        if self._finish_seconds(network) > left / 2 and self._views() > 1:
            say(
                f"{budget:g} s leave no time for {self._views()} views: "
                "one pass",
                sys.stderr,
            )
            self._make_one_view()
        return end - self._finish_seconds(network)

    def _in_time(self, learning, deadline):
        """Without results on the way, where there is no time for them."""
        if deadline is None:
            return learning
        if self._results_seconds() <= (deadline - time.monotonic()) / 4:
            return learning
        return dataclasses.replace(learning, result_at=())

    def _results_seconds(self):
        """What the results take that join the sources on the way."""
        learning = self.settings.learning
        side = min(max(self.photo.image.shape[:2]), PART_SIDE)
        pixels = min(math.prod(self.photo.image.shape[:2]), side * side)
        pixels *= math.prod(self.photo.scale) * self._views()
        gain = _GAINS[chosen(learning.precision)]
        return len(learning.result_at) * 1.3 * pixels / self.speed / gain

    def _views(self):
        joined = {"mean", "median"} & {*self.outputs, self.finishing.fusion}
        if not joined:
            return 1
        return len(symmetries(self.photo.scale, self.photo.kernel))

    def _batch_pixels(self, of=np.mean):
        """Pixels of the sons of one step."""
        sizes = self.settings.augmentation.crop_sizes
        whole = math.prod(self.photo.image.shape[:2])
        pixels = of([n * n for n in sizes]) if sizes else whole
        return self.settings.learning.batch_size * pixels

    def _step_seconds(self):
        # Back and forth costs three times forth.
        forth = self._batch_pixels() / self.speed
        gain = _GAINS[chosen(self.settings.learning.precision)]
        return 0.004 + 3 * forth / gain

    def _finish_seconds(self, network):
        pixels = math.prod(self.photo.size)
        views = self._views_seconds(network)
        return views + self.writing + 3 * pixels / _WRITTEN_PIXELS

    def _views_seconds(self, network=None):
        refined = refined_pixels(
            network or self.zero_shot.network,
            self.photo.image.shape,
            self.photo.scale,
            self.finishing,
        )
        return 1.3 * self._views() * refined / self.speed

    def _memory(self):
        """Bytes, at most: the training and the result do not overlap."""
        arguments = self.zero_shot.network.arguments
        filters, layers = arguments["num_filters"], arguments["num_layers"]
        pixels = math.prod(self.photo.size)
        channels = self.photo.image.shape[-1]
        training = self._batch_pixels(np.max) * 4 * filters * layers
        tile = min(pixels, TILE_PIXELS) * 4 * (3 * filters + 12 * channels)
        copies = 5.5 if self.photo.references else 2.5
        result = tile + pixels * channels * 4 * copies
        return _BASE_BYTES + max(training, result)


def settings_of(job, layers, kernel=None):
    """The settings of a run: the recipe's, and what goes over it.

    Args:
        job: dict, the top level of config.json.
        layers: dicts of groups of settings, the later over the earlier.
        kernel: ndarray, the blur kernel, or None.

    Returns:
        training.settings.Settings.

    Raises:
        ValueError, TypeError: a setting that cannot be used.
    """
    recipe = models.recipe(job["model"], job["recipe"])
    groups = merged(recipe, *layers)
    given = groups.get("augmentation", {})
    if given.get("degradation", DEFAULT) not in PLAIN and kernel is not None:
        raise ValueError(
            "--kernel and --degradation are two answers to one question: "
            "give --degradation kernel=FILE,..."
        )
    if given.get("noise_std") or given.get("degradation", DEFAULT) != DEFAULT:
        # Back-projection would give the photo its faults back.
        without = {"finish": {"back_projection": 0}}
        groups = merged(recipe, without, *layers)
    made = settings(groups, kernel)
    size = made.learning.batch_size
    if size > 1 and not made.augmentation.crop_sizes:
        raise ValueError(
            "whole views differ in size, and do not stack: --no-crop needs "
            f"--batch-size 1, not {size}"
        )
    return made


def build(name, scale, channels, arguments):
    """Build a network as it trains.

    Args:
        name: str, its name.
        scale: pair (y, x) of factors.
        channels: int, the photo's.
        arguments: dict, what --layers, --model-arg and their like said.

    Returns:
        sr_keras.models.network.Network.

    Raises:
        ValueError: an argument that it does not have or cannot use.
    """
    check_arguments(name, arguments, ("channels",))
    return models.build_bare(name, scale, channels=channels, **arguments)


def warm(network, start):
    """Let a network begin with what one like it has learned.

    Args:
        network: Network, as `build` makes it.
        start: str, weights that come with the package, a run or a file.

    Raises:
        ValueError: that is another network, or has other weights.
        FileNotFoundError: there is none.
    """
    source = load_trainable(start)
    source = source.core  # of one for any LR image
    channels = network.input_shape[-1]
    if isinstance(source, ZSSR) and source.input_shape[-1] == 3 != channels:
        source = recoloured(source, channels)
    try:
        found = transfer(source, network)
        fits = not (found.missing or found.reshaped or found.left)
    except ValueError:  # nothing agrees
        fits = False
    if not fits:
        raise ValueError(
            f"--warm-start {start} is a {source.name} of other layers than "
            f"this network of {network.input_shape[-1]} channels: give one "
            "that was trained with the same --layers, --filters and "
            "--model-arg"
        )


def _speed(network):
    """Pixels a second that the network refines on this machine."""
    forward = forward_of(network)
    sample = np.zeros((96, 96, network.input_shape[-1]), "float32")
    forward(sample)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        forward(sample)
        times.append(time.perf_counter() - start)
    return sample.shape[0] * sample.shape[1] / min(times)
