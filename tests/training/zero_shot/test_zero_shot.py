import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from checks import ROOT, blocks, data_folder, picture, run_python, smooth
from zero_shot_runs import (
    IMAGE,
    assert_same,
    averages,
    differ,
    run_of,
    trained,
    weights_of,
)

from sr_keras import models
from sr_keras.evaluation import metrics
from sr_keras.imaging.resize import imresize, output_size
from sr_keras.inference.refine import Finish
from sr_keras.models.zssr import ZSSR
from sr_keras.training.zero_shot import trainer
from sr_keras.training.zero_shot.settings import Learning
from sr_keras.training.zero_shot.trainer import (
    OPTIMIZERS,
    ZeroShotTrainer,
    optimizer_of,
)

BLOCKS = blocks(48, 44)


@pytest.fixture(scope="module")
def learned():
    """One run that is long enough to have learned something."""
    augmentation = {
        "crop_sizes": (16,),
        "father_scale": (0.6, 1.0),
        "as_is": 0.2,
        "no_interpolation": 0.6,
    }
    keras.utils.set_random_seed(1)
    network = ZSSR(num_layers=3, num_filters=16)
    return trained(
        image=BLOCKS,
        network=network,
        augmentation=augmentation,
        max_steps=200,
        batch_size=4,
        optimizer="adam",
        learning_rate=2e-3,
        schedule="cosine",
    )


def test_training_reduces_the_loss(learned):
    assert len(learned.losses) == len(learned.rates) == learned.step == 200
    # Crops differ more than the network's progress: many of them are needed.
    assert np.mean(learned.losses[-50:]) < 0.97 * np.mean(learned.losses[:50])
    assert learned.interruption is None


def test_reconstruction_is_followed_every_50_steps(learned):
    assert [step for step, _ in learned.history] == [50, 100, 150, 200]
    blurred = imresize(imresize(BLOCKS, 0.5), 2)
    errors = [np.mean((np.clip(blurred, 0, 1) - BLOCKS) ** 2)]
    errors += [error for _, error in learned.history]
    assert errors[-1] < 0.93 * errors[0]
    assert (np.diff(errors) < 0).all()


def test_it_beats_the_interpolation_it_started_from(learned):
    result = learned.result(("fused", "interpolated"))
    assert result["fused"].shape == (96, 88, 3)
    np.testing.assert_allclose(
        result["interpolated"], imresize(BLOCKS, 2), rtol=0, atol=1e-6
    )
    # Judged where the answer is known: the image from its half.
    known = run_of(imresize(BLOCKS, 0.5), network=learned.network)
    known = known.result(("fused", "interpolated"))
    better, start = (
        np.mean((np.clip(known[name], 0, 1) - BLOCKS) ** 2)
        for name in ("fused", "interpolated")
    )
    assert better < 0.9 * start


def test_the_rate_follows_the_schedule(learned):
    rates = np.array(learned.rates)
    assert rates.max() == pytest.approx(2e-3, rel=0.02)
    assert rates[-1] < 0.02 * rates.max()
    halving = trained(schedule="step", max_steps=12, learning_rate=1e-3).rates
    fifths = np.arange(12) * 5 // 12
    np.testing.assert_allclose(halving, 1e-3 * 0.5**fifths)


@pytest.mark.parametrize(
    ("schedule", "halvings"),
    [
        ("step", [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]),
        ("cyclic", [0, 1, 2, 3, 4] * 2),
    ],
)
def test_only_cyclic_begins_anew_at_the_next_scale(schedule, halvings):
    rates = trained(
        schedule=schedule, scaling_steps=2, max_steps=10, learning_rate=1e-3
    ).rates
    np.testing.assert_allclose(rates, 1e-3 * 0.5 ** np.array(halvings))


@pytest.mark.parametrize("options", [{}, {"scale": (3, 2)}])
def test_the_same_seed_twice_gives_the_same_bytes(options):
    options["augmentation"] = {"crop_sizes": (8, 16), "noise_std": 5.0}
    first, again = (trained(seed=4, **options) for _ in range(2))
    assert first.losses == again.losses
    assert_same(weights_of(first), weights_of(again))
    one, other = (run.result()["fused"] for run in (first, again))
    assert one.tobytes() == other.tobytes()
    assert differ(weights_of(first), weights_of(trained(seed=5, **options)))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_eager_and_graph_steps_agree(optimizer):
    sons, fathers = (
        np.stack([[picture(8, 8, seed=i)] for i in seeds])
        for seeds in (range(3), range(9, 12))
    )
    batches = tf.data.Dataset.from_tensor_slices((sons, fathers))
    results = []
    for eager in (False, True):
        keras.utils.set_random_seed(0)
        trainer = ZeroShotTrainer(ZSSR(num_layers=3, num_filters=8))
        trainer.compile(
            optimizer_of(Learning(optimizer=optimizer, learning_rate=1e-3)),
            "mae",
            run_eagerly=eager,
            jit_compile=False,
        )
        trainer.fit(batches, verbose=0, shuffle=False)
        results.append(trainer.network.get_weights())
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-4)


