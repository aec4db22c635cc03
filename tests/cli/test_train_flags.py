"""Flags of `train`, and that every one of them has a test.

Those for what a network learns from are tested in test_flags_of_pairs, those
for how a result is made in test_flags_of_results; those for files, sizes,
interruptions and folders in test_outputs, test_bad_input, test_signals and
test_batch.
"""

import argparse
import json

import numpy as np
import pytest
from checks import NEEDS_16_BITS, ROOT
from cli_runs import save, scene

from sr_keras.cli import train as command_of_train
from sr_keras.imaging import images
from sr_keras.training import flags

pytestmark = [
    pytest.mark.usefixtures("quick_plots"),
    pytest.mark.filterwarnings("error::UserWarning", "error::RuntimeWarning"),
]


def test_no_flag_is_without_a_test():
    """A new one has to be added here or in one of the other files."""
    parser = argparse.ArgumentParser()
    command_of_train.add_arguments(parser)
    names = {n for a in parser._actions for n in a.option_strings}
    # A switch is tested by turning it; -h by test_cli.
    switched = {n for n in names if f"--no-{n[2:]}" in names} | {"-h"}
    texts = " ".join(
        path.read_text() for path in (ROOT / "tests").rglob("test_*.py")
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


def test_network_of_the_paper_and_of_the_article(prepared):
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


@NEEDS_16_BITS
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


@pytest.mark.parametrize(
    "name", ["official", "step", "cosine", "cyclic", "triangular"]
)
def test_schedule_learning_rate_and_max_steps(trained, name):
    rate = 2e-3 if name == "cosine" else 1e-3
    run = trained("--schedule", name, "--learning-rate", rate,
                  "--max-steps", 12)  # fmt: skip
    assert run.step == len(run.rates) == 12
    parts = np.divide(run.rates, rate)
    assert parts.max() <= 1 + 1e-6
    if name == "official":  # which has seen no errors yet
        np.testing.assert_allclose(parts, 1, rtol=1e-6)
    if name in ("step", "cyclic"):  # the same where there is one scale
        halvings = [0.5 ** (i * 5 // 12) for i in range(12)]
        np.testing.assert_allclose(parts, halvings, rtol=1e-6)
    if name == "cosine":
        assert parts[-1] < 0.05
        assert (np.diff(parts[1:]) < 0).all()
    if name == "triangular":
        rises = np.diff(parts) > 0
        assert sum(rises[1:] != rises[:-1]) > 4  # up and down again


@pytest.mark.slow
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


def test_result_at(trained):
    job = ("--max-steps", 4, "--recipe", "default")
    assert len(trained(*job, "--result-at", 0.3, 0.6).sources) == 2
    assert len(trained(*job, "--no-result-at").sources) == 1


def test_no_result_on_the_way_where_there_is_no_time(prepared):
    job = ("--result-at", 0.5, "--time-budget")
    for seconds, expected in ((1000, (0.5,)), (0.01, ())):
        run = prepared(*job, seconds).zero_shot
        assert run.learning.result_at == expected


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


@pytest.mark.parametrize("name", ["default", "fast", "paper", "article"])
def test_recipe(prepared, name):
    from sr_keras import models

    work = prepared("--recipe", name, "--beta1", 0.77, small=())
    found = work.settings.to_dict()
    for group, fields in models.recipe("zssr", name).items():
        for field, value in fields.items():
            assert found[group][field] == value
    assert found["learning"]["beta1"] == 0.77
    if name == "article":
        assert work.zero_shot.network.count_params() == 188_247
        assert found["augmentation"]["crop_sizes"] == (96,)
        assert found["learning"]["max_steps"] == 1500
        assert found["learning"]["schedule"] == "step"
        assert found["augmentation"]["father_scale"] == (0.4, 0.95)
        assert found["augmentation"]["order"] == "up"
        assert found["augmentation"]["noise_on"] == "interpolated"
        assert found["finish"]["back_projection"] == 0
    if name == "paper":
        assert found["learning"]["schedule"] == "official"
        assert found["augmentation"]["view"] == "warp"
        assert found["finish"]["back_projection"] == 10
        assert not work.zero_shot.network.get_layer("conv1").use_bias
    if name in ("paper", "article"):  # neither averages, nor keeps colours
        assert not work.zero_shot.trainer.optimizer.use_ema
        assert not found["finish"]["keep_colours"]


def test_an_older_config_repeats_what_it_said(prepared, tmp_path):
    """What came after it has the value of its day, not the recipe's."""
    network = {"num_layers": 3, "num_filters": 8, "first_filters": None,
               "kernel_size": 3, "activation": "relu"}  # fmt: skip
    old = {
        "recipe": "paper", "version": "0.1.0", "network": network,
        "augmentation": {"as_is": 0.1}, "finish": {"fusion": "median"},
        "learning": {
            "optimizer": "adam", "schedule": "cyclic", "max_steps": 2,
        },
    }  # fmt: skip
    path = tmp_path / "config.json"
    path.write_text(json.dumps(old))
    work = prepared("--config", path, small=())
    found = work.settings
    assert work.zero_shot.network.get_layer("conv1").use_bias
    assert found.augmentation.view == "antialiased"
    assert not found.augmentation.clip_sons
    assert found.learning.ema == 0.98
    assert found.learning.schedule == "triangular"
    assert not found.finish.clip_views
    # One that says all of it is left as it is.
    path.write_text(json.dumps({**old, **found.to_dict()}))
    assert prepared("--config", path, small=()).settings == found


def test_ema(prepared):
    for value in (0.0, 0.9):
        optimizer = prepared("--ema", value).zero_shot.trainer.optimizer
        assert optimizer.use_ema == bool(value)
    assert optimizer.ema_momentum == 0.9


def test_the_former_name_of_a_recipe(prepared, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"recipe": "seed"}))
    found = prepared("--config", path, small=())
    assert found.photo.job["recipe"] == "article"
    assert found.settings.learning.max_steps == 1500


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
