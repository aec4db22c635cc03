"""Every flag of `train` changes what it says it changes.

Those for files, sizes, interruptions and folders are tested in test_outputs,
test_bad_input, test_signals and test_batch.
"""

import argparse
from pathlib import Path

import numpy as np
import pytest
from cli_runs import SMALL, command, save, scene

from pipelines.degradation import parse
from sr_keras import images, resize
from sr_keras.cli import flags
from sr_keras.cli import train as command_of_train

pytestmark = [
    pytest.mark.usefixtures("quick_plots"),
    pytest.mark.filterwarnings("error::UserWarning", "error::RuntimeWarning"),
]

# Fathers that are the photo itself, turned or not; affine ones, of one size.
TURNED = ("--as-is", 0, "--no-interpolation", 1)
AFFINE = (
    *("--as-is", 0, "--no-interpolation", 0),
    *("--scale-difference", 0, "--shear", 0, "--no-flip"),
)


@pytest.fixture
def stopped(place, capfd, photo, monkeypatch):
    """Runs the command up to a method of its Work; gives that."""

    def run(method, *arguments, small=SMALL, image=photo):
        from sr_keras.cli import learning

        made = []

        def stop(self, *_):
            made.append(self)
            raise ValueError("enough")

        with monkeypatch.context() as patch:
            patch.setattr(learning.Work, method, stop)
            patch.setattr(learning.Work, "__exit__", lambda *_: None)
            size = [] if "--scale" in arguments else ["--scale", 2]
            ended = command(
                capfd, "train", "--image", image, *size, *small, *arguments
            )
        assert made, ended.err
        return made[0]

    return run


@pytest.fixture
def prepared(stopped):
    return lambda *arguments, **kind: stopped("learn", *arguments, **kind)


@pytest.fixture
def trained(stopped):
    """The trained network and its curves: a ZeroShot."""
    return lambda *arguments: stopped("results", *arguments).zero_shot


@pytest.fixture
def pairs(prepared):
    """The first training pairs: [(sons, fathers)], each (N, h, w, C)."""

    def draw(count, *arguments, **kind):
        run = prepared(*arguments, **kind).zero_shot
        return list(run.pairs().take(count).as_numpy_iterator())

    return draw


@pytest.fixture
def refused_line(place, capfd, photo):
    """The line that a command with settings that cannot be ends with."""

    def run(*arguments):
        job = ("--image", photo, "--scale", 2, *SMALL, *arguments)
        ended = command(capfd, "train", *job)
        assert ended.code == 2
        return ended.err

    return run


@pytest.fixture
def wild(prepared):
    """A run whose network does something, trained or not."""

    def make(*arguments, **kind):
        work = prepared(*arguments, **kind)
        rng = np.random.default_rng(3)
        network = work.zero_shot.network
        network.set_weights(
            [0.2 * rng.standard_normal(w.shape) for w in network.get_weights()]
        )
        return work

    return make


def result(work, *outputs):
    return work.zero_shot.result(("fused", *outputs), work.finishing)


def test_no_flag_is_without_a_test():
    """A new one has to be added here or in one of the other files."""
    parser = argparse.ArgumentParser()
    command_of_train.add_arguments(parser)
    names = {n for a in parser._actions for n in a.option_strings}
    # A switch is tested by turning it; -h by test_cli.
    switched = {n for n in names if f"--no-{n[2:]}" in names} | {"-h"}
    texts = " ".join(
        path.read_text() for path in Path(__file__).parent.glob("test_*.py")
    )
    missing = [n for n in names - switched if f'"{n}"' not in texts]
    assert not missing


def test_the_configs_fields_are_those_of_the_settings(prepared):
    """Each has a flag; nothing in config.json is out of reach."""
    config = prepared().settings.to_dict()
    for name, fields in config.items():
        own = {
            field for group, field, _ in flags.FLAGS.values() if group == name
        }
        assert set(fields) <= own, name


# --- network -----------------------------------------------------------------


def test_network_of_the_paper_and_of_the_seed(prepared):
    sizes = ("--layers", 8, "--filters", 64)
    network = prepared(*sizes, small=()).zero_shot.network
    assert network.count_params() == 225_091
    network = prepared(
        *sizes, "--model-arg", "first_filters=3", small=()
    ).zero_shot.network
    assert network.count_params() == 188_247


def convolutions(work):
    import keras

    layers = work.zero_shot.network.layers
    return [la for la in layers if isinstance(la, keras.layers.Conv2D)]


