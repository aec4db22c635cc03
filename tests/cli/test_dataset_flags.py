"""Every flag of a training on many images changes what it says."""

import keras
import numpy as np
import pytest
from cli_runs import command, save, scene

from sr_keras import models
from sr_keras.imaging.resize import imresize
from sr_keras.inference import precision
from sr_keras.training import dataset_flags, objectives
from sr_keras.training.optim.muon import ConvMuon
from sr_keras.training.plan import Data, Learning
from sr_keras.training.trainers.pixel import PixelTrainer

TINY = (
    *("--model", "edsr", "--scale", 2),
    *("--model-arg", "num_blocks=1", "--model-arg", "num_filters=4"),
    *("--batch-size", 2, "--hr-patch-size", 8),
)


@pytest.fixture
def data(tmp_path):
    """A folder of four photos."""
    folder = tmp_path / "data"
    for i in range(4):
        save(folder / f"{i}.png", scene(24, 28, seed=i))
    return folder


@pytest.fixture
def made(place, capfd, data, monkeypatch):
    """Runs the command up to its first step; gives its Run and Course."""

    def run(*arguments, small=TINY):
        from sr_keras.training.run import Run

        seen = []

        def work(self, folder):
            seen.append(self)
            self.course = self._course(folder)
            raise ValueError("enough")

        with monkeypatch.context() as patch:
            patch.setattr(Run, "work", work)
            given = ("--data", data) if "--data" not in arguments else ()
            ended = command(capfd, "train", *small, *given, *arguments)
        assert seen, ended.err
        seen[0].err = ended.err
        return seen[0]

    return run


@pytest.fixture
def refused(place, capfd, data):
    """The line that a command ends with."""

    def run(*arguments, small=TINY):
        given = ("--data", data) if "--data" not in arguments else ()
        ended = command(capfd, "train", *small, *given, *arguments)
        assert ended.code == 2, ended.err
        assert len(ended.lines) == 1, ended.err
        return ended.err

    return run


def batch(run):
    return next(run.pairs(0).as_numpy_iterator())


def test_every_setting_has_a_flag():
    for group, cls in (("data", Data), ("learning", Learning)):
        own = {
            f for g, f, _ in dataset_flags.DATASET.flags.values() if g == group
        }
        assert own == set(cls.__dataclass_fields__)


def test_objective(made, refused):
    run = made("--objective", "pixel")
    assert isinstance(run.trainer, PixelTrainer)
    assert run.config()["objective"] == "pixel"
    assert "invalid choice: 'pixle': did you mean pixel" in refused(
        "--objective", "pixle"
    )


def test_every_objective_has_what_it_needs():
    for name in objectives.names():
        module = objectives.training_of(name)
        assert callable(module.trainer_of)
        flags = objectives.flags_of(name)
        assert (module.Settings is None) == (flags is None)
        if flags is None:
            continue
        own = {field for group, field, _ in flags.FLAGS.values()}
        assert own == set(module.Settings.__dataclass_fields__)
        assert {group for group, _, _ in flags.FLAGS.values()} == {name}
        assert {*flags.PATHS, *flags.OPTIONAL} <= own
        assert flags.TITLE


def test_flags_of_learning(made):
    run = made(
        "--epochs", 7, "--steps-per-epoch", 11, "--loss", "0.5*l1+2*l2",
        "--optimizer", "adamw", "--learning-rate", 0.01, "--beta1", 0.8,
        "--beta2", 0.9, "--epsilon", 1e-9, "--weight-decay", 0.2,
        "--schedule", "step", "--step-every", 3, "--step-factor", 0.1,
        "--final-rate", 1e-4,
        "--clip-norm", 2, "--ema", 0.99, "--skip-factor", 7, "--skip-limit", 5,
        "--seed", 3, "--layer-rates", "head=1e-3,tail=0", "--keep-every", 2,
    )  # fmt: skip
    optimizer = run.trainer.optimizer
    assert isinstance(optimizer, keras.optimizers.AdamW)
    assert (optimizer.beta_1, optimizer.beta_2) == (0.8, 0.9)
    assert optimizer.epsilon == 1e-9
    assert optimizer.weight_decay == 0.2
    assert optimizer.global_clipnorm == 2
    assert [float(optimizer._learning_rate(k)) for k in (0, 33, 66)] == (
        pytest.approx([0.01, 1e-3, 1e-4])
    )
    assert optimizer.factors[:2] == pytest.approx([0.1, 0.1])
    assert optimizer.factors[-1] == 0
    assert run.trainer.pixel_loss.weights == [0.5, 2]
    assert run.trainer.ema == 0.99
    assert run.trainer.skip_factor == 7
    course = run.course
    assert (course.epochs, course.steps, course.skip_limit) == (7, 11, 5)
    assert course.keep_every == 2
    other = made("--seed", 4)
    first, second = (r.network.get_weights()[0] for r in (run, other))
    assert not np.array_equal(first, second)
    assert not np.array_equal(batch(run)[1], batch(other)[1])


