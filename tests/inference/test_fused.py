import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from checks import NEEDS_16_BITS, picture, randomized
from keras import layers

from sr_keras import models
from sr_keras.inference import fused, precision
from sr_keras.inference.compiled import Runner, forget


@pytest.fixture(scope="module")
def network():
    # Within [0, 1] inside too: 1e-5 of bytes would be less than float32 has.
    arguments = {"num_blocks": 2, "num_filters": 8, "up_filters": 4}
    return randomized(models.build("a2n", 2, value_range=1, **arguments))


def compiled(model):
    shape = tf.TensorSpec((1, None, None, model.input_shape[-1]))
    return tf.function(fused.forward(model), [shape], autograph=False)


def nodes(function, kind):
    graph = function.get_concrete_function().graph
    return [x for x in graph.get_operations() if x.type == kind]


def test_the_same_comes_out(network):
    image = picture(9, 7)[None]
    found = compiled(network)(image).numpy()
    np.testing.assert_allclose(found, network(image), rtol=0, atol=1e-5)


def test_every_convolution_has_a_bias(network):
    biased = [x.inputs[0].op for x in nodes(compiled(network), "BiasAdd")]
    assert {x.type for x in biased} == {"Conv2D"}
    assert len(biased) == len(nodes(compiled(network), "Conv2D"))


def computed(run, folder):
    """Names of what TensorFlow computes, with their kernels."""
    # Part of TensorFlow, which takes a second to import.
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tf.profiler.experimental.Profile(str(folder)):
        run()
    (file,) = folder.rglob("*.xplane.pb")
    planes = xplane_pb2.XSpace.FromString(file.read_bytes()).planes
    return {x.name for plane in planes for x in plane.event_metadata.values()}


def test_activations_and_sums_are_fused(network, tmp_path):
    function, image = compiled(network), picture(9, 7)[None]
    function(image)
    names = computed(lambda: function(image), tmp_path)
    wanted = ["act_first", "attention_act"]
    if any("Mkl" in name for name in names):  # oneDNN, which adds too
        wanted += ["act_last", "add"]
    for i in (1, 2):
        for name in wanted:
            (kernel,) = {
                x.rpartition(":")[2]
                for x in names
                if re.match(rf"block{i}_{name}_\d+/\w+:", x)
            }
            assert "Fused" in kernel, name


def test_kernels_are_weighed_in_place_of_features(network):
    products = nodes(compiled(network), "Mul")
    sizes = [x.outputs[0].shape.as_list() for x in products]
    assert sizes.count([3, 3, 8, 8]) == 4


def test_a_branch_that_is_seen_elsewhere_too():
    from sr_keras.models.a2n import Shared

    inputs = keras.Input((None, None, 3))
    first, second = (
        layers.Conv2D(3, 3, padding="same", use_bias=False)(inputs)
        for _ in range(2)
    )
    numbers = layers.GlobalAveragePooling2D(keepdims=True)(inputs)
    numbers = layers.Dense(2)(numbers)
    shared = Shared()([first, second, numbers])
    model = keras.Model(inputs, layers.Add()([shared, first]))
    image = picture(9, 7)[None]
    found = compiled(model)(image).numpy()
    np.testing.assert_allclose(found, model(image), rtol=0, atol=1e-5)


@pytest.mark.parametrize("tile", [None, 7])
def test_a_network_is_used_in_this_form(network, monkeypatch, tile):
    calls = []
    shared = fused._shared
    monkeypatch.setattr(
        fused, "_shared", lambda *x: calls.append(x) or shared(*x)
    )
    forget(network)
    image = picture(24, 20)
    found = Runner(network, 3).whole(image, tile=tile)
    # In tiles, the branches are kept until the whole image has been seen.
    assert len(calls) == (0 if tile else 2)
    np.testing.assert_allclose(found, network(image[None])[0], 0, 1e-5)


def test_weights_are_those_of_the_moment(network):
    image = picture(10, 9)
    own = Runner(network, 3)
    before, weights = own.picture(image), network.get_weights()
    network.set_weights([w * 0.5 for w in weights])
    changed, expected = own.picture(image), network(image[None])[0]
    network.set_weights(weights)
    np.testing.assert_allclose(changed, expected, rtol=0, atol=1e-5)
    assert abs(changed - before).max() > 1e-3


@NEEDS_16_BITS
def test_bfloat16(network):
    image = picture(16, 12)
    expected = network(image[None])[0].numpy()
    with precision.computing(network, "bfloat16", True):
        short = Runner(network, 3).picture(image)
        found = nodes(compiled(network), "Conv2D")
    assert "bfloat16" in {x.outputs[0].dtype.name for x in found}
    assert 0 < abs(short - expected).max() < 0.03
