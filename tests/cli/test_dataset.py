"""`train` on a folder of images, from the command line to the files."""

import csv
import signal
from pathlib import Path

import numpy as np
import pytest
from cli_runs import command, read_json, save, scene, tree

import sr_keras
from sr_keras.evaluation import metrics
from sr_keras.imaging import images
from sr_keras.imaging.resize import imresize
from sr_keras.support import progress

pytestmark = [
    pytest.mark.usefixtures("quick_plots"),
    pytest.mark.filterwarnings("error::UserWarning", "error::RuntimeWarning"),
]

# Enough to go through everything, in about a second.
TINY = (
    *("--model", "espcn", "--scale", "2", "--model-arg", "num_filters=4,4"),
    *("--batch-size", "2", "--hr-patch-size", "8"),
    *("--epochs", "2", "--steps-per-epoch", "3"),
)


@pytest.fixture
def run(learn):
    """Runs the command on the folder, into `out`."""

    def go(*arguments, small=TINY):
        return learn(*small, *arguments)

    return go


def table(folder="out"):
    with open(f"{folder}/history.csv") as file:
        return list(csv.DictReader(file))


def state(folder="out"):
    """Everything in a checkpoint but the clock."""
    with np.load(f"{folder}/checkpoint.npz") as stored:
        return [stored[n] for n in sorted(stored.files) if n != "record"]


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def weights(path):
    return sr_keras.load(path).get_weights()


def test_a_run_and_what_it_leaves(run, data):
    held = save(data.parent / "held" / "h.png", scene(26, 30, seed=20))
    ended = run("--keep-every", 2, "--validation", held.parent, "--ema", 0.5)
    assert ended.code == 0, ended.err
    assert ended.err == ""
    plan, first, second, wrote = ended.out.splitlines()
    assert plan.startswith("espcn x2, ")
    assert "8 images to learn from, 1 image to validate on (bicubic: " in plan
    assert plan.endswith("; 2 epochs of 3 steps on 2 x 8x8")
    assert first.startswith("epoch 1/2: loss 0.")
    assert "dB (the best so far)" in first
    assert wrote.startswith("wrote out/best.keras: epoch ")
    assert {*tree("out")} >= {
        "best.keras", "last.keras", "checkpoint.npz", "config.json",
        "history.csv", "curves.png", "metrics.json", "tensorboard",
        "samples/1_epoch_0001.png", "samples/1_epoch_0002.png",
        "epochs/epoch_0002.keras",
    }  # fmt: skip
    assert "epochs/epoch_0001.keras" not in tree("out")
    rows, summary = table(), read_json("out/metrics.json")
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert [row["steps"] for row in rows] == ["3", "6"]
    best = max(rows, key=lambda row: float(row["psnr"]))
    assert summary["best_epoch"] == int(best["epoch"])
    network = sr_keras.load("out")
    assert network.scale == 2
    assert network.about["name"] == "espcn"
    hr = images.quantize(images.read(held).pixels, 8)
    lr = imresize(hr, 0.5)
    sr = sr_keras.upscale((lr / 255).astype("float32"), network)
    expected = metrics.psnr(sr, hr, "y", 2)
    assert summary["psnr"] == pytest.approx(expected, abs=1e-4)
    bicubic = metrics.psnr(imresize(lr, 2.0), hr, "y", 2)
    assert summary["bicubic"] == pytest.approx(bicubic, abs=1e-4)
    assert images.read("out/samples/1_epoch_0001.png").pixels.shape == (
        26, 4 * 30, 3,
    )  # fmt: skip
    check_events(rows)


def check_events(rows):
    """TensorBoard's file has the curves and the pictures."""
    import tensorflow as tf

    file = next(Path("out/tensorboard").iterdir())
    found = {}
    for event in tf.compat.v1.train.summary_iterator(str(file)):
        for value in event.summary.value:
            plugin = value.metadata.plugin_data.plugin_name
            array = tf.make_ndarray(value.tensor)
            found.setdefault((value.tag, plugin), []).append(array)
    psnr = [float(x) for x in found["psnr", "scalars"]]
    np.testing.assert_allclose(psnr, [float(r["psnr"]) for r in rows], 1e-5)
    assert {"loss", "rate", "skipped"} <= {tag for tag, _ in found}
    width, height, png = found["lr_bicubic_sr_hr/1", "images"][0]
    assert (width, height) == (b"120", b"26")
    assert png.startswith(b"\x89PNG")


def test_going_on_is_as_never_having_stopped(run, interrupt):
    """In the middle of an epoch, then while it validates, then by config."""
    from sr_keras.training import validation

    small = (*TINY, "--optimizer", "sgd", "--ema", 0.9)
    interrupt(progress.Epochs, "__call__", at=5)
    ended = run(small=small)
    assert ended.code == 130
    assert ended.lines == [
        "stopped after 1 epoch and 2 steps: kept out/last.keras and the "
        "checkpoint; add --resume to go on"
    ]
    assert len(table()) == 1
    assert sr_keras.load("out/last.keras").scale == 2
    interrupt(validation.Validation, "score", signal.SIGTERM)
    ended = run("--resume", small=small)
    assert ended.code == 143
    assert "going on after 1 epoch and 2 steps" in ended.out
    assert "stopped after 1 epoch and 3 steps" in ended.err
    ended = run("--resume", small=())  # all of it is in out/config.json
    assert ended.code == 0, ended.err
    assert "going on after 1 epoch and 3 steps" in ended.out
    ended = run("--config", "out/config.json", "--output", "again", "--resume",
                small=())  # fmt: skip
    assert ended.code == 0, ended.err
    assert ended.lines == [
        "there is no checkpoint in again yet: starting afresh"
    ]
    began, once = (read_json(f"{n}/config.json") for n in ("out", "again"))
    assert began["command"] == once["command"]
    assert len(began["resumed_by"]) == 2
    assert "resumed_by" not in once
    assert same(state("out"), state("again"))
    assert same(weights("out/last.keras"), weights("again/last.keras"))
    assert same(weights("out"), weights("again"))
    one, other = table("out"), table("again")
    for a, b in zip(one, other, strict=True):
        assert {**a, "seconds": 0} == {**b, "seconds": 0}


