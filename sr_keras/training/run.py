"""A training on many images at work: made from its settings, and reported."""

import dataclasses
import json
import sys
from pathlib import Path

import keras
import tensorflow as tf

from sr_keras import models, pipelines
from sr_keras._version import __version__
from sr_keras.inference import precision
from sr_keras.inference.load import load_trainable
from sr_keras.models import artifact, protocols
from sr_keras.models.arguments import check_arguments
from sr_keras.pipelines.datasets.numpy_ops import reason_of
from sr_keras.pipelines.datasets.paired import whole_scale
from sr_keras.support import progress
from sr_keras.support.console import EXIT_DONE, exit_code, say
from sr_keras.support.folders import LAST as SUMMARY
from sr_keras.support.folders import save_json
from sr_keras.training import held_out, objectives
from sr_keras.training.config import going_on
from sr_keras.training.distributed.team import Team
from sr_keras.training.loop import LAST, Course
from sr_keras.training.plan import plan
from sr_keras.training.run_data import name_left_out, sources
from sr_keras.training.run_settings import groups_of, start_wanted
from sr_keras.training.transfer import transfer
from sr_keras.training.validation import Validation


def resolve(job):
    """Find out which network is meant.

    Args:
        job: dict, the top level of config.json.

    Returns:
        Tuple (name, scale, Network to go on from or None).

    Raises:
        ValueError: it is none to be trained here, or has no such scale.
        FileNotFoundError: there is no such file.
    """
    name, network, scale = job["model"], None, job["scale"]
    if name not in models.list_models():
        network = load_trainable(name)
        if network.zero_shot:
            raise ValueError(
                f"{name} has learned from one photo: train zssr on another "
                "with --image, or another network"
            )
        scale = network.scale if scale is None else scale
        if str(scale) != str(network.scale):
            raise ValueError(
                f"{name} is for scale {network.scale}, not {scale}"
            )
        name = network.about.get("name", network.name)
    known = models.network_class(name)[0].scales
    if scale is None:
        listed = ", ".join(map(str, known or (2, 3, 4, 8)))
        raise ValueError(f"no scale: give --scale, for {name} one of {listed}")
    try:
        scale = whole_scale(float(scale))
    except ValueError as e:
        raise ValueError(
            f"--scale {scale}: {name} learns one whole factor"
        ) from e
    models.check_scale(name, scale)
    return name, scale, network