def test_layers_and_filters(prepared):
    found = convolutions(prepared("--layers", 5, "--filters", 6))
    assert [layer.filters for layer in found] == [6, 6, 6, 6, 3]


def test_activation(prepared):
    found = convolutions(prepared("--activation", "gelu"))
    names = [layer.activation.__name__ for layer in found]
    assert names == ["gelu", "gelu", "linear"]


def test_model_arg(prepared):
    work = prepared(
        "--model-arg", "kernel_size=5", "--model-arg", "first_filters=none"
    )
    assert {layer.kernel_size for layer in convolutions(work)} == {(5, 5)}
    assert work.settings.network["first_filters"] is None


def test_passes(trained):
    job = ("--scale", 4, "--max-steps", 4)
    assert [base for _, base in trained(*job, "--passes", 1).sources] == [
        (1, 1)
    ]
    grown = [base for _, base in trained(*job, "--passes", 2).sources]
    assert grown == [(1, 1), (2, 2)]


# --- what it learns from -----------------------------------------------------


def test_father_scale(pairs):
    for low, high, least, most in ((0.5, 0.5, 12, 12), (0.4, 0.95, 10, 23)):
        drawn = pairs(20, *AFFINE, "--father-scale", low, high, "--no-crop")
        sides = [fathers.shape[1] for _, fathers in drawn]
        assert min(sides) >= least
        assert max(sides) <= most
        assert (len(set(sides)) > 3) == (low < high)


@pytest.mark.parametrize(
    "order, first, last", [("up", 10, 24), ("down", 24, 10)]
)
def test_scale_order(pairs, order, first, last):
    drawn = pairs(
        8, *AFFINE, "--father-scale", 0.4, 1, "--no-crop",
        "--scale-order", order, "--max-steps", 8,
    )  # fmt: skip
    sides = [fathers.shape[1] for _, fathers in drawn]
    assert (sides[0], sides[-1]) == (first, last)
    assert sides == sorted(sides, reverse=order == "down")


def test_random_scale_order(pairs):
    drawn = pairs(
        9, *AFFINE, "--father-scale", 0.4, 1, "--no-crop",
        "--scale-order", "random",
    )  # fmt: skip
    sides = [fathers.shape[1] for _, fathers in drawn]
    assert sides not in (sorted(sides), sorted(sides, reverse=True))


def views_in(drawn, photo):
    """Which fathers are the photo as it is."""
    whole = images.read(photo).pixels
    return [np.array_equal(fathers[0], whole) for _, fathers in drawn]


def test_flip(pairs, photo):
    assert all(views_in(pairs(12, *TURNED, "--no-crop", "--no-flip"), photo))
    turned = views_in(pairs(12, *TURNED, "--no-crop", "--flip"), photo)
    assert sum(turned) < 12


def test_as_is(pairs, photo):
    job = ("--no-interpolation", 0, "--no-crop", "--father-scale", 0.5, 0.5)
    assert all(views_in(pairs(8, *job, "--as-is", 1), photo))
    assert not any(views_in(pairs(8, *job, "--as-is", 0), photo))


def test_no_interpolation(pairs, photo):
    """The pixels are the photo's, in another order."""
    whole = np.sort(images.read(photo).pixels, axis=None)
    drawn = pairs(8, *TURNED, "--no-crop")
    assert all(np.array_equal(np.sort(f, axis=None), whole) for _, f in drawn)


def test_scale_difference(pairs):
    job = ("--father-scale", 0.6, 0.6, "--no-crop")
    even = pairs(8, *AFFINE, *job)
    assert all(f.shape[1] == f.shape[2] for _, f in even)
    uneven = pairs(8, *AFFINE, *job, "--scale-difference", 0.5)
    assert sum(f.shape[1] != f.shape[2] for _, f in uneven) > 4


def test_shear(pairs, photo):
    job = ("--father-scale", 1, 1, "--no-crop")
    whole = images.read(photo).pixels
    straight = pairs(4, *AFFINE, *job)
    assert all(np.abs(f[0] - whole).max() < 1e-5 for _, f in straight)
    slanted = pairs(4, *AFFINE, *job, "--shear", 0.3)
    assert all(np.abs(f[0] - whole).max() > 0.1 for _, f in slanted)


def test_blend(pairs, photo):
    job = ("--as-is", 1, "--no-interpolation", 0, "--crop-size", 12)
    whole = images.read(photo).pixels
    crops = {c.tobytes() for c in _crops(whole, 12)}

    def strangers(*blend):
        drawn = pairs(10, *job, *blend)
        return sum(f[0].tobytes() not in crops for _, f in drawn)

    assert strangers() == 0
    assert strangers("--blend", 1) == 10


