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
from pathlib import Path

import keras
import numpy as np
import pytest

from sr_keras import artifact, models

ROOT = Path(__file__).resolve().parents[1]

# Loads artifacts and runs them, in a process that knows nothing else.
_FRESH = """
import os, sys
import numpy as np
import sr_keras
images = np.load(sys.argv[1])
for path in sys.argv[2:]:
    network = sr_keras.load(path)
    result = network.predict(images, verbose=0)
    np.savez(path + ".npz", result=result, scale=network.scale,
             about=network.about["note"])
backend = os.environ.get("KERAS_BACKEND", "tensorflow")
assert backend == "tensorflow" or "tensorflow" not in sys.modules, (
    "a network imports TensorFlow"
)
"""

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
        if len(variable.shape) == 1:
            values = rng.normal(size=variable.shape) * 0.05
        variable.assign(values.astype("float32"))
    return network


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


def data_folder(*parts):
    """A folder of the data that is not in the repository, or skip."""
    root = os.environ.get("SR_KERAS_DATA")
    if not root:
        pytest.skip("set SR_KERAS_DATA to the folder with benchmark/Set5")
    folder = Path(root, *parts)
    if not folder.is_dir():
        pytest.skip(f"there is no {folder}")
    return folder


class NetworkContract:
    """What a network has to be able to do.

    Attributes:
        name: str, its name in `models.list_models()`.
        parameters: int, with its default arguments.
        small: dict, arguments that make it quick.
        scale: int.
        channels: int, of its input.
        tolerance: float, how far eager, graph and backends may differ.
    """

    name: str
    parameters: int
    small: dict = {}
    scale = 2
    channels = 3
    tolerance = 1e-5

    @pytest.fixture
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

        images = self.pictures(12, 12, 2)
        target = self.pictures(12 * self.scale, 12 * self.scale, 2, seed=9)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(
                (network(images, training=True) - target) ** 2
            )
        weights = network.trainable_variables
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

    def test_loads_in_a_fresh_process(self, network, tmp_path):
        self._compare_elsewhere(network, tmp_path, None)

    @pytest.mark.slow
    @pytest.mark.parametrize("backend", ["jax", "torch"])
    def test_other_backends_agree(self, network, tmp_path, backend):
        needs_backend(backend)
        self._compare_elsewhere(network, tmp_path, backend)

    def _compare_elsewhere(self, network, folder, backend):
        """Save it, and the bare refiner in it; load and run them elsewhere."""
        parts = {"whole.keras": network}
        if hasattr(network, "network"):
            parts["bare.keras"] = network.network
        images = self.pictures(6, 7, 2)
        np.save(folder / "images.npy", images)
        for file, part in parts.items():
            artifact.save(part, folder / file, note="kept")
        paths = [folder / file for file in parts]
        run_python(_FRESH, folder / "images.npy", *paths, backend=backend)
        atol = 1e-4 if backend else 0
        for path, part in zip(paths, parts.values(), strict=True):
            there = np.load(f"{path}.npz")
            assert there["scale"] == self.scale
            assert there["about"] == "kept"
            here = part.predict(images, verbose=0)
            np.testing.assert_allclose(there["result"], here, rtol=0, atol=atol)
