"""The contract that every network must pass, written once.

A network's test is a subclass that says which network, and is data otherwise:

    class TestFoo(NetworkContract):
        name = "foo"
        parameters = 1_234_567
        small = {"num_filters": 4, "num_blocks": 1}
"""

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from sr_keras import models
from sr_keras.inference import precision
from sr_keras.models.summary import costs

ROOT = Path(__file__).resolve().parents[2]

SIZES = ((1, 1), (1, 6), (5, 1), (2, 2), (7, 3), (11, 8))


def picture(height, width, channels=3, seed=0):
    """Random pixels, (height, width, channels) float32 in [0, 1]."""
    rng = np.random.default_rng(seed)
    return rng.random((height, width, channels), dtype="float32")


def smooth(height, width, channels=3):
    """A picture with edges and gradients that is no noise."""
    y, x = np.mgrid[:height, :width] / 7.0
    waves = [np.sin(x * (k + 1)) * np.cos(y + k) for k in range(channels)]
    image = 0.5 + 0.4 * np.stack(waves, axis=-1)
    image[height // 3 : height // 2, width // 4 : width // 2] = 0.9
    return image.astype("float32")


def blocks(height, width, seed=0):
    """A picture of coloured rectangles: sharp edges that can be learned."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), 0.5, "float32")
    for _ in range(40):
        y, x = rng.integers(height), rng.integers(width)
        h, w = rng.integers(4, 16, 2)
        image[y : y + h, x : x + w] = rng.random(3)
    return image


def randomized(network, seed=0):
    """Give a network weights that are nobody's initial ones, and return it.

    Every variable matters then: no bias is zero and no last layer silent.
    """
    rng = np.random.default_rng(seed)
    for variable in network.weights:
        fan_in = max(np.prod(variable.shape[:-1]), 1)
        values = rng.normal(size=variable.shape) * (1.5 / fan_in) ** 0.5
        if fan_in == 1:
            values = rng.normal(size=variable.shape) * 0.05
        if variable.name in ("gamma", "moving_variance"):
            values += 1
        variable.assign(values.astype("float32"))
    return network


def felt(network, channels, size=61):
    """How far from an input pixel the output changes, None: to the border.

    It asks the other way round, which input pixels matter to the output of
    one: the gradient. Positive weights and pixels silence nothing.
    """
    import tensorflow as tf

    kept = network.get_weights()
    rng = np.random.default_rng(1)
    for variable in network.weights:
        fan_in = max(np.prod(variable.shape[:-1]), 1)
        values = rng.uniform(0.5, 1.5, variable.shape) / max(fan_in, 10)
        if variable.name in ("gamma", "moving_variance"):
            values += 1
        variable.assign(values.astype("float32"))
    scale = 1 if network.refiner else network.scale
    middle = slice(size // 2 * scale, (size // 2 + 1) * scale)
    images = tf.constant(0.5 + picture(size, size, channels)[None])
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(network(images)[:, middle, middle])
    network.set_weights(kept)
    seen = np.abs(tape.gradient(total, images)[0]).max(-1) > 0
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    ends = {abs(x - size // 2) for y in (rows, columns) for x in (y[0], y[-1])}
    reach = max(ends)
    return None if reach == size // 2 else reach


def run_python(code, *arguments, backend=None, check=True):
    """Run code in a process of its own, as a user would."""
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    env["PYTHONPATH"] = os.pathsep.join(
        [str(ROOT), *filter(None, [env.get("PYTHONPATH")])]
    )
    if backend:
        env["KERAS_BACKEND"] = backend
    result = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=env,
        capture_output=True,
        text=True,
    )
    if check and result.returncode:
        pytest.fail(result.stderr[-2000:])
    return result


def needs_backend(backend):
    """Skip where a backend of Keras is not installed."""
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")


def rewritten(path, change, member="config.json"):
    """A copy of an artifact with one member changed."""
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    members[member] = change(members[member])
    copy = path.with_name("changed.keras")
    with zipfile.ZipFile(copy, "w") as new:
        for name, content in members.items():
            new.writestr(name, content)
    return copy


def data_folder(*parts):
    """A folder of the data that is not in the repository, or skip."""
    root = os.environ.get("SR_KERAS_DATA")
    if not root:
        pytest.skip("set SR_KERAS_DATA to the folder with benchmark/Set5")
    folder = Path(root, *parts)
    if not folder.is_dir():
        pytest.skip(f"there is no {folder}")
    return folder


# For tests that compute in bfloat16 or float16, whatever the processor.
NEEDS_16_BITS = pytest.mark.skipif(
    precision.limit() in precision._NONE,
    reason="ONEDNN_MAX_CPU_ISA leaves oneDNN no format of 16 bits",
)


def random_kernels(network):
    """The kernels of a network that an initializer with a seed has drawn."""
    return [
        keras.ops.convert_to_numpy(layer.kernel)
        for layer in network._flatten_layers(include_self=False)
        if hasattr(getattr(layer, "kernel_initializer", None), "seed")
    ]


class NetworkContract:
    """What a network has to be able to do.

    Attributes:
        name: str, its name in `models.list_models()`.
        parameters: int, with its default arguments.
        small: dict, arguments that make it quick.
        scale: int.
        channels: int, of its input.
        tolerance: float, how far eager and graph may differ.
        recipes: sequence of str, those it must have.

    What takes a process of its own, test_all_models.py tests for all networks
    at once.
    """

    name: str
    parameters: int
    small: dict = {}
    scale = 2
    channels = 3
    tolerance = 1e-5
    recipes = ("default", "paper")

    # Building and compiling it takes longer than running it.
    @pytest.fixture(scope="class")
    def network(self):
        return randomized(models.build(self.name, self.scale, **self.small))

    def pictures(self, height, width, count=1, seed=0):
        return np.stack(
            [
                picture(height, width, self.channels, seed + i)
                for i in range(count)
            ]
        )

    def test_is_listed_and_described(self):
        assert self.name in models.list_models()
        assert models.describe(self.name)

    def test_parameter_count(self):
        network = models.build(self.name, self.scale)
        assert network.count_params() == self.parameters

    def test_first_weights_are_those_of_the_seed(self):
        drawn = []
        for seed in (1, 2, 1):
            keras.utils.set_random_seed(seed)
            drawn.append(models.build(self.name, self.scale, **self.small))
        one, other, again = (random_kernels(network) for network in drawn)
        for a, b, c in zip(one, other, again, strict=True):
            np.testing.assert_array_equal(a, c)
            assert not np.array_equal(a, b)

    def test_knows_its_scale(self, network):
        assert network.scale == self.scale
        assert network.get_config()["scale"] == self.scale

    @pytest.mark.parametrize(("height", "width"), SIZES)
    def test_any_size(self, network, height, width):
        images = self.pictures(height, width)
        result = keras.ops.convert_to_numpy(network(images))
        expected = (1, height * self.scale, width * self.scale, self.channels)
        assert result.shape == expected
        assert result.dtype == np.float32
        assert np.isfinite(result).all()

    def test_eager_graph_and_predict_agree(self, network):
        import tensorflow as tf

        graph = tf.function(
            network,
            input_signature=[
                tf.TensorSpec((None, None, None, self.channels), tf.float32)
            ],
        )
        for height, width in ((6, 9), (5, 4)):
            images = self.pictures(height, width, 2)
            eager = np.asarray(network(images))
            close = {"rtol": 0, "atol": self.tolerance}
            np.testing.assert_allclose(graph(images), eager, **close)
            predicted = network.predict(images, verbose=0)
            np.testing.assert_allclose(predicted, eager, **close)

    def test_a_batch_is_its_images(self, network):
        images = self.pictures(6, 7, 3)
        batch = np.asarray(network(images))
        for i in range(3):
            one = np.asarray(network(images[i : i + 1]))[0]
            np.testing.assert_allclose(
                batch[i], one, rtol=0, atol=self.tolerance
            )

    def test_every_weight_learns(self, network):
        import tensorflow as tf

        images = self.pictures(18, 18, 2)
        learner = _parts(network)[-1].learner
        with tf.GradientTape() as tape:
            results = learner(images, training=True)
            loss = sum(
                tf.reduce_mean((result - 0.5) ** 2)
                for result in tf.nest.flatten(results)
            )
        weights = learner.trainable_variables
        for weight, gradient in zip(
            weights, tape.gradient(loss, weights), strict=True
        ):
            assert gradient is not None, f"{weight.path} is not used"
            assert np.abs(gradient).max() > 0, f"{weight.path} is cut off"
            assert np.isfinite(gradient).all(), weight.path

    @pytest.mark.parametrize("level", [0.0, 1.0, "noise"])
    def test_finite_on_extremes(self, network, level):
        images = self.pictures(9, 9)
        if level != "noise":
            images = np.full_like(images, level)
        result = np.asarray(network(images))
        assert np.isfinite(result).all()
        # Nothing explodes: [0, 1] in, the same magnitude out.
        assert np.abs(result).max() < 20

    def test_input_is_not_changed(self, network):
        images = self.pictures(5, 5)
        before = images.copy()
        network.predict(images, verbose=0)
        np.testing.assert_array_equal(images, before)

    def test_configuration_round_trip(self, network):
        config = network.get_config()
        again = type(network).from_config(config)
        again.set_weights(network.get_weights())
        images = self.pictures(6, 5)
        np.testing.assert_array_equal(network(images), again(images))

    def test_reach_is_how_far_a_pixel_is_felt(self, network):
        for part in _parts(network):
            assert part.reach == felt(part, self.channels)

    def test_every_kernel_is_counted(self, network):
        counted = costs(network, 8, 8)
        assert all(count > 0 for _, count in counted)
        seen = {id(layer.kernel) for layer, _ in counted}
        kernels = {id(w) for w in network.weights if w.name == "kernel"}
        assert seen == kernels

    def test_the_learner_is_the_network(self, network):
        bare = _parts(network)[-1]
        learner = bare.learner
        own = {id(x) for x in bare.trainable_variables}
        assert {id(x) for x in learner.trainable_variables} == own
        assert bare.learner is learner
        images = self.pictures(24, 25)
        results = learner(images)
        if not isinstance(results, list | tuple):
            results = [results]
        widths = [x.shape[2] for x in results]
        assert widths == sorted(widths)
        last = np.asarray(results[-1])
        whole = np.asarray(bare(images))
        border = (whole.shape[1] - last.shape[1]) // 2
        inside = slice(border, -border or None)
        np.testing.assert_allclose(
            whole[:, inside, inside], last, rtol=0, atol=self.tolerance
        )

    def test_names_the_scales_that_it_has(self):
        cls, _ = models.network_class(self.name)
        if cls.scales is None:
            pytest.skip("it has any")
        assert self.scale in cls.scales
        known = ", ".join(map(str, cls.scales))
        for build in (models.build, models.build_bare):
            with pytest.raises(ValueError, match=f"{self.name}.* 7: .*{known}"):
                build(self.name, 7, **self.small)

    def test_refuses_what_it_does_not_know(self):
        with pytest.raises(ValueError, match=f"{self.name}.*nonsense"):
            models.build(self.name, self.scale, **self.small, nonsense=1)

    def test_recipes_fit_the_network(self):
        for which in self.recipes:
            recipe = models.recipe(self.name, which)
            arguments = {**self.small, **recipe.get("network", {})}
            models.build_bare(self.name, self.scale, **arguments)
            assert recipe["learning"]["learning_rate"] > 0


def _parts(network):
    """The network, and the bare refiner where it is one in its shell."""
    inner = getattr(network, "network", None)
    return [network] if inner is None else [network, inner]