def test_muon(made):
    run = made("--optimizer", "muon", "--beta1", 0.8, "--weight-decay", 0.1)
    optimizer = run.trainer.optimizer
    assert isinstance(optimizer, ConvMuon)
    assert (optimizer.momentum, optimizer.beta_1) == (0.8, 0.8)
    assert optimizer.weight_decay == 0.1


def test_momentum_and_the_cosine(made):
    run = made("--optimizer", "sgd", "--momentum", 0.3, "--schedule", "cosine",
               "--epochs", 2, "--steps-per-epoch", 2)  # fmt: skip
    assert run.trainer.optimizer.momentum == 0.3
    assert run.trainer.optimizer.l2 == 0
    assert float(run.trainer.optimizer._learning_rate(4)) < 1e-5


def test_flags_of_data(made):
    run = made(
        "--batch-size", 3, "--hr-patch-size", 12, "--stride", 4,
        "--no-augment", "--patches-per-image", 6, "--cache-gb", 0,
        "--steps-per-epoch", 5,
    )  # fmt: skip
    assert run.plan.data.hr_scale is None
    lr, hr = batch(run)
    assert lr.shape == (3, 6, 6, 3)
    assert hr.shape == (3, 12, 12, 3)
    assert run.plan.data.augment is False
    whole = [run.source.hr(i) / np.float32(255) for i in range(3)]
    for patch in hr:
        assert any(
            np.array_equal(patch, w[y : y + 12, x : x + 12])
            for w in whole
            for y in range(0, 13, 4)
            for x in range(0, 17, 4)
        )
    assert run.plan.data.patches_per_image == 6
    assert run.steps == 5
    assert run.job["cache_gb"] == 0


def test_hr_scale(made, refused):
    run = made("--hr-scale", 0.5, 0.5, "--no-augment")
    assert run.plan.data.hr_scale == (0.5, 0.5)
    halves = [
        imresize(run.source.hr(i), 0.5) / np.float32(255)
        for i in range(len(run.source))
    ]
    for patch in batch(run)[1]:
        assert any(
            np.array_equal(patch, half[y : y + len(patch), x : x + len(patch)])
            for half in halves
            for y in range(len(half))
            for x in range(len(half[0]))
        )
    assert "hr_scale takes two factors" in refused("--hr-scale", 0.5, 2)


def test_degradation(made):
    plain, noisy = (
        made("--degradation", d, "--no-augment")
        for d in ("bicubic", "bicubic,noise=30")
    )
    (a, one), (b, other) = batch(plain), batch(noisy)
    assert np.array_equal(one, other)
    assert 0.05 < np.std(a - b) < 0.2


def test_validation(made, data):
    run = made()
    assert (len(run.source), len(run.held)) == (3, 1)
    assert not {*run.source.names} & {*run.held.names}
    run = made("--validation-split", 0.5)
    assert (len(run.source), len(run.held)) == (2, 2)
    assert made("--validation-split", 0).held is None
    held = data.parent / "held"
    for i in range(3):
        save(held / f"{i}.png", scene(26, 30, seed=20 + i))
    run = made("--validation", held, "--validation-limit", 2)
    assert (len(run.source), len(run.held)) == (4, 3)
    assert run.course.validation.limit == 2
    run = made("--data", data, held)
    assert len(run.source) + len(run.held) == 7


def test_the_data_sets_own_validation(made, data):
    root = data.parent / "DIV2K"
    for split, count in (("train", 3), ("valid", 2)):
        for i in range(count):
            name = root / f"DIV2K_{split}_HR" / f"{i:04}.png"
            save(name, scene(24, 28, seed=i + 10 * count))
    for arguments in (
        ("--data", root),
        ("--data", "div2k", "--data-dir", root),
    ):
        run = made(*arguments)
        assert (len(run.source), len(run.held)) == (3, 2)


@pytest.mark.parametrize(
    ("text", "policy"),
    [((), "mixed_float16"), (("mixed_bfloat16",), "mixed_bfloat16")],
)
def test_mixed_precision(made, text, policy, monkeypatch):
    monkeypatch.setattr(precision, "_is_fast", lambda: False)
    monkeypatch.setattr(precision, "limit", lambda: None)
    run = made("--mixed-precision", *text)
    learner, network = (
        x.get_layer("head") for x in (run.trainer.network, run.network)
    )
    assert learner.dtype_policy.name == policy
    assert network.dtype_policy.name == "float32"
    assert keras.config.dtype_policy().name == "float32"
    warning = {"mixed_float16": "6 times slower", "mixed_bfloat16": "no faster"}
    assert warning[policy] in run.err


def test_who_trains(made):
    assert made("--strategy", "one").team.strategy is None
    several = made("--strategy", "mirrored").team.strategy
    assert several.num_replicas_in_sync >= 1


