"""`adapt`, from the command line to its answer."""

import numpy as np
import pytest
from cli_runs import command, read_json, save
from photographs import photographed, scenery

import sr_keras
from sr_keras import models
from sr_keras.imaging import images
from sr_keras.models import artifact
from sr_keras.models.dual_heads import DualHeads

pytestmark = [
    pytest.mark.usefixtures("quick_plots"),
    pytest.mark.filterwarnings("error::UserWarning", "error::RuntimeWarning"),
]

QUICK = (
    *("--steps", 2, "--dual-steps", 3, "--batch-size", 2),
    *("--hr-patch-size", 16),
)


@pytest.fixture
def model(tmp_path):
    """A run's folder, of a tiny network that knows nothing."""
    folder = tmp_path / "run"
    folder.mkdir()
    network = models.build("edsr", 2, num_blocks=1, num_filters=4)
    artifact.save(network, folder / "best.keras", name="edsr")
    return folder


@pytest.fixture
def photos(tmp_path):
    pictures = photographed("blur=2,bicubic", range(4), side=320)
    return written(tmp_path / "photos", pictures)


@pytest.fixture
def hr(tmp_path):
    return written(tmp_path / "hr", [scenery(s, 256) for s in range(7, 10)])


@pytest.fixture
def adapt(place, capfd, model, photos):
    def run(*arguments, quick=QUICK):
        given = ("--model", model, "--images", photos, "--output", "out")
        return command(capfd, "adapt", *given, *quick, *arguments)

    return run


def written(folder, pictures):
    for i, picture in enumerate(pictures):
        if picture.dtype == np.uint8:
            picture = picture / np.float32(255)
        save(folder / f"{i}.png", picture)
    return folder


@pytest.mark.slow
def test_from_photos_to_the_answer(adapt, hr, photos, model, tmp_path):
    truth = written(tmp_path / "truth", [scenery(s, 320) for s in range(4)])
    ended = adapt("--data", hr, "--ground-truth", truth, "--save-images")
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert lines[0].startswith("the photos look as if made by blur")
    assert "dual heads: 864 parameters" in lines[1]
    assert "3 photos without HR" in lines[2]
    answer = next(line for line in lines if line.startswith("did it help? "))
    assert "on 1 photo held out, shrunk by blur" in answer
    found = read_json("out/metrics.json")["adapted"]
    assert found["helped"] in (True, False)
    assert ("Yes" in answer) == found["helped"]
    assert found["degradation"] != found["judged_by"]
    assert found["truth"]["photos"] == 1
    config = read_json("out/config.json")
    assert config["data"]["degradation"] == found["degradation"]
    assert config["sources"] == [str(hr)]
    assert config["dual"]["unpaired"] == str(photos)
    assert config["learning"]["final_rate"] == pytest.approx(1e-7)
    adapted = sr_keras.load("out")
    old = sr_keras.load(model).get_weights()
    assert not all(map(np.array_equal, old, adapted.get_weights()))
    assert artifact.load_part("out/dual.keras", DualHeads).levels == 1
    for i in range(4):
        sr = images.read(f"out/images/{i}_x2.png").pixels
        lr = images.read(photos / f"{i}.png").pixels
        expected = sr_keras.upscale(lr, adapted)
        assert np.abs(sr - expected).max() <= 0.5 / 255 + 1e-6
    ended = adapt("--data", hr)
    assert ended.code == 2
    assert "--overwrite to replace it" in ended.err


@pytest.mark.slow
def test_without_hr_images(adapt, model):
    ended = adapt()
    assert ended.code == 0, ended.err
    assert "pairs are made of the photos themselves" in ended.err
    assert "3 images to learn from" in ended.out
    # Heads that know bicubic, and photos that are said to be of it.
    heads = DualHeads(1, 4)
    artifact.save_part(heads, model / "dual.keras")
    ended = adapt("--degradation", "bicubic", "--overwrite")
    assert ended.code == 0, ended.err
    assert "dual heads of" in ended.out
    kept = artifact.load_part("out/dual.keras", DualHeads)
    for a, b in zip(heads.get_weights(), kept.get_weights(), strict=True):
        assert np.array_equal(a, b)
    config = read_json("out/config.json")
    assert config["data"]["degradation"] == "bicubic"


def test_flags(adapt, hr, monkeypatch):
    from sr_keras.training.adaptation.run import Run

    seen = []

    def work(self, folder):
        seen.append(self)
        raise ValueError("enough")

    monkeypatch.setattr(Run, "work", work)
    ended = adapt(
        "--data", hr, "--degradation", "area", "--holdout", 0.5, "--steps", 40,
        "--learning-rate", 1e-3, "--unpaired-ratio", 0.6, "--dual-weight", 0.4,
        "--seed", 3, "--batch-size", 1, "--hr-patch-size", 24,
    )  # fmt: skip
    assert "enough" in ended.err
    plan, run = seen[0].plan, seen[0]
    assert plan.data.degradation == "area"
    assert (plan.data.batch_size, plan.data.hr_patch_size) == (1, 24)
    assert plan.learning.learning_rate == 1e-3
    assert plan.learning.seed == 3
    assert (plan.learning.epochs, plan.learning.steps_per_epoch) == (5, 8)
    assert (plan.own.unpaired_ratio, plan.own.dual_weight) == (0.6, 0.4)
    assert not plan.own.train_dual
    assert len(run.photos) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "bicubic"], "bicubic has nothing to learn"),
        (["--model", "nowhere"], "no network at nowhere"),
        (["--images", "nowhere"], "nowhere"),
        (["--holdout", 1], "--holdout must be less than 1, not 1"),
        (["--unpaired-ratio", 1], "--unpaired-ratio must be less than 1"),
        (["--degradation", "blurr"], "has no step 'blurr'"),
        (["--output", "../photos/0.png"], "is a file: give a folder"),
        (["--steps", 0], "takes a whole number from 1 up, not 0"),
        (["--data", "nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be(adapt, arguments, message):
    ended = adapt(*arguments)
    assert ended.code == 2
    assert message in ended.lines[-1]
    assert "Traceback" not in ended.err


def test_photos_that_are_not_enough(adapt, tmp_path):
    one = written(tmp_path / "one", [scenery(1, 64)])
    ended = adapt("--images", one)
    assert ended.code == 2
    assert "has 1 photo, and one has to be held out" in ended.err
    other = written(tmp_path / "other", [scenery(1, 64)])
    (other / "0.png").rename(other / "stranger.png")
    ended = adapt("--ground-truth", other)
    assert ended.code == 2
    assert "no HR image of a photo that is held out" in ended.err


def test_a_scale_without_heads(adapt, tmp_path):
    network = models.build("edsr", 3, num_blocks=1, num_filters=4)
    artifact.save(network, tmp_path / "x3.keras", name="edsr")
    ended = adapt("--model", tmp_path / "x3.keras")
    assert ended.code == 2
    assert "they are for x2, x4 and x8, not x3" in ended.err
