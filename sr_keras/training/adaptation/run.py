"""`adapt` at work: estimate, heads, training, verdict."""

import json
import sys
from pathlib import Path

import keras
import numpy as np

from sr_keras import pipelines
from sr_keras.evaluation import metrics
from sr_keras.imaging import images
from sr_keras.imaging.listing import find_images
from sr_keras.inference import upscale
from sr_keras.inference.load import load, load_trainable
from sr_keras.models import artifact, protocols
from sr_keras.models.dual_heads import FILE, levels_of
from sr_keras.pipelines.degradation.chain import DEFAULT, parse
from sr_keras.pipelines.degradation.estimate import estimate
from sr_keras.support import progress
from sr_keras.support.console import EXIT_DONE, miss, say
from sr_keras.support.folders import LAST, folder_for, save_json
from sr_keras.training import config, run_folder
from sr_keras.training.adaptation.dual_heads import box, teach
from sr_keras.training.adaptation.significance import judge
from sr_keras.training.dataset_flags import DATASET
from sr_keras.training.run import Run
from sr_keras.training.trainers.dual import Settings, heads_of
from sr_keras.training.validation import CEILING

IMAGES = "images"

# Looks at the network over the training, and HR images that it is shown.
_EPOCHS, _SHOWN = 5, 3

# The last learning rate over the first: 1e-7 over 1e-4 in the paper.
_LAST_RATE = 1e-3

# HR images that an estimate is compared with, and photos that it is made of.
_MOST_REFERENCES, _MOST_PHOTOS = 16, 40