def test_no_warning_where_bfloat16_is_fast(made, monkeypatch):
    monkeypatch.setattr(precision, "_is_fast", lambda: True)
    monkeypatch.setattr(precision, "limit", lambda: None)
    assert "leave out" not in made("--mixed-precision", "mixed_bfloat16").err


@pytest.mark.parametrize("which", ["paper", "article"])
def test_recipes(made, which):
    small = ("--model", "a2n", "--scale", 2, "--model-arg", "num_blocks=1",
             "--batch-size", 2, "--hr-patch-size", 8)  # fmt: skip
    run = made("--recipe", which, "--loss", "l2", small=small)
    found = run.plan.to_dict()
    recipe = models.recipe("a2n", which, 2)
    for field, value in recipe["learning"].items():
        if field != "loss":
            assert found["learning"][field] == value
    assert found["learning"]["loss"] == "l2"
    assert found["data"]["degradation"] == "bicubic"


def test_the_patch_of_a_recipe_fits_the_scale(made):
    small = ("--model", "espcn", "--scale", 2, "--batch-size", 1)
    for i in range(4):
        save(f"big/{i}.png", scene(60, 60, seed=i))
    run = made("--recipe", "paper", "--data", "big", small=small)
    data = run.plan.data
    assert (data.hr_patch_size, data.stride) == (34, 28)
    assert batch(run)[0].shape == (1, 17, 17, 1)
    small = ("--model", "lens", "--scale", 3, "--batch-size", 1)
    save("large/0.png", scene(70, 70))
    run = made("--data", "large", "--validation-split", 0, small=small)
    assert run.plan.data.hr_patch_size == 63  # of 64


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--model", "eddsr"], "'eddsr': did you mean edsr"),
        (["--model", "bicubic"], "bicubic has nothing to learn"),
        (["--scale", 5], "edsr has no scale 5: use one of 2, 3, 4"),
        (["--scale", "1.5"], "learns one whole factor"),
        (["--scale", "big"], "learns one whole factor"),
        (["--model", "a2n", "--recipe", "seed"], "give --recipe article"),
        (["--recipe", "papper"], "no recipe 'papper' for edsr: did you mean"),
        (["--loss", "l3"], "no loss 'l3': did you mean"),
        (["--optimizer", "addam"], "'addam': did you mean adam"),
        (["--schedule", "cosin"], "invalid choice: 'cosin': did you mean cos"),
        (["--gpus", 99], "--gpus 99 cannot be: this machine has"),
        (["--epoch", 3], "unrecognized arguments: --epoch"),
        (["--epochz", 3], "(did you mean --epochs?)"),
        (["--epochs", 0], "argument --epochs: takes a whole number from 1"),
        (["--image", "a.png"], "--image does not fit --model edsr: it is"),
        (["--tile", 32], "--tile does not fit --model edsr"),
        (["--max-steps", 3], "--max-steps does not fit --model edsr"),
        (["--model-arg", "num_block=2"], "num_block: did you mean num_blocks?"),
        (["--model-arg", "num_blocks=x"], "num_blocks of edsr cannot be 'x'"),
        (["--model-arg", "x"], "--model-arg takes KEY=VALUE, not 'x'"),
        (["--layer-rates", "head"], "takes LAYER=RATE"),
        (["--layer-rates", "haed=1"], "no layer 'haed': did you mean head"),
        (["--validation-split", 1], "--validation-split must be from 0 to"),
        (["--batch-size", 5], "4 images"),
        (["--batch-size", 4], "1 of them for validation"),
        (["--hr-patch-size", 26], "0.png"),
        (["--hr-patch-size", 9], "multiple of the scale 2, not 9"),
        (["--degradation", "bicubik"], "'bicubik': did you mean bicubic"),
        (["--data", "dvi2k"], "did you mean div2k?"),
        (["--degradation", "dataset"], "LR"),
        (["--data", "nowhere"], "nowhere"),
        (["--data", "empty"], "empty"),
        (["--validation", "nowhere"], "nowhere"),
        (["--init-from", "nowhere"], "no network at nowhere"),
        (["--config", "nowhere"], "nowhere"),
        (["--output", "empty/file"], "is a file"),
        (["--clip-norm", -1], "takes a number above 0"),
    ],
)  # fmt: skip
def test_what_is_refused(refused, place, arguments, says):
    (place / "empty").mkdir()
    if "--output" in arguments:
        (place / "empty/file").touch()
    assert says in refused(*arguments)
    assert not (place / "runs").exists()


def test_what_is_missing(refused, place, capfd):
    line = refused(small=())
    assert "no network: give --model NAME" in line
    assert "no scale: give --scale, for edsr one of 2, 3, 4" in refused(
        small=("--model", "edsr")
    )
    ended = command(capfd, "train", *TINY)
    assert ended.code == 2
    assert "no images for edsr to learn from: give --data" in ended.err


def test_flags_that_zssr_does_not_take(refused):
    line = refused("--fusion", "mean", "--scale", 2, small=("--model", "zssr"))
    assert "--fusion does not fit --model zssr: it is for zssr on one" in line