def _crops(image, side):
    ends = [range(n - side + 1) for n in image.shape[:2]]
    return [image[y : y + side, x : x + side] for y in ends[0] for x in ends[1]]


def test_swap_colours(pairs, photo):
    job = (*TURNED, "--no-flip", "--no-crop")
    whole = images.read(photo).pixels
    swapped = pairs(12, *job, "--swap-colours", 1)
    others = [f[0] for _, f in swapped if not np.array_equal(f[0], whole)]
    assert len(others) > 6
    for other in others:
        np.testing.assert_array_equal(np.sort(other), np.sort(whole))


def test_crop_size_and_batch_size(pairs):
    drawn = pairs(12, "--crop-size", 8, 16, 40, "--batch-size", 3)
    shapes = {sons.shape for sons, _ in drawn}
    assert shapes == {(3, n, n, 3) for n in (8, 16, 40)}
    assert {fathers.shape for _, fathers in drawn} == shapes


def test_no_crop(pairs):
    (sons, fathers), *_ = pairs(1, *TURNED, "--no-crop")
    assert sons.shape == fathers.shape == (1, 24, 24, 3)


def test_candidates(pairs, tmp_path):
    half = scene(64, 64)
    half[:, 20:] = 0.5
    image = save(tmp_path / "half.png", half)
    few, many = (
        np.mean([f.std() for _, f in pairs(
            10, *TURNED, "--candidates", n, image=image)])
        for n in (1, 12)
    )  # fmt: skip
    assert many > 1.5 * few


def test_degradation(pairs, prepared, refused_line, photo):
    job = ("--batch-size", 1, "--crop-size", 24, *TURNED, "--no-flip")
    clean, nearest = (
        pairs(2, *job, "--degradation", spec) for spec in ("bicubic", "nearest")
    )
    for (son, father), (other, same) in zip(clean, nearest, strict=True):
        assert np.array_equal(father, same)
        small = parse("nearest").apply(father[0], 2)
        expected = resize.imresize(small, 2.0)
        assert np.abs(other[0] - son[0]).max() > 0.01
        np.testing.assert_allclose(other[0], expected, atol=1e-5)
    assert prepared("--degradation", "nearest").finishing.back_projection == 0
    job = ("--degradation", "bicubik")
    assert "has no step 'bicubik'" in refused_line(*job)
    kernel = photo.parent / "k.npy"
    np.save(kernel, np.ones((3, 3)) / 9)
    job = ("--degradation", "nearest", "--kernel", kernel)
    assert "two answers to one question" in refused_line(*job)


def test_noise_std(pairs, prepared):
    job = ("--batch-size", 1, "--crop-size", 24, *TURNED, "--no-flip")
    clean, noisy = (pairs(6, *job, "--noise-std", levels) for levels in (0, 30))
    differences = []
    for (son, father), (noisy_son, same) in zip(clean, noisy, strict=True):
        assert np.array_equal(father, same)
        # Half the size again: that is where the noise was put.
        differences.append((noisy_son - son)[0, ::2, ::2])
    spread = np.std(differences) * 255
    assert 15 < spread < 35  # interpolation evens some of it out
    # Back-projection would bring the noise back, unless it is asked for.
    assert prepared("--noise-std", 30).finishing.back_projection == 0
    asked = prepared("--noise-std", 30, "--back-projection", 3)
    assert asked.finishing.back_projection == 3


def kernels():
    box = np.ones((9, 9)) / 81
    line = np.zeros((5, 5))
    line[2] = 0.2
    corner = np.zeros((5, 5))
    corner[2, 2] = corner[1, 3] = corner[0, 3] = 1 / 3
    return {"box": (box, 8), "line": (line, 4), "corner": (corner, 1)}


