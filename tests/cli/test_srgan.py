"""`train --objective adversarial`, from the command line to the files."""

import csv
import signal
from pathlib import Path

import numpy as np
import pytest
from cli_runs import command, read_json, save, scene, tree

import sr_keras
from sr_keras.models import srgan
from sr_keras.models.artifact import load_part
from sr_keras.support import progress
from sr_keras.training import adversarial_flags
from sr_keras.training.trainers import adversarial

pytestmark = [
    pytest.mark.usefixtures("quick_plots"),
    pytest.mark.filterwarnings("error::UserWarning", "error::RuntimeWarning"),
]

# Without VGG19, which takes a second to make.
TINY = (
    *("--model", "srgan", "--scale", 2, "--content-weight", 0),
    *("--model-arg", "num_blocks=1", "--model-arg", "num_filters=2"),
    *("--discriminator-filters", 2, "--discriminator-units", 4),
    *("--batch-size", 2, "--hr-patch-size", 16),
    *("--epochs", 2, "--steps-per-epoch", 3, "--pretrain-epochs", 1),
)
# One stage, of a network that was not made for it.
OTHER = (
    *("--model", "espcn", "--scale", 2, "--model-arg", "num_filters=4,4"),
    *("--objective", "adversarial", *TINY[4:6], *TINY[10:-2]),
)


@pytest.fixture
def run(learn):
    """Runs the command on the folder, into `out`."""

    def go(*arguments, small=TINY):
        return learn(*small, *arguments)

    return go


@pytest.fixture
def made(place, capfd, data, monkeypatch):
    """Runs the command up to its first step; gives its Run."""

    def build(*arguments, small=OTHER):
        from sr_keras.training.run import Run

        seen = []

        def work(self, folder):
            seen.append(self)
            raise ValueError("enough")

        with monkeypatch.context() as patch:
            patch.setattr(Run, "work", work)
            ended = command(capfd, "train", *small, "--data", data, *arguments)
        assert seen, ended.err
        return seen[0]

    return build


def table(folder="out", name="history.csv"):
    with open(f"{folder}/{name}") as file:
        return list(csv.DictReader(file))


def state(folder="out"):
    """Everything in a checkpoint but the clock."""
    with np.load(f"{folder}/checkpoint.npz") as stored:
        return [stored[n] for n in sorted(stored.files) if n != "record"]


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def weights(path):
    return sr_keras.load(path).get_weights()


def discriminator(path, name="discriminator.keras"):
    return load_part(f"{path}/{name}", adversarial.Discriminator).get_weights()


@pytest.mark.slow
def test_going_on_is_as_never_having_stopped(run, interrupt, place, capfd):
    """In the first stage, between two steps of the second, then by config."""
    small = (*TINY, "--discriminator-lead", 1)
    interrupt(progress.Epochs, "__call__", at=2)
    ended = run("--log-every", 2, small=small)
    assert ended.code == 130
    assert "kept out/stage1/last.keras" in ended.lines[-1]
    assert run(small=small).code == 2  # there is a training already
    interrupt(progress.Epochs, "__call__", signal.SIGTERM, at=6)
    # All the settings are in out/config.json.
    ended = command(capfd, "train", "--resume", "--output", "out")
    assert ended.code == 143
    assert "stopped after 1 epoch and 2 steps" in ended.err
    ended = command(capfd, "train", "--resume", "--output", "out")
    assert ended.code == 0, ended.err
    assert "going on after 1 epoch and 2 steps" in ended.out
    assert "stage" not in ended.err
    job = ("--config", "out/config.json", "--output", "again")
    check_two_stages(command(capfd, "train", *job))
    for folder in ("", "/stage1"):
        assert same(state(f"out{folder}"), state(f"again{folder}"))
    assert same(weights("out"), weights("again"))
    assert same(discriminator("out"), discriminator("again"))
    for a, b in zip(table("out"), table("again"), strict=True):
        assert {**a, "seconds": 0} == {**b, "seconds": 0}
    check_steps()


