"""The scripts that make the weights of the package: views, and PyTorch."""

import numpy as np
import pytest
from checks import ROOT, needs_backend, run_python
from PIL import Image

from pipelines.degradation.chain import parse
from sr_keras.imaging.resize import imresize

pytestmark = pytest.mark.slow

PREPARED = f"import sys; sys.path.insert(0, {str(ROOT / 'tools')!r})\n"


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 3), "uint8")
    path = folder / "noise.png"
    Image.fromarray(noise).resize((500, 400), Image.BICUBIC).save(path)
    return path


@pytest.fixture(scope="module")
def views(photo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("views")
    made = views_of(photo, folder, "--shrink", 0.6, 0.7, "--count", 3)
    assert made.stderr.count("noise.png") == 3
    return folder


def views_of(photo, folder, *flags):
    code = PREPARED + "import views; views.main()"
    return run_python(code, folder, photo.parent, *flags)


def train(views, file, *flags, before="", check=True):
    code = f"{PREPARED}import torch_train\n{before}torch_train.main()"
    small = ("--filters", 8, "--blocks", 1, "--side", 8, "--batch-size", 4)
    return run_python(code, views, file, *small, *flags, check=check)


def test_views_are_whole_multiples_with_matlabs_lr(views):
    files = sorted(views.glob("*.npz"))
    assert len(files) == 3
    for file in files:
        with np.load(file) as found:
            hr = found["hr"]
            assert not any(n % 12 for n in hr.shape[:2])
            for scale in (2, 3, 4):
                lr = imresize(hr, 1 / scale)
                np.testing.assert_array_equal(found[f"lr{scale}"], lr)


def test_views_that_are_there_are_left_alone(photo, views):
    before = {x.name: x.stat().st_mtime_ns for x in views.iterdir()}
    done = views_of(photo, views, "--shrink", 0.6, 0.7, "--count", 3)
    assert done.stderr.count("there") == 3
    assert {x.name: x.stat().st_mtime_ns for x in views.iterdir()} == before


def test_small_views_are_left_out(photo, tmp_path):
    done = views_of(photo, tmp_path, "--shrink", 0.2, 0.3, "--count", 2)
    assert done.stderr.count("too small") == 2
    assert not list(tmp_path.iterdir())


def test_views_with_spoilt_lr(photo, views, tmp_path):
    spoilt = ("--degradation", "area,jpeg=50")
    views_of(photo, tmp_path, "--shrink", 0.6, 0.7, "--count", 3, *spoilt)
    for file in sorted(views.glob("*.npz")):
        with np.load(file) as plain, np.load(tmp_path / file.name) as found:
            np.testing.assert_array_equal(found["hr"], plain["hr"])
            wanted = parse("area,jpeg=50").apply(plain["hr"], 2)
            np.testing.assert_array_equal(found["lr2"], wanted)


def test_the_first_view_can_be_the_photo(photo, tmp_path):
    views_of(photo, tmp_path, "--count", 1, "--whole")
    (file,) = tmp_path.glob("*.npz")
    with np.load(file) as found:
        np.testing.assert_array_equal(
            found["hr"], np.asarray(Image.open(photo))[:396, :492]
        )


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_its_convolutions_are_the_networks(scale):
    needs_backend("torch")
    code = f"""{PREPARED}
import numpy as np, torch, torch_train
from sr_keras.models.lens import Lens
network = Lens({scale}, num_blocks=2, num_filters=8)
rng = np.random.default_rng(0)
for v in network.weights:
    v.assign(rng.normal(size=v.shape) / 10)
lr = rng.random((2, 9, 7, 3), "float32")
with torch.no_grad():
    got = torch_train.forward(network, torch_train.to_tensor(lr))
    expected = network(lr).permute(0, 3, 1, 2)
print(float((got - expected).abs().max()), float(expected.std()))
"""
    most, spread = map(float, run_python(code, backend="torch").stdout.split())
    assert most < 1e-5 < spread


def test_its_steps_are_conv_muons(tmp_path):
    needs_backend("torch")
    code = f"""{PREPARED}
import copy, sys
from pathlib import Path
import keras, numpy as np, torch, torch_train
from torch import distributed
from sr_keras.models.lens import Lens
from sr_keras.training.optim.muon import ConvMuon
distributed.init_process_group(
    "gloo", init_method="file://{tmp_path}/store", rank=0, world_size=1)
mine = Lens(2, num_blocks=2, num_filters=8)
twin = keras.models.clone_model(mine)
twin.set_weights(mine.get_weights())
learner = torch_train.Learner(mine, Path("unused.pt"))
optimizer = ConvMuon(1e-2)
rng = np.random.default_rng(0)
for _ in range(3):
    gradients = [
        torch.tensor(rng.normal(size=v.shape), dtype=torch.float32)
        for v in mine.trainable_variables
    ]
    for w, g in zip(learner.weights, gradients):
        w.grad = g.clone()
    learner.advance(torch.tensor(0.0), 1e-2)
    with torch.no_grad():
        optimizer.apply(gradients, twin.trainable_variables)
pairs = zip(mine.get_weights(), twin.get_weights())
print(max(np.abs(a - b).max() for a, b in pairs))
"""
    assert float(run_python(code, backend="torch").stdout) < 1e-4


def test_a_training_goes_on_where_it_was(views, tmp_path):
    needs_backend("torch")
    from sr_keras.inference.load import load

    whole, halves = tmp_path / "whole.keras", tmp_path / "halves.keras"
    flags = ("--steps", 4, "--every", 2)
    alone = (
        "torch_train.multiprocessing.spawn = "
        "lambda f, args, nprocs: f(0, 1, *args[1:])\n"
    )
    ends = "torch_train.keep = lambda *_: sys.exit()\n"
    train(views, whole, *flags, before=alone)
    train(views, halves, *flags, before=alone + ends)
    assert not halves.exists()
    train(views, halves, *flags, "--resume", before=alone)
    a, b = (load(x).get_weights() for x in (whole, halves))
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, rtol=0, atol=1e-6)


def test_another_factor_begins_with_the_trunk(views, tmp_path):
    needs_backend("torch")
    from sr_keras.inference.load import load

    double, triple = tmp_path / "x2.keras", tmp_path / "x3.keras"
    train(views, double, "--steps", 2)
    train(
        views, triple, "--scale", 3, "--steps", 1, "--learning-rate", 1e-9,
        "--init-from", double,
    )  # fmt: skip
    a, b = (load(x) for x in (double, triple))
    np.testing.assert_allclose(
        a.get_layer("block1_conv1").kernel, b.get_layer("block1_conv1").kernel,
        rtol=0, atol=1e-6,
    )  # fmt: skip
    assert b.scale == 3


def test_no_views_is_said(tmp_path):
    needs_backend("torch")
    done = train(tmp_path, tmp_path / "x.keras", check=False)
    assert done.returncode
    assert done.stderr.startswith("no views in")