def test_a_folder_is_all_that_resume_needs(run, place, capfd):
    assert run("--epochs", 1).code == 0
    ended = command(capfd, "train", "--resume", "--output", "out",
                    "--epochs", 2)  # fmt: skip
    assert ended.code == 0, ended.err
    assert [row["epoch"] for row in table()] == ["1", "2"]
    Path("bad.json").write_text('{"model": "espcn", "sources": "here"}')
    ended = command(capfd, "train", "--config", "bad.json", "--scale", 2)
    assert ended.code == 2
    assert "sources" in ended.err and "'here'" in ended.err


def test_before_the_first_step(run, interrupt, place):
    from sr_keras.training import run as dataset_run

    interrupt(dataset_run, "sources")
    ended = run()
    assert ended.code == 130
    assert ended.lines == ["stopped"]
    assert tree(place) == {}


@pytest.mark.slow
def test_more_epochs_and_a_used_folder(run):
    assert run("--epochs", 1).code == 0
    ended = run("--epochs", 1)
    assert ended.code == 2
    assert "has a training already: add --resume" in ended.err
    first = state()
    ended = run("--epochs", 1, "--resume")  # which is done
    assert ended.code == 0
    assert same(first, state())
    ended = run("--resume", "--model-arg", "num_filters=5,5")
    assert ended.code == 2
    assert "checkpoint.npz is of another network" in ended.err
    ended = run("--resume", "--steps-per-epoch", 4)
    assert "of epochs of 3 steps, not 4: give --steps-per-epoch 3" in ended.err
    assert run("--epochs", 2, "--resume").code == 0
    assert [row["epoch"] for row in table()] == ["1", "2"]
    save("out/own.png", scene(4, 4))
    assert run("--epochs", 1, "--overwrite", "--validation-split", 0).code == 0
    assert len(table()) == 1
    assert "samples" not in tree("out")
    assert "own.png" in tree("out")
    assert same(weights("out/best.keras"), weights("out/last.keras"))


def test_a_training_that_goes_astray(run):
    ended = run("--optimizer", "sgd", "--learning-rate", 1e6,
                "--steps-per-epoch", 20, "--skip-limit", 2)  # fmt: skip
    assert ended.code == 2
    assert len(ended.lines) == 1
    assert "gone astray: 2 batches in a row" in ended.err
    assert "smaller --learning-rate, or --clip-norm" in ended.err


def test_a_corrupt_image_is_named_at_the_end(run, data):
    broken = data / "5.png"
    broken.write_bytes(broken.read_bytes()[:-40])
    ended = run("--validation-split", 0, "--steps-per-epoch", 12)
    assert ended.code == 0
    assert ended.lines[0] == "1 image cannot be used and had to be left out:"
    assert str(broken) in ended.lines[1]
    assert len(ended.lines) == 2


def test_a_thumbnail_is_named_before_the_training_and_left_out(run, data):
    save(data / "0.png", scene(7, 30))
    ended = run("--epochs", 1)
    assert ended.code == 0
    first, second = ended.lines
    assert first == "1 image cannot be used and had to be left out:"
    assert str(data / "0.png") in second
    assert "has 30x7 pixels, fewer than a patch of" in second


@pytest.mark.slow
def test_from_another_network(run):
    assert run("--epochs", 1).code == 0
    ended = run("--init-from", "out", "--scale", 3, "--output", "x3",
                "--hr-patch-size", 9, "--epochs", 1)  # fmt: skip
    assert ended.code == 0, ended.err
    assert ended.lines[0].startswith("from out: copied 4 of 6 tensors, ")
    assert "other shape: conv3/kernel (3, 3, 4, 9), there (3, 3, 4" in ended.err
    ended = run("--model", "out", "--output", "more", "--epochs", 1, small=(
        *TINY[6:], "--learning-rate", 1e-20))  # fmt: skip
    assert ended.code == 0, ended.err
    assert sr_keras.load("more").about["name"] == "espcn"
    for a, b in zip(weights("out/last.keras"), weights("more"), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_refiner_on_more_patches_than_images(run):
    """As the paper's: batches of 128 patches, which lie on a grid, of 91."""
    ended = run(small=(
        "--model", "srcnn", "--scale", 3, "--model-arg", "num_filters=4,4",
        "--batch-size", 9, "--hr-patch-size", 17, "--stride", 2,
        "--epochs", 1, "--steps-per-epoch", 2))  # fmt: skip
    assert ended.code == 0, ended.err
    image = scene(8, 9)
    assert sr_keras.upscale(image, "out").shape == (24, 27, 3)
