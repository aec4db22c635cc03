"""Every flag of `train --objective dual`, and a training by them."""

import csv
from pathlib import Path

import numpy as np
import pytest
from cli_runs import command, read_json, save, scene
from test_dataset_flags import TINY, data, made, refused  # noqa: F401

import sr_keras
from sr_keras import models
from sr_keras.models import artifact
from sr_keras.models.dual_heads import DualHeads
from sr_keras.training.trainers.dual import DualTrainer

DUAL = (*TINY, "--objective", "dual")

pytestmark = pytest.mark.usefixtures("quick_plots")


@pytest.fixture
def photos(tmp_path):
    """Photos without HR."""
    folder = tmp_path / "photos"
    for i in range(4):
        save(folder / f"{i}.png", scene(12, 14, seed=10 + i))
    return folder


def batch(run):
    return next(run.pairs(0).as_numpy_iterator())


@pytest.mark.slow
def test_the_heads_of_the_best_epoch_are_kept(place, capfd, data, monkeypatch):  # noqa: F811
    """The first, as its PSNR is higher than the second's."""
    from sr_keras.training import validation

    scores = iter([30.0, 20.0, 30.0])

    def score(self, *_):
        return {"psnr": next(scores)}, []

    monkeypatch.setattr(validation.Validation, "score", score)
    given = ("train", *DUAL, "--data", data, "--validation", data)
    for folder, epochs in (("two", 2), ("one", 1)):
        ended = command(
            capfd, *given, "--schedule", "constant", "--epochs", epochs,
            "--output", folder,
        )  # fmt: skip
        assert ended.code == 0, ended.err
    best, last, first = (
        artifact.load_part(path, DualHeads).get_weights()
        for path in ("two/dual-best.keras", "two/dual.keras", "one/dual.keras")
    )
    for a, b, c in zip(best, last, first, strict=True):
        np.testing.assert_array_equal(a, c)
        assert not np.array_equal(a, b)


def test_flags(made, photos):  # noqa: F811
    run = made("--dual-weight", 0.3, "--dual-filters", 5, "--dual-rate", 1e-3,
               small=DUAL)  # fmt: skip
    trainer = run.trainer
    assert isinstance(trainer, DualTrainer)
    assert trainer.weight == 0.3
    assert trainer.heads.arguments["num_filters"] == 5
    assert float(trainer.dual_optimizer._learning_rate(0)) == (
        pytest.approx(1e-3)
    )
    assert isinstance(batch(run), tuple)
    run = made(
        "--unpaired", photos, "--unpaired-ratio", 0.9, "--unpaired-holdout",
        0.5, "--no-train-dual", small=DUAL,
    )  # fmt: skip
    assert not run.trainer.train_heads
    assert run.trainer.heads.arguments["num_filters"] == 16
    drawn = run.pairs(0).take(20).as_numpy_iterator()
    assert 0 < np.mean([b["paired"] for b in drawn]) < 0.3
    assert len(run.photos) == 2
    path = photos.parent / "dual.keras"
    heads = DualHeads(1, 3)
    artifact.save_part(heads, path)
    run = made("--init-dual", path, small=DUAL)
    for a, b in zip(
        heads.get_weights(), run.trainer.heads.get_weights(), strict=True
    ):
        assert np.array_equal(a, b)
    assert run.config()["dual"]["init_dual"] == str(path)


def test_what_cannot_be(refused, photos, tmp_path):  # noqa: F811
    small = tmp_path / "small"
    save(small / "a.png", scene(3, 5))
    for arguments, message in (
        (["--unpaired-ratio", 1], "unpaired_ratio must be from 0 to less"),
        (["--unpaired", "nowhere"], "nowhere"),
        (["--init-dual", "nowhere"], "nowhere"),
        (["--dual-weight", -1], "takes a number from 0 up, not -1"),
        (["--scale", 3, "--hr-patch-size", 9], "for x2, x4 and x8, not x3"),
        (["--unpaired", small], "patch of 4x4"),
    ):
        assert message in refused(*arguments, small=DUAL)
    text = refused("--unpaired", photos)
    assert "--unpaired does not fit --objective pixel: it is for" in text


def test_drn_is_for_dual_regression():
    for name in ("drn-s", "drn-l"):
        for recipe in ("default", "paper"):
            found = models.recipe(name, recipe)
            assert found["objective"] == "dual"
    assert found["learning"]["final_rate"] == 1e-7
    assert found["dual"]["dual_weight"] == 0.1


def test_a_refiner_gets_plain_images(made):  # noqa: F811
    run = made(
        "--model", "srcnn", "--scale", 2, "--model-arg", "num_filters=4,4",
        "--objective", "dual", "--hr-patch-size", 9, "--batch-size", 2,
        "--stride", 3, small=(),
    )  # fmt: skip
    lr, hr = batch(run)
    assert lr.shape == (2, 4, 4, 1)
    assert hr.shape == (2, 8, 8, 1)


@pytest.mark.slow
def test_a_training(place, capfd, data, photos):  # noqa: F811
    (photos / "3.png").write_bytes(b"no image")
    given = (
        "train", *DUAL, "--data", data, "--validation-split", 0, "--epochs",
        2, "--steps-per-epoch", 3, "--unpaired", photos, "--schedule",
        "constant", "--output",
    )  # fmt: skip
    ended = command(capfd, *given, "out")
    assert ended.code == 0, ended.err
    assert "4 photos without HR" in ended.out
    assert "1 image cannot be used" in ended.err
    assert "3.png" in ended.err
    with Path("out/history.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        total = float(row["primal"]) + 0.1 * float(row["dual"])
        assert float(row["loss"]) == pytest.approx(total, rel=1e-4)
    heads = artifact.load_part("out/dual.keras", DualHeads)
    assert heads.levels == 1
    assert sr_keras.load("out").scale == 2
    config = read_json("out/config.json")
    assert config["sources"] == [str(data)]
    assert config["dual"]["unpaired"] == str(photos)
    # A part, and then the rest, from what is in the folder alone.
    assert command(capfd, *given, "parts", "--epochs", 1).code == 0
    again = ("train", "--resume", "--output", "parts", "--epochs", 2)
    ended = command(capfd, *again)
    assert ended.code == 0, ended.err
    for name in ("checkpoint.npz", "dual.keras"):
        assert same(*(Path(folder, name) for folder in ("out", "parts")))


def same(one, other):
    """Whether two files of weights hold the same."""
    if one.suffix == ".npz":
        with np.load(one) as a, np.load(other) as b:
            names = set(a.files) - {"record"}
            return names == set(b.files) - {"record"} and all(
                np.array_equal(a[n], b[n]) for n in names
            )
    parts = [artifact.load_part(p, DualHeads) for p in (one, other)]
    return all(map(np.array_equal, *(p.get_weights() for p in parts)))