def test_a_step_reports_its_own_loss():
    trainer = ZeroShotTrainer(ZSSR(num_layers=2, num_filters=4))
    trainer.compile("sgd", "mse", jit_compile=False)
    for seed in range(3):
        x, y = picture(8, 8, seed=seed), picture(8, 8, seed=seed + 5)
        expected = np.mean((trainer.network(x[None])[0] - y) ** 2)
        logs = trainer.train_step((tf.constant(x[None]), tf.constant(y[None])))
        assert float(logs["loss"]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("optimizer", "loss"),
    [("adam", "l1"), ("adam", "charbonnier"), ("muon", "l2")],
)
def test_every_loss_and_optimizer_learns(optimizer, loss):
    run = run_of(optimizer=optimizer, loss=loss, max_steps=3)
    before = weights_of(run)
    run.train()
    assert np.isfinite(run.losses).all()
    for a, b in zip(before, weights_of(run), strict=True):
        assert np.abs(a - b).max() > 0


def test_weights_are_averaged_at_the_end():
    seen = []
    run = trained(watch=lambda run: seen.append(weights_of(run)))
    assert len(seen) == 6
    for a, b in zip(weights_of(run), averages(seen), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)
    assert differ(weights_of(run), seen[-1])


@pytest.mark.parametrize(("channels", "scale"), [(1, (2, 2)), (4, (1.5, 2.37))])
def test_any_channels_and_factors(channels, scale):
    run = trained(image=smooth(21, 30, channels), scale=scale, max_steps=2)
    got = run.result()["fused"]
    assert got.shape == (*output_size((21, 30), scale), channels)
    assert np.isfinite(got).all()


@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (1, 30)])
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_tiny_images(shape):
    run = trained(image=smooth(*shape), max_steps=60, batch_size=1)
    assert run.result()["fused"].shape == (shape[0] * 2, shape[1] * 2, 3)
    assert np.isfinite(run.history).all()


def test_a_blur_kernel_is_in_the_sons_and_in_the_result():
    kernel = np.outer([0, 1, 2, 3, 2, 1, 0], [0, 1, 2, 3, 2, 1, 0]) / 81
    run = trained(finish=Finish("mean", 2, kernel), max_steps=3)
    sons, fathers = next(iter(run.pairs().as_numpy_iterator()))
    son = imresize(fathers[0], 0.5, kernel=kernel)
    np.testing.assert_allclose(sons[0], imresize(son, 2), rtol=0, atol=1e-6)
    sr = run.result()["fused"]
    error = np.abs(imresize(sr, 0.5, kernel=kernel) - IMAGE).mean()
    plain = np.abs(imresize(sr, 0.5) - IMAGE).mean()
    assert error < plain / 2


def test_the_pairs_are_those_it_trains_on(monkeypatch):
    fed = []
    real = trainer.single_image

    def spy(*args, **options):
        data = real(*args, **options)
        return data.map(
            lambda *pair: tf.numpy_function(
                lambda *p: fed.append(p) or p, pair, [tf.float32] * 2
            )
        ).map(
            lambda a, b: tuple(
                tf.ensure_shape(x, (2, 16, 16, 3)) for x in (a, b)
            )
        )

    run = run_of(max_steps=3)
    expected = list(run.pairs().take(3).as_numpy_iterator())
    later = next(iter(run.pairs(start=2).as_numpy_iterator()))
    monkeypatch.setattr(trainer, "single_image", spy)
    run.train()
    assert fed
    for pair, same in zip(expected, fed, strict=False):
        assert_same(pair, same)
    assert_same(later, expected[2])


def test_no_pair_is_met_twice(monkeypatch):
    """A later scale goes on counting where the one before has ended."""
    starts, real = [], trainer.single_image

    def spy(*args, **options):
        starts.append(options["start"])
        return real(*args, **options)

    monkeypatch.setattr(trainer, "single_image", spy)
    trained(scaling_steps=2, finish=Finish("none", 0))
    assert starts == [0, 3]


def test_the_seed_is_that_of_the_pairs():
    first, same, other = (
        next(iter(run_of(seed=seed).pairs().as_numpy_iterator()))
        for seed in (4, 4, 5)
    )
    assert_same(first, same)
    assert differ(first, other)