class Adaptation:
    """One adaptation.

    Args:
        args: argparse.Namespace of cli.adapt.

    Raises:
        ValueError, FileNotFoundError: the network or the photos cannot be
            used.
    """

    def __init__(self, args):
        self.args = args
        self.before = load_trainable(args.model)
        _check(self.before, args.model)
        self.scale = self.before.scale
        self.run_config = _config_of(args.model)
        if args.degradation:
            parse(args.degradation)
        source = pipelines.open_source(args.images, 1)
        miss(source.unreadable)
        if len(source) < 2:
            raise ValueError(
                f"{args.images} has 1 photo, and one has to be held out: give "
                "more, or a single photo to `train --model zssr --image`"
            )
        self.photos = source
        self.learned, self.held = source.divided(args.holdout)
        self.truths = _truths(args.ground_truth, self.held)
        self.hr = self._hr_images()

    def work(self):
        """Adapt, and judge.

        Returns:
            The exit code.
        """
        args = self.args
        name = self.before.about.get("name", self.before.name)
        request = config.Request(
            {}, {}, output=args.output, overwrite=args.overwrite
        )
        folder = run_folder.folder_of(f"{name}_x{self.scale}_adapted", request)
        read = {k: v for k, v in vars(args).items() if k != "output"}
        run_folder.check_apart(folder, read)
        with folder_for(folder):
            run_folder.clear(folder)
            spec = args.degradation or self._estimated()
            keras.utils.set_random_seed(args.seed)
            self._teach(folder, spec)
            course = _Photos(
                self._job(name),
                ({}, self._settings(folder, spec)),
                (name, self.scale, load_trainable(args.model)),
                None if self.hr else self.learned,
            )
            code = course.work(folder)
            if code != EXIT_DONE:
                return code
            self._judge(folder, spec)
            if args.save_images:
                self._enlarge(folder)
        return EXIT_DONE

    def _hr_images(self):
        """What pairs are made of, as --data; None for the photos."""
        given = self.args.data or self.run_config.get("sources")
        there = [s for s in given or () if self.args.data or _is_there(s)]
        if there:
            return there
        say(
            "no HR images: pairs are made of the photos themselves; give "
            "--data for better ones",
            sys.stderr,
        )
        return None

    def _own(self):
        """The degradation that the network has learned to undo."""
        own = self.run_config.get("data", {}).get("degradation")
        try:
            return str(parse(own or DEFAULT))
        except (ValueError, FileNotFoundError):  # "dataset", a kernel that went
            return DEFAULT

    def _estimated(self):
        say("looking at what the photos have been through", sys.stderr)
        references = None
        if self.hr:
            references = _read(self._hr_source(), _MOST_REFERENCES)
        photos = _read(self.learned, _MOST_PHOTOS)
        spec = estimate(photos, self.scale, references).spec
        same = " (as what it has learned from)" if spec == self._own() else ""
        say(f"the photos look as if made by {spec}{same}")
        return spec

    def _hr_source(self):
        return pipelines.sources.Source.joined(
            [pipelines.open_source(s, self.scale) for s in self.hr]
        )

    def _teach(self, folder, spec):
        """Write dual heads that know the degradation."""
        path = Path(self.args.model)
        path = path / FILE if path.is_dir() else path.with_name(FILE)
        there = path.is_file()
        heads = heads_of(
            self.before, Settings(init_dual=str(path) if there else None)
        )
        if not there:
            box(heads)
        if there and spec == self._own():
            say(f"the dual heads of {path} know this already")
        else:
            self._train_heads(heads, spec)
        artifact.save_part(heads, folder / FILE)

    def _train_heads(self, heads, spec):
        source = self._hr_source() if self.hr else self.learned
        args, steps = self.args, self.args.dual_steps
        batches = pipelines.paired(
            source,
            self.scale,
            batch_size=min(args.batch_size or 16, len(source)),
            hr_patch_size=args.hr_patch_size,
            degradation=spec,
            channels=heads.arguments["channels"],
            seed=args.seed,
            steps=steps,
        )
        with progress.bar(steps, "step") as bar:
            psnr = teach(heads, batches, steps, lambda: bar.update(1))
        say(
            f"dual heads: {heads.count_params():,} parameters, what they make "
            f"of HR images is {psnr:.2f} dB from the LR images"
        )

    def _job(self, name):
        """The top level of the training's config.json."""
        return {
            **DATASET.top,
            "model": self.args.model,
            "objective": "dual",
            "sources": self.hr or [self.args.images],
            "data_dir": self.run_config.get("data_dir"),
            "validation_limit": _SHOWN,
        }

    def _settings(self, folder, spec):
        """The training's settings below the top level."""
        args = self.args
        data = {"degradation": spec}
        for name in ("batch_size", "hr_patch_size"):
            if getattr(args, name):
                data[name] = getattr(args, name)
        return {
            "data": data,
            "learning": {
                "optimizer": "adam",
                "learning_rate": args.learning_rate,
                "final_rate": args.learning_rate * _LAST_RATE,
                "schedule": "cosine",
                "epochs": min(_EPOCHS, args.steps),
                "steps_per_epoch": max(args.steps // _EPOCHS, 1),
                "seed": args.seed,
            },
            "dual": {
                "dual_weight": args.dual_weight,
                "train_dual": False,
                "init_dual": str(folder / FILE),
                "unpaired": args.images,
                "unpaired_ratio": args.unpaired_ratio,
                "unpaired_holdout": args.holdout,
            },
        }

    def _judge(self, folder, spec):
        """Say whether it did help, and write it down."""
        after = load(folder)
        found = {"degradation": spec, "helped": None}
        photos = list(_read(self.held, len(self.held)))
        try:
            verdict = judge(self.before, after, photos, self.scale, self._own())
        except ValueError as e:
            say(f"did it help? That cannot be said: {e}")
        else:
            say(_answer(verdict, folder, self.args.model))
            found.update(
                helped=verdict.helped,
                judged_by=verdict.degradation,
                photos=len(verdict.before),
                before=float(np.mean(verdict.before)),
                after=float(np.mean(verdict.after)),
                own_gain=verdict.own_gain,
            )
        if self.truths:
            found["truth"] = self._scored(after)
        summary = json.loads((folder / LAST).read_text("utf-8"))
        summary = protocols.update(summary)
        save_json(folder / LAST, {**summary, "adapted": found})

    def _scored(self, after):
        """PSNR where HR is known: the mean before and after."""
        means = []
        for network in (self.before, after):
            values = []
            for i, truth in self.truths.items():
                lr = np.divide(self.held.hr(i), 255, dtype=np.float32)
                sr = upscale.upscale(lr, network)
                hr = images.to_working(images.read(truth))[..., :3]
                height, width = np.minimum(sr.shape, hr.shape)[:2]
                pair = (x[:height, :width] for x in (sr, hr))
                psnr = metrics.psnr(*pair, protocols.DEFAULT, self.scale)
                values.append(min(psnr, CEILING))
            means.append(float(np.mean(values)))
        before, after = means
        count = progress.counted(len(self.truths), "photo")
        say(
            f"against the true HR of {count} held out: {before:.3f} dB before, "
            f"{after:.3f} dB after ({after - before:+.3f})"
        )
        return {"before": before, "after": after, "photos": len(self.truths)}

    def _enlarge(self, folder):
        network = load(folder)
        (folder / IMAGES).mkdir(exist_ok=True)
        names = _names(self.photos, self.scale)
        with progress.bar(len(names), "photo") as bar:
            for i, name in enumerate(names):
                lr = np.divide(self.photos.hr(i), 255, dtype=np.float32)
                sr = upscale.upscale(lr, network)
                images.write(folder / IMAGES / name, images.Image(sr))
                bar.update(1)
        count = progress.counted(len(names), "photo")
        say(f"wrote {count} to {folder / IMAGES}")


class _Photos(Run):
    """A training that may have the photos for its HR images."""

    def __init__(self, job, layers, start, photos):
        self._own_source = photos
        super().__init__(job, layers, start)

    def _sources(self):
        if self._own_source is None:
            return super()._sources()
        return self._own_source, None


def _check(network, name):
    if network.zero_shot:
        raise ValueError(
            f"{name} has learned from one photo: train it on another with "
            "`train --model zssr --image`"
        )
    if not network.trainable_variables:
        raise ValueError(f"{name} has nothing to learn: give a trained network")
    levels_of(network)


def _config_of(model):
    """The run's config.json; {} without one."""
    path = Path(model)
    path = (path if path.is_dir() else path.parent) / "config.json"
    try:
        found = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_there(spec):
    return Path(spec).exists()


def _read(source, limit):
    """The first images of a source that can be read, one at a time."""
    for i in range(min(len(source), limit)):
        try:
            yield source.hr(i)
        except (ValueError, OSError) as error:
            source.skip(i, error)


def _truths(folder, held):
    """The HR files of held-out photos: dict of index -> path."""
    if folder is None:
        return {}
    by_stem = {rel.stem: path for path, rel in find_images(folder)}
    stems = [Path(name).stem for name in held.names]
    found = {i: by_stem[s] for i, s in enumerate(stems) if s in by_stem}
    if not found:
        raise ValueError(
            f"--ground-truth {folder} has no HR image of a photo that is held "
            f"out, such as {stems[0]}: name them alike"
        )
    return found


def _names(source, scale):
    """A file name for the result of every photo."""
    stems = [Path(name).stem for name in source.names]
    return [
        f"{stem}_x{scale}.png"
        if stems.count(stem) == 1
        else f"{stem}_{i}_x{scale}.png"
        for i, stem in enumerate(stems)
    ]


def _answer(verdict, folder, model):
    count = progress.counted(len(verdict.before), "photo")
    numbers = (
        f"{np.mean(verdict.before):.3f} dB before, "
        f"{np.mean(verdict.after):.3f} dB after, on {count} held out, shrunk "
        f"by {verdict.degradation}"
    )
    if verdict.helped:
        return f"did it help? Yes: {numbers}: use {folder}"
    return f"did it help? No: {numbers}: use {model} as it was"