class Run:
    """A training, ready to begin.

    Args:
        job: dict, the top level of config.json.
        layers: dicts of groups of settings, the later over the earlier.
        start: tuple that `resolve` gave.
        team: training.distributed.team.Team, who trains.
        init_from: str, what to begin with where the job does not say it.

    Attributes:
        begun: whether it begins with another network.

    Raises:
        ValueError, TypeError: a setting or images that cannot be used.
    """

    def __init__(self, job, layers, start, team=Team(), init_from=None):  # noqa: B008
        self.name, self.scale, network = start
        self.team, self.named = team, set()
        self.job = {**job, "scale": self.scale}
        objective, groups = groups_of(
            self.job, self.name, layers, network is not None
        )
        self.job["objective"] = objective
        self.objective = objectives.training_of(objective)
        self.plan = plan(groups, objective, self.objective.Settings)
        learning = self.plan.learning
        team.check_batch(self.plan.data.batch_size)
        precision.check_possible(learning.mixed_precision)
        if doubt := precision.doubt(learning.mixed_precision):
            say(f"{doubt}: leave out --mixed-precision", sys.stderr)
        keras.utils.set_random_seed(learning.seed)
        self.network, learner = self._networks(network)
        init_from = self.job["init_from"] or init_from
        self.begun = bool(init_from) or network is not None
        # One reads, and gives it to all.
        self.notes = _start_from(init_from, learner) if team.chief else []
        if not self.begun:
            self.notes += start_wanted(self.job, self.name)
        team.give_weights(learner)
        data = self.plan.data
        self.source, held = self._sources()
        self._held_before = self.job["held_out"]
        if held is not None:
            self.job["held_out"] = held_out.names_of(held)
        self.steps = learning.steps_per_epoch or pipelines.steps_per_epoch(
            self.source, data.batch_size, data.patches_per_image
        )
        self.batches, self.photos = pipelines.paired, None
        if hasattr(self.objective, "batches_of"):
            self.batches, self.photos = self.objective.batches_of(self.plan)
        self.pairs(0)  # what is wrong with the images is found here
        self.held = held
        # On a CPU, XLA makes these convolutions twice as slow.
        jit = "auto" if precision.has_gpu() and team.devices == 1 else False
        with team.scope():
            self.trainer = self.objective.trainer_of(
                learner, self.plan, self.steps, jit_compile=jit
            )

    def pairs(self, epoch, share=(0, 1)):
        """The training batches.

        Args:
            epoch: int, the first.
            share: pair (index, count), the part of each batch that is made.

        Returns:
            tf.data.Dataset, as the objective's `batches_of` says.
        """
        data, bare = self.plan.data, self.network.core
        return self.batches(
            self.source,
            self.scale,
            batch_size=data.batch_size,
            hr_patch_size=data.hr_patch_size,
            degradation=data.degradation,
            channels=bare.input_shape[-1],
            interpolated=bare.refiner and bare.interpolation,
            augment=data.augment,
            seed=self.plan.learning.seed,
            epoch=epoch,
            steps=self.steps,
            patches_per_image=data.patches_per_image,
            cache_gb=self.job["cache_gb"],
            stride=data.stride,
            hr_scale=data.hr_scale,
            share=share,
        )

    def work(self, folder):
        """Train, and report.

        Args:
            folder: Path, an existing folder; its checkpoint is gone on from.
                Of workers only the chief has one.

        Returns:
            The exit code.

        Raises:
            ValueError: the training or its images have gone wrong.
        """
        course = self._course(folder)
        resumed = course.resume()
        if resumed:
            self._keep_schedule(course.schedule_epochs)
        if self.team.chief:
            self._announce(course, resumed)
        try:
            self._follow(course)
        except KeyboardInterrupt as e:
            if self.team.chief:
                say(_stopped(course), sys.stderr)
            return exit_code(e)
        except tf.errors.OpError as e:
            if self.team.lost(e):
                raise
            raise ValueError(reason_of(e)) from e
        finally:
            self._name_left_out()
        if self.team.chief:
            self._finish(course)
        self.team.wait()  # who leaves early is missed
        return EXIT_DONE

    def _announce(self, course, resumed):
        """Say what will be done, and keep how."""
        notes = self.notes
        if resumed:
            limit = self.job["validation_limit"]
            other = held_out.change(self._held_before, self.held, limit)
            notes = [*course.notes, *filter(None, [other])]
        for line in (*self.source.notes, *notes):
            say(line, sys.stderr)
        self._name_left_out()
        say(self._described(course, resumed))
        path, made = course.folder / "config.json", self.config()
        save_json(path, going_on(path, made) if resumed else made)
        (course.folder / SUMMARY).unlink(missing_ok=True)

    def _keep_schedule(self, epochs):
        """Let config.json say how the learning rate goes on."""
        learning = self.plan.learning
        if epochs != learning.epochs:
            learning = dataclasses.replace(learning, schedule_epochs=epochs)
            self.plan = dataclasses.replace(self.plan, learning=learning)

    def _follow(self, course):
        """Train; of workers the chief shows how it goes."""
        if not self.team.chief:
            course.run()
            return
        with progress.Epochs(self.steps, course.epochs) as course.watch:
            course.tell = course.watch.end
            course.run()

    def _sources(self):
        """The images to train on, and those to validate on or None."""
        seed = self.plan.learning.seed
        names = json.dumps(self.job["held_out"]).encode()
        self.job["held_out"] = json.loads(self.team.from_chief(names))
        return sources(self.job, self.scale, self.plan.data, seed)

    def _networks(self, start):
        """What is written, in float32, and what learns; of equal weights."""
        arguments = self.plan.network
        if start is None:
            check_arguments(self.name, arguments)
            network = models.build(self.name, self.scale, **arguments)
        else:
            network = start
            _check_same(start.core, arguments)
        keras.config.set_dtype_policy(self.plan.learning.mixed_precision)
        try:
            with self.team.scope():
                learner = type(network).from_config(network.get_config())
        finally:
            keras.config.set_dtype_policy("float32")
        learner.set_weights(network.get_weights())
        return network, learner

    def _course(self, folder):
        validation = None
        if self.held is not None and self.team.chief:
            validation = Validation(
                self.held,
                self.scale,
                self.plan.data.degradation,
                self.job["validation_limit"],
            )
        learning = self.plan.learning
        return Course(
            self.trainer,
            self.network,
            self.pairs,
            folder,
            learning.epochs,
            self.steps,
            validation,
            {"name": self.name, "recipe": self.job["recipe"]},
            keep_every=self.job["keep_every"],
            log_every=self.job["log_every"],
            skip_limit=learning.skip_limit,
            schedule_epochs=learning.schedule_epochs,
            team=self.team,
        )

    def _described(self, course, resumed):
        """One line that says what will be done."""
        data = self.plan.data
        side = data.hr_patch_size or 48 * self.scale
        held = "no validation"
        if self.held is not None:
            count = min(len(self.held), self.job["validation_limit"])
            held = (
                f"{progress.counted(count, 'image')} to validate on (bicubic: "
                f"{course.bicubic:.3f} dB)"
            )
        text = (
            f"{self.name} x{self.scale}, {self.network.count_params():,} "
            f"parameters; {progress.counted(len(self.source), 'image')} to "
            f"learn from, {self._unpaired()}{held}; "
            f"{progress.counted(course.epochs, 'epoch')} of "
            f"{progress.counted(self.steps, 'step')} on {data.batch_size} x "
            f"{side}x{side}"
        )
        if self.team.devices > 1:
            text += f", {self.team.described()}"
        if resumed:
            done = progress.counted(len(course.rows), "epoch")
            steps = progress.counted(course.within, "step")
            text += f"; going on after {done} and {steps}"
        return text

    def _unpaired(self):
        if self.photos is None:
            return ""
        return f"{progress.counted(len(self.photos), 'photo')} without HR, "

    def config(self):
        """All that was asked, so that --config repeats it from any folder.

        Returns:
            dict, what config.json has.
        """
        job = dict(self.job)
        places = ("data_dir", "validation", "init_from", "model")
        for key in places:
            job[key] = _anywhere(job[key])
        job["sources"] = [_anywhere(spec) for spec in job["sources"]]
        groups = self.plan.to_dict()
        flags = objectives.flags_of(job["objective"])
        for key in flags.PATHS if flags else ():
            group = groups[job["objective"]]
            group[key] = _anywhere(group[key])
        return {
            **job,
            **groups,
            "version": __version__,
            "versions": artifact.versions(),
            "command": sys.argv,
        }

    def _name_left_out(self):
        every = (self.source, self.held, self.photos)
        self.named = name_left_out(filter(None, every), self.named)

    def _finish(self, course):
        """Write what has come of it, and say it."""
        best = course.best or {"epoch": 0, "psnr": None}
        summary = {
            "model": self.name,
            "scale": self.scale,
            "epochs": len(course.rows),
            "steps": int(self.trainer.steps.numpy()),
            "best_epoch": best["epoch"],
            "psnr": best["psnr"],
            "bicubic": course.bicubic,
            "protocol": protocols.DEFAULT,
            "skipped_batches": sum(row["skipped"] for row in course.rows),
            "seconds": course.rows[-1]["seconds"],
        }
        save_json(course.folder / SUMMARY, summary)
        text = f"wrote {course.folder / artifact.BEST}: epoch {best['epoch']}"
        if best["psnr"] is not None:
            text += f", {best['psnr']:.3f} dB (bicubic {course.bicubic:.3f})"
        say(text)


def _start_from(source, learner):
    """Take over weights of --init-from; return what happened."""
    if not source:
        return []
    return transfer(load_trainable(source), learner).lines(source)


def _check_same(network, arguments):
    """A network that is there has its arguments already."""
    for key, value in arguments.items():
        own = network.arguments.get(key)
        if own != value:
            raise ValueError(
                f"--model-arg {key}={value} cannot be: the network of --model "
                f"has {key}={own}"
            )


def _anywhere(path):
    """A path that means the same from every folder; names stay names."""
    return str(Path(path).absolute()) if path and Path(path).exists() else path


def _stopped(course):
    done = progress.counted(len(course.rows), "epoch")
    if not int(course.trainer.steps.numpy()):
        return "stopped before the first step: nothing to keep"
    return (
        f"stopped after {done} and {progress.counted(course.within, 'step')}: "
        f"kept {course.folder / LAST} and the checkpoint; add --resume to go on"
    )