@pytest.mark.parametrize("name, suffix", [
    ("box", "npy"), ("box", "mat"), ("line", "npy"), ("corner", "npy"),
])  # fmt: skip
def test_kernel(prepared, tmp_path, photo, name, suffix):
    from scipy import io

    kernel, views = kernels()[name]
    path = tmp_path / f"kernel.{suffix}"
    if suffix == "npy":
        np.save(path, kernel)
    else:
        io.savemat(path, {"Kernel": kernel})
    work = prepared("--kernel", path, *TURNED, "--no-crop")
    assert f", {views} view" in work.plan()
    whole = images.read(photo).pixels
    seen = set()
    for sons, fathers in work.zero_shot.pairs().take(40).as_numpy_iterator():
        father = np.ascontiguousarray(fathers[0])
        son = resize.imresize(father, (0.5, 0.5), kernel=kernel)
        expected = resize.imresize(son, (2, 2), size=father.shape[:2])
        np.testing.assert_allclose(sons[0], expected, atol=1e-5)
        turn = [
            (k, flip)
            for k in range(4)
            for flip in (1, -1)
            if np.array_equal(np.rot90(whole[:, ::flip], k), father)
        ]
        seen.update(turn)
    assert len(seen) == views


def test_kernel_is_that_of_back_projection(wild, tmp_path, photo):
    kernel, _ = kernels()["box"]
    np.save(tmp_path / "kernel.npy", kernel)
    work = wild("--kernel", tmp_path / "kernel.npy", "--fusion", "none",
                "--back-projection", 30)  # fmt: skip
    whole = images.read(photo).pixels
    found = result(work)["fused"]
    back = resize.imresize(found, (0.5, 0.5), kernel=kernel)
    other = resize.imresize(found, (0.5, 0.5))
    assert np.abs(back - whole).mean() < 0.5 * np.abs(other - whole).mean()


def test_save_augmentations_are_the_pairs(train, photo, pairs):
    train("--image", photo, "--scale", 2, "--save-augmentations", 2,
          "--output", "out")  # fmt: skip
    for i, (sons, fathers) in enumerate(pairs(2)):
        both = np.concatenate([sons[0], fathers[0]], 1).clip(0, 1)
        stored = images.read(f"out/augmentation_00{i}.png").pixels
        assert np.abs(stored - both).max() < 0.51 / 255


# --- how it learns -----------------------------------------------------------


def test_precision(trained):
    """The same batches; bfloat16 has three digits."""
    exact, rough = (
        trained("--precision", name).losses[0]
        for name in ("float32", "bfloat16")
    )
    assert rough != exact
    assert rough == pytest.approx(exact, rel=0.02)


@pytest.mark.slow
def test_luma_weight(trained):
    """A seed gives the same batches, of which luma sees less."""
    weights = (0, 0.5, 1)
    plain, half, luma = (
        trained("--luma-weight", w, "--loss", "l1").losses[0] for w in weights
    )
    assert plain > half > luma
    assert half == pytest.approx((plain + luma) / 2, rel=1e-4)


def test_loss(trained):
    first = {
        name: trained("--loss", name).losses[0]
        for name in ("l1", "l2", "charbonnier")
    }
    assert 0 < first["charbonnier"] - first["l1"] < 1e-3
    assert first["l2"] < 0.5 * first["l1"]


def test_optimizer_and_beta1(prepared):
    job = ("--beta1", 0.7)
    muon, adam = (
        prepared("--optimizer", name, *job).zero_shot.trainer.optimizer
        for name in ("muon", "adam")
    )
    assert type(muon).__name__ == "ConvMuon"
    assert type(adam).__name__ == "Adam"
    assert muon.momentum == adam.beta_1 == 0.7


def test_beta1_changes_the_steps(trained):
    weights = [
        trained("--beta1", b, "--max-steps", 3).network.get_weights()
        for b in (0.5, 0.9)
    ]
    assert not np.array_equal(weights[0][0], weights[1][0])


