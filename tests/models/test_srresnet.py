import json

import numpy as np
import pytest
from checks import (
    NetworkContract,
    data_folder,
    picture,
    randomized,
    rewritten,
)

from sr_keras import models
from sr_keras.inference.load import load
from sr_keras.models import artifact
from sr_keras.models.srresnet import SRResNet


class TestSRResNet(NetworkContract):
    name = "srresnet"
    # 4,224 of them are the means and variances of 33 normalisations.
    parameters = 1_404_995
    small = {"num_blocks": 1, "num_filters": 4}


class TestSRResNetx4(NetworkContract):
    name = "srresnet"
    parameters = 1_552_771
    scale = 4
    small = {"num_blocks": 2, "num_filters": 3}


class TestSRResNetx8(NetworkContract):
    name = "srresnet"
    parameters = 1_700_547
    scale = 8
    small = {"num_blocks": 1, "num_filters": 3, "channels": 1}
    channels = 1


class TestSRResNetOfTheArticle(NetworkContract):
    name = "srresnet"
    parameters = 1_552_771
    scale = 4
    small = {
        "num_blocks": 2, "num_filters": 3, "initial_scale": 0.1,
        "initial_gamma": 0.1, "shared_slope": True,
    }  # fmt: skip


def test_first_weights_of_the_article():
    """Kaiming x 0.1, gammas of 0.1, one slope a layer."""
    recipe = models.recipe("srgan", "article")
    network = models.build("srgan", 4, **recipe["network"])
    count = 0
    for layer in network.layers:
        kind = type(layer).__name__
        if kind == "Conv2D":
            kernel = np.asarray(layer.kernel)
            he = np.sqrt(2 / kernel[..., 0].size)
            # 15,552 numbers at least: their deviation is known to 0.6 %.
            assert kernel.std() == pytest.approx(0.1 * he, rel=0.03)
        elif kind == "BatchNormalization":
            np.testing.assert_array_equal(layer.gamma, np.float32(0.1))
        elif kind == "PReLU":
            assert layer.alpha.shape == (1, 1, 1)
            np.testing.assert_array_equal(layer.alpha, np.float32(0.25))
        count += bool(layer.weights)
    assert count == 37 + 33 + 19
    plain = models.build("srgan", 4)
    assert plain.get_layer("body_norm").gamma.numpy().tolist() == [1.0] * 64


def test_files_of_before_still_load(tmp_path):
    """Their config says nothing of how weights and slopes begin."""
    network = randomized(models.build("srresnet", 2, num_blocks=1))
    artifact.save(network, tmp_path / "a.keras")

    def before(content):
        config = json.loads(content)
        for name in ("initial_scale", "initial_gamma", "shared_slope"):
            del config["config"][name]
        return json.dumps(config).encode()

    again = load(rewritten(tmp_path / "a.keras", before))
    assert again.arguments == network.arguments
    image = picture(5, 6)[None]
    np.testing.assert_array_equal(again(image), network(image))


def test_is_the_network_of_the_paper():
    network = SRResNet(scale=4)
    kinds = [type(x).__name__ for x in network.layers]
    assert kinds.count("BatchNormalization") == 2 * 16 + 1
    assert kinds.count("PReLU") == 1 + 16 + 2
    assert kinds.count("PixelShuffle") == 2
    assert network.get_layer("head").kernel_size == (9, 9)
    assert network.get_layer("tail").kernel_size == (9, 9)
    assert network.get_layer("head_prelu").alpha.shape == (1, 1, 64)


def test_learns_between_minus_one_and_one():
    network = randomized(SRResNet(num_blocks=1, num_filters=3))
    tail = network.get_layer("tail")
    kernel, bias = tail.get_weights()
    for inner, outer in ((-1, 0), (0, 0.5), (1, 1)):
        tail.set_weights([0 * kernel, np.full_like(bias, inner)])
        result = network(picture(2, 2)[None])
        np.testing.assert_allclose(result, np.full_like(result, outer))


def test_holds_the_published_weights():
    """Every tensor has a home, of its shape and in the order of the graph."""
    path = data_folder("reference") / "srresnet8_x4.npz"
    published = dict(np.load(path))
    network = SRResNet(scale=4, num_blocks=8)
    kinds = {"Conv2D": 0, "PReLU": 0, "BatchNormalization": 0}
    for layer in network.layers:
        kind = type(layer).__name__
        if kind not in kinds:
            continue
        names = [name.format(kinds[kind]) for name in _NAMES[kind]]
        kinds[kind] += 1
        shuffled = layer.name.startswith("upsample")
        values = [
            _keras(published.pop(name), shuffled)
            for name in names
            if name in published
        ]
        own = layer.get_weights()
        assert [w.size for w in own] == [w.size for w in values], layer.name
        values = [v.reshape(w.shape) for v, w in zip(values, own, strict=True)]
        layer.set_weights(values)
    assert not published
    flat = np.full((1, 24, 24, 3), 0.5, "float32")
    inside = np.asarray(network(flat))[0, 40:-40, 40:-40]
    np.testing.assert_allclose(inside, 0.5, atol=0.02)


_NAMES = {
    "Conv2D": ["convolution{}_weight", "convolution{}_bias"],
    "PReLU": ["leakyrelu{}_weight"],
    "BatchNormalization": [
        f"batchnorm{{}}_{part}"
        for part in ("gamma", "beta", "moving_mean", "moving_var")
    ],
}


def _keras(tensor, shuffled):
    """The order of Keras; PyTorch's pixel shuffle has the phases last."""
    if tensor.ndim == 4:
        tensor = tensor.transpose(2, 3, 1, 0)
    if shuffled and tensor.shape[-1] == 256:
        phases = tensor.reshape(*tensor.shape[:-1], 64, 4)
        tensor = phases.swapaxes(-1, -2).reshape(tensor.shape)
    return tensor


@pytest.mark.parametrize("arguments", [{"num_blocks": 0}, {"num_filters": 0}])
def test_refuses(arguments):
    with pytest.raises(ValueError, match="1 block and 1 filter or more"):
        models.build("srresnet", 2, **arguments)


@pytest.mark.parametrize("name", ["initial_scale", "initial_gamma"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_refuses_first_weights(name, value):
    with pytest.raises(ValueError, match=f"{name} must be more than 0, not"):
        models.build("srresnet", 2, **{name: value})