def test_result_with_another_finish(learned):
    plain = learned.result(finish=Finish("none", 0))["fused"]
    report = []
    both = learned.result(
        ("single", "mean"), report=lambda *numbers: report.append(numbers)
    )
    assert set(both) == {"single", "mean"}
    assert report[-1] == (8, 8)
    assert np.abs(plain - both["mean"]).max() > 1e-4


# In a process of its own, whose end stops tracemalloc: TensorFlow's threads may
# be drawing pairs at that moment, which crashes Python.
PEAK = f"""
import sys, tracemalloc
sys.path.append({str(ROOT / "tests" / "helpers")!r})
import numpy as np
from checks import smooth
from zero_shot_runs import trained
from sr_keras.models.zssr import ZSSR
image = np.tile(smooth(100, 100), (20, 20, 1))
network = ZSSR(num_layers=2, num_filters=4)
trained(network=network, max_steps=1)
tracemalloc.start()
trained(image=image, network=network, max_steps=3)
print(tracemalloc.get_traced_memory()[1] / image.nbytes)
"""


def test_a_large_photo_costs_no_copies():
    """Twelve megapixels are 144 MB in float32, and often all there is."""
    assert 0 < float(run_python(PEAK).stdout) < 0.4


@pytest.mark.parametrize("scale, passes", [((2, 2), 1), ((4, 4), 2)])
def test_results_join_the_sources_in_the_place_of_earlier_ones(scale, passes):
    network = ZSSR(scale, num_layers=2, num_filters=4, passes=passes)
    bases = []

    def watch(run):
        bases.append([base for _, base in run.sources])

    run = trained(
        network=network, scale=scale, watch=watch, max_steps=14,
        result_at=(0.4, 0.8),
    )  # fmt: skip
    assert run.step == len(run.rates) == 14
    first = [[(1, 1)], [(1, 1), (2, 2)]]
    later = [[*first[1], (4, 4)]]
    seen = [key for key, _ in itertools.groupby(bases)]
    assert seen == (first if passes == 1 else first + later)
    assert bases.count(first[0]) == {1: 6, 2: 4}[passes]
    # One schedule over all of the parts, and no step twice.
    whole = trained(network=ZSSR(scale, num_layers=2, num_filters=4,
                    passes=passes), scale=scale, max_steps=14)  # fmt: skip
    np.testing.assert_array_equal(run.rates, whole.rates)
    result, base = run.sources[1]
    assert result.shape == (80, 72, 3)
    assert base == (2, 2)


def test_the_later_result_is_the_better_one_of_a_part_of_the_photo():
    seen = []

    def watch(run):
        seen.append(run.sources[-1][0])

    trained(image=smooth(300, 20), max_steps=9, result_at=(0.3, 0.6),
            watch=watch)  # fmt: skip
    shapes = [image.shape for image in seen]
    assert shapes == [(300, 20, 3)] * 3 + [(512, 40, 3)] * 6
    assert np.array_equal(seen[3], seen[5])
    assert not np.array_equal(seen[3], seen[6])


@pytest.mark.parametrize(
    "shares", [(0.0,), (1.0,), (0.5, 0.5), (0.8, 0.4), (-0.1,)]
)
def test_shares_of_results_rise(shares):
    with pytest.raises(ValueError, match="rising shares between 0 and 1, not"):
        Learning(result_at=shares)


def test_the_official_rule_can_end_it_early():
    run = trained(schedule="official", learning_rate=8e-6, max_steps=50)
    assert run.step == 1
    assert run.rates == [0.0]
    run = trained(schedule="official", learning_rate=8e-6, result_at=(0.1,))
    assert run.step == len(run.sources) == 1


@pytest.mark.slow
def test_it_beats_bicubic_on_a_photo():
    from sr_keras.imaging import images

    folder = data_folder("benchmark", "Set5")
    truth = images.read(next(folder.glob("HR/*butterfly*"))).pixels
    truth = truth[60:188, 60:188]
    lr = np.clip(imresize(truth, 0.5), 0, 1)
    run = trained(
        image=lr,
        network=models.build_bare("zssr", 2, num_layers=6, num_filters=32),
        max_steps=250,
        augmentation={"crop_sizes": (48,)},
        finish=Finish(),
    )
    result = run.result(("fused", "interpolated"))
    scores = {
        name: metrics.score(np.clip(array, 0, 1), truth, 2)["y"]["psnr"]
        for name, array in result.items()
    }
    assert scores["fused"] > scores["interpolated"] + 2