@pytest.mark.parametrize("name", ["official", "step", "cosine", "cyclic"])
def test_schedule_learning_rate_and_max_steps(trained, name):
    rate = 2e-3 if name == "cosine" else 1e-3
    run = trained("--schedule", name, "--learning-rate", rate,
                  "--max-steps", 12)  # fmt: skip
    assert run.step == len(run.rates) == 12
    parts = np.divide(run.rates, rate)
    assert parts.max() <= 1 + 1e-6
    if name == "official":  # which has seen no errors yet
        np.testing.assert_allclose(parts, 1, rtol=1e-6)
    if name == "step":  # the seed's five halvings
        halvings = [0.5 ** (i // 2) for i in range(12)]
        np.testing.assert_allclose(parts, halvings, rtol=1e-6)
    if name == "cosine":
        assert parts[-1] < 0.05
        assert (np.diff(parts[1:]) < 0).all()
    if name == "cyclic":
        rises = np.diff(parts) > 0
        assert sum(rises[1:] != rises[:-1]) > 4  # up and down again


def test_scaling_steps(trained):
    run = trained("--scaling-steps", 2, "--max-steps", 4, "--scale", "2x3")
    (_, (y, x)) = run.sources[-1]
    assert len(run.sources) == 2
    assert 1 < y < 3
    assert 1 < x < 2
    six = trained("--scaling-steps", 6, "--max-steps", 6)
    assert len(six.sources) == 6
    # One axis ahead of the other, now and then.
    assert sum(y != x for _, (y, x) in six.sources) >= 2


def test_seed(prepared):
    first, same, other = (
        prepared("--seed", n, "--noise-std", 5).zero_shot for n in (1, 1, 2)
    )
    draw = [
        next(run.pairs().as_numpy_iterator())[0] for run in (first, same, other)
    ]
    assert np.array_equal(draw[0], draw[1])
    assert not np.array_equal(draw[0], draw[2])
    weights = [r.network.get_weights()[0] for r in (first, same, other)]
    assert np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


@pytest.mark.parametrize("name", ["default", "fast", "paper", "seed"])
def test_recipe(prepared, name):
    from sr_keras import models

    work = prepared("--recipe", name, "--beta1", 0.77, small=())
    found = work.settings.to_dict()
    for group, fields in models.recipe("zssr", name).items():
        for field, value in fields.items():
            assert found[group][field] == value
    assert found["learning"]["beta1"] == 0.77
    if name == "seed":
        assert work.zero_shot.network.count_params() == 188_247
        assert found["augmentation"]["crop_sizes"] == (96,)
        assert found["learning"]["max_steps"] == 1500
        assert found["learning"]["schedule"] == "step"
        assert found["augmentation"]["father_scale"] == (0.4, 0.95)
    if name == "paper":
        assert found["learning"]["schedule"] == "official"


# --- how the result is made --------------------------------------------------


@pytest.mark.parametrize(
    "name, output", [("median", "median"), ("mean", "mean"), ("none", "single")]
)
def test_fusion(wild, name, output):
    found = result(wild("--fusion", name), "single", "mean", "median")
    for view in ("single", "mean", "median"):
        same = np.array_equal(found["fused"], found[view])
        assert same == (view == output)


def test_back_projection(wild, photo):
    whole = images.read(photo).pixels
    errors = []
    for rounds in (0, 1, 4):
        found = result(wild("--back-projection", rounds, "--no-keep-colours"))
        back = resize.imresize(found["fused"], (0.5, 0.5))
        errors.append(np.abs(back - whole).mean())
    assert errors[0] > 2 * errors[1] > 4 * errors[2]


def test_tile(wild):
    seen = []
    for arguments in ((), ("--tile", 16)):
        work = wild("--fusion", "none", *arguments)
        totals = []
        found = work.zero_shot.result(
            finish=work.finishing,
            report=lambda done, total, totals=totals: totals.append(total),
        )
        seen.append((totals[0], found["fused"]))
    assert seen[0][0] == 1
    assert seen[1][0] == 4
    assert np.abs(seen[0][1] - seen[1][1]).max() < 1e-4


def test_keep_colours(wild, tmp_path):
    half = scene(24, 24)
    half[:, 12:] = half[:, 12:, :1]  # grey
    image = save(tmp_path / "half.png", half)
    kept, free = (
        result(wild(flag, image=image))["fused"][:, 30:]
        for flag in ("--keep-colours", "--no-keep-colours")
    )
    assert np.ptp(kept, axis=-1).max() < 1e-5
    assert np.ptp(free, axis=-1).max() > 0.01


# --- files -------------------------------------------------------------------


def test_crop(prepared, photo):
    work = prepared("--crop", "2,3,12,16")
    whole = images.read(photo).pixels
    assert np.array_equal(work.zero_shot.image, whole[3:19, 2:14])
    assert work.photo.size == (32, 24)


def test_crop_of_the_ground_truth(prepared, tmp_path):
    truth = scene(48, 48)
    job = ("--crop", "2,3,12,16", "--ground-truth")
    whole = save(tmp_path / "whole.png", truth)
    part = save(tmp_path / "part.png", truth[6:38, 4:28])
    found = [
        prepared(*job, path).photo.references["ground_truth"]
        for path in (whole, part)
    ]
    assert np.array_equal(*found)
    assert found[0].shape == (32, 24, 3)


@pytest.mark.parametrize("flag", ["--scale", "--sr-factor"])
def test_scale_has_two_names(prepared, flag):
    assert prepared(flag, "1.5x2.5", "--scale", "1.5x2.5").photo.scale == (
        2.5,
        1.5,
    )
