import keras
import numpy as np
import pytest
from checks import NEEDS_16_BITS, picture, randomized

import sr_keras
from sr_keras import models
from sr_keras.inference import precision
from sr_keras.inference.refine import forward_of

pytestmark = NEEDS_16_BITS


@pytest.fixture
def network():
    return randomized(models.build_bare("zssr", 2, num_layers=3, num_filters=8))


def test_layers_compute_in_it_and_go_back(network):
    image = picture(8, 8)[None]
    exact = np.asarray(network(image))
    with precision.computing(network, "bfloat16"):
        convolution = network.get_layer("conv1")
        assert convolution(image).dtype == "bfloat16"
        assert convolution.kernel.dtype == "float32"
        rough = np.asarray(network(image))
    assert rough.dtype == np.float32
    assert 0 < np.abs(rough - exact).max() < 0.02
    np.testing.assert_array_equal(network(image), exact)


def test_the_image_keeps_all_its_digits(network):
    for variable in network.get_layer("conv3").weights:
        variable.assign(np.zeros(variable.shape))
    image = picture(8, 8)[None]
    with precision.computing(network, "bfloat16"):
        np.testing.assert_array_equal(network(image), image)


def test_graphs_are_not_those_of_the_other_format(network):
    image = picture(8, 8)
    exact = forward_of(network)(image)
    with precision.computing(network, "bfloat16"):
        rough = forward_of(network)(image)
    assert np.abs(rough - exact).max() > 0
    np.testing.assert_array_equal(forward_of(network)(image), exact)


def test_auto_is_one_of_them(network, monkeypatch):
    monkeypatch.setattr(precision, "_is_fast", lambda: True)
    with precision.computing(network, "auto"):
        name = network.get_layer("conv1").dtype_policy.name
    assert name == "mixed_bfloat16"


def test_float32_changes_nothing(network):
    before = forward_of(network)
    before(picture(4, 4))
    graph = network._forward
    with precision.computing(network, "float32"):
        assert network.get_layer("conv1").dtype_policy.name == "float32"
    assert network._forward is graph


def test_an_error_puts_it_back(network):
    with pytest.raises(KeyError), precision.computing(network, "bfloat16"):
        raise KeyError
    policies = {layer.dtype_policy.name for layer in network.layers}
    assert policies == {"float32"}


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("flags : fpu avx512_bf16 sse", "bfloat16"),
        ("flags : fpu amx_bf16", "bfloat16"),
        ("flags : fpu avx512f avx512_bf16x", "float32"),
        (None, "float32"),
    ],
)
def test_auto(monkeypatch, flags, expected):
    def read(*_):
        if flags is None:
            raise FileNotFoundError
        return flags

    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    monkeypatch.setattr(precision.Path, "read_text", read)
    assert precision.chosen("auto") == expected
    assert precision.chosen("float32") == "float32"
    assert precision.chosen("bfloat16") == "bfloat16"


def test_auto_without_the_library_that_is_fast_at_it(monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.setattr(precision.Path, "read_text", lambda *_: "avx512_bf16")
    assert precision.chosen("auto") == "float32"


def test_keras_default_is_left_alone(network):
    with precision.computing(network, "bfloat16"):
        assert keras.config.dtype_policy().name == "float32"


def test_what_lies_between_goes_along(tmp_path):
    network = models.build("a2n", 2, num_blocks=1, num_filters=4, up_filters=4)
    exact = {"to_range", "skip", "sr"}
    with precision.computing(network, "bfloat16"):
        for layer in network.layers[1:]:
            short = layer.dtype_policy.name == "mixed_bfloat16"
            assert short != (layer.name in exact), layer.name
        assert np.asarray(network(picture(8, 8)[None])).dtype == np.float32


def test_what_a_picture_would_show_stays_exact():
    network = models.build("lens", 2, num_blocks=2, num_filters=4)
    with precision.computing(network, "bfloat16", to_use=True):
        short = {
            layer.name
            for layer in network.layers
            if layer.dtype_policy.name == "mixed_bfloat16"
        }
    assert short == {f"block{i}_conv{j}" for i in (1, 2) for j in (1, 2)}


def test_masks_of_attention_are_exact_to_use():
    network = models.build("a2n", 2, num_blocks=1, num_filters=4, up_filters=4)
    masks = {"block1_attention_mask", "up_mask1"}
    for to_use in (False, True):
        names = {x.name for x in precision.coarse(network, to_use)}
        assert names.isdisjoint(masks) == to_use
        assert {"block1_attention_masked", "up_masked1"} <= names


def test_a_refiner_within_its_interpolation():
    network = models.build("srcnn", 2, channels=3)
    precision.compute_in(network, "bfloat16")
    first = network.network.get_layer("conv1")
    assert first.dtype_policy.name == "mixed_bfloat16"


@pytest.mark.parametrize(("scale", "blocks"), [(2, 9), (3, 2), (3, 9), (4, 9)])
def test_the_second_layer_of_deep_networks_is_exact(scale, blocks):
    network = models.build("lens", scale, num_blocks=blocks, num_filters=4)
    names = {x.name for x in precision.coarse(network, to_use=True)}
    assert ("block1_conv1" in names) == (scale == 2 or blocks == 2)
    assert "block1_conv2" in names
    assert names.isdisjoint({"head", "tail", "block1", "residual"})


@pytest.mark.parametrize("name", ["quality", "photo"])
def test_weights_are_the_same_numbers_in_bfloat16(name):
    network = sr_keras.load(name, 2)
    for layer in precision.coarse(network, to_use=True):
        for weight in layer.weights:
            short = keras.ops.cast(weight, "bfloat16")
            np.testing.assert_allclose(
                keras.ops.cast(short, "float32"), weight, rtol=0, atol=1e-7
            )


@pytest.mark.parametrize(
    ("limit", "is_possible", "is_fast"),
    [
        ("AVX2", False, False),
        ("avx2", False, False),
        ("AVX512_CORE", True, False),
        ("AVX512_CORE_BF16", True, True),
        ("AVX512_CORE_AMX", True, True),
        ("", True, True),
    ],
)
def test_limits_of_onednn(monkeypatch, network, limit, is_possible, is_fast):
    """It fails in bfloat16 where it may use no instructions for it."""
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    monkeypatch.setattr(precision, "_INSTRUCTIONS", {"flags"})
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    fast = precision.chosen("auto") == "bfloat16"
    assert fast == (is_fast and not precision.has_gpu())
    if is_possible:
        precision.check_possible("mixed_bfloat16")
        return
    precision.compute_in(network, "float32")
    with pytest.raises(ValueError, match="ONEDNN_MAX_CPU_ISA=AVX2: unset it"):
        precision.compute_in(network, "bfloat16")