def check_steps():
    """D(HR) and D(SR) of every second step, none of them twice."""
    rows = table("out", "steps.csv")
    assert [row["step"] for row in rows] == ["2", "4", "6"]
    assert rows == table("again", "steps.csv")
    for name in ("d_hr", "d_sr"):
        assert all(0 < float(row[name]) < 1 for row in rows)
    assert [r["step"] for r in table("out/stage1", "steps.csv")] == ["2"]


def check_two_stages(ended):
    """What a run that was not interrupted says, and leaves in `again`."""
    assert ended.code == 0, ended.err
    stage1, stage2, copied = ended.lines
    assert stage1 == "stage 1 of 2: by pixels"
    assert stage2 == "stage 2 of 2: against a discriminator"
    assert copied.startswith("from again/stage1: copied 24 of 24 tensors")
    assert ", adversarial 0." in ended.out
    assert ended.out.count("the best so far") == 1  # of the first stage
    files = {*tree("again")}
    assert files >= {
        "best.keras", "last.keras", "discriminator.keras", "checkpoint.npz",
        "stage1/best.keras", "stage1/metrics.json", "history.csv",
    }  # fmt: skip
    assert "stage1/discriminator.keras" not in files
    rows = table("again")
    assert list(rows[0]) == [
        "epoch", "steps", *adversarial.AdversarialTrainer.scalars, "psnr",
        "detail", "checkerboard", "colour_drift", "rate", "skipped", "seconds",
    ]  # fmt: skip
    assert all(np.isfinite([float(x) for x in row.values()]).all()
               for row in rows)  # fmt: skip
    assert list(table("again/stage1")[0])[2:4] == ["loss", "psnr"]
    best = discriminator("again", "discriminator-best.keras")
    assert same(discriminator("again"), best)
    # The last is the best: not that of the highest PSNR.
    assert read_json("again/metrics.json")["best_epoch"] == 2
    assert same(weights("again"), weights("again/last.keras"))
    first, second = (
        read_json(f"again{d}/config.json") for d in ("/stage1", "")
    )
    assert first["objective"] == "pixel"
    assert "adversarial" not in first
    assert second["objective"] == "adversarial"
    assert second["init_from"] is None
    recipe = srgan.RECIPES["default"]
    rates = (
        recipe["adversarial"]["pretrain_rate"],
        recipe["learning"]["learning_rate"],
    )
    assert rates[0] != rates[1]
    assert rates == tuple(
        c["learning"]["learning_rate"] for c in (first, second)
    )
    assert sr_keras.load("again").about["name"] == "srgan"
    assert sr_keras.upscale(scene(8, 9), "again").shape == (16, 18, 3)


