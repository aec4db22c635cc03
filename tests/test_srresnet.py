import numpy as np
import pytest
from checks import NetworkContract, data_folder, picture, randomized

from sr_keras import models
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