@pytest.mark.slow
def test_one_stage_from_another_network(run):
    ended = run("--epochs", 1, small=OTHER)
    assert ended.code == 0, ended.err
    assert "stage1" not in tree("out")
    ended = run(
        "--output", "more", "--epochs", 1, "--init-from", "out",
        "--init-discriminator", "out", "--learning-rate", 1e-20,
        "--pretrain-epochs", 3, small=OTHER,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert "stage" not in ended.err.replace("from out", "")
    for a, b in zip(weights("out"), weights("more"), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    near = [
        np.allclose(a, b, atol=1e-6)
        for a, b in zip(
            discriminator("out"), discriminator("more"), strict=True
        )
    ]
    assert sum(near) >= len(near) - 14  # but for the moving statistics
    config = read_json("more/config.json")["adversarial"]
    assert config["init_discriminator"] == str(Path("out").absolute())


@pytest.mark.slow
def test_two_stages_with_vgg_and_troubles(run, monkeypatch):
    monkeypatch.setattr(adversarial, "_SURE_OF_HR", 0.0)
    monkeypatch.setattr(adversarial, "_SURE_OF_SR", 1.0)
    save("out/stage1/samples/of_another_run.png", scene(4, 4))
    save("out/own.png", scene(4, 4))
    Path("out/config.json").write_text('{"model": "srgan", "scale": 4}')
    ended = run(
        "--overwrite", "--epochs", 1, "--content-weight", 0.01,
        "--content-layers", "VGG22,block1_conv1=0.5", "--vgg-weights",
        "random", "--collapse-limit", 2,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    files = tree("out")
    assert {"stage1/best.keras", "discriminator.keras", "own.png"} <= {*files}
    assert "stage1/samples/of_another_run.png" not in files
    *_, copied, trouble = ended.lines
    assert copied.startswith("from out/stage1: copied 24 of 24 tensors")
    assert trouble.startswith("the discriminator has won for 3 steps")
    assert float(table()[0]["content"]) > 0
    own = read_json("out/config.json")["adversarial"]
    assert own["content_layers"] == {"VGG22": 1.0, "block1_conv1": 0.5}


def test_every_flag_sets_its_setting(made):
    given = {
        "--pixel-weight": 0.5, "--content-weight": 0, "--adversarial-weight": 2,
        "--vgg-weights": "random", "--discriminator": "convolutional",
        "--discriminator-filters": 3, "--discriminator-units": 5,
        "--discriminator-rate": 0.25, "--discriminator-schedule": "cosine",
        "--label-smoothing": 0.2, "--collapse-limit": 7,
        "--discriminator-lead": 11, "--grid-weight": 3,
        "--pretrain-epochs": 9, "--pretrain-rate": 0.125,
        "--pretrain-schedule": "step",
    }  # fmt: skip
    texts = [x for pair in given.items() for x in pair]
    texts += [
        "--relativistic",
        "--fixed-statistics",
        "--content-layers",
        "VGG12=3",
    ]
    run = made(*texts)
    # It is the first stage that is about to begin.
    assert run.plan.objective == "pixel"
    assert run.plan.learning.epochs == 9
    assert run.plan.learning.learning_rate == 0.125
    assert run.plan.learning.schedule == "step"
    run = made(*texts, "--pretrain-epochs", 0)
    own, flags = run.plan.own, adversarial_flags.FLAGS
    for flag, value in {**given, "--pretrain-epochs": 0}.items():
        assert getattr(own, flags[flag][1]) == value, flag
    assert own.relativistic
    assert own.fixed_statistics
    neither = ("--no-relativistic", "--no-fixed-statistics")
    run = made(*texts, "--pretrain-epochs", 0, *neither)
    assert not run.plan.own.relativistic
    assert not run.plan.own.fixed_statistics
    assert own.content_layers == {"VGG12": 3.0}
    assert run.trainer.adversary.label == pytest.approx(0.8)
    assert run.trainer.discriminator.arguments["num_filters"] == 3


def test_recipes_go_with_the_objective(made):
    run = made(small=(*TINY, "--pretrain-epochs", 0))
    assert run.plan.objective == "adversarial"
    assert run.plan.own.relativistic
    small = (*TINY[:4], *TINY[6:10], *TINY[14:-2])
    run = made("--objective", "pixel", small=small)
    assert run.plan.objective == "pixel"
    # Of a network's own recipe, but for what an adversarial training needs.
    run = made()
    assert run.plan.learning.learning_rate == 1e-4
    assert run.plan.learning.final_rate == 1e-5


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("--objective", "pixel"),
            "--pixel-weight does not fit --objective pi",
        ),
        (("--content-layers", "VGG99"), "no layer 'VGG99'"),
        (("--content-layers", "a=b"), "takes LAYER=WEIGHT or LAYER"),
        (
            (
                "--content-weight",
                1,
                "--vgg-weights",
                "no.h5",
                "--content-layers",
                "VGG12",
            ),
            "no file no.h5",
        ),
        (("--content-weight", 1, "--vgg-weights", "random"), "8x8 pixels"),
        (("--init-discriminator", "nowhere"), "no file nowhere"),
        (("--discriminator", "big"), "invalid choice: 'big'"),
        (("--label-smoothing", 1), "label_smoothing must be"),
    ],
)
def test_what_is_refused(run, place, arguments, says):
    small = (*OTHER, "--pixel-weight", 1, "--hr-patch-size", 8)
    ended = run(*arguments, small=small)
    assert ended.code == 2
    assert len(ended.lines) == 1, ended.err
    assert says in ended.err
    assert tree(place) == {}
