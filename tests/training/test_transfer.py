import numpy as np
import pytest
from checks import randomized

from sr_keras import models
from sr_keras.training.transfer import transfer


def edsr(scale, blocks=1, seed=0):
    network = models.build("edsr", scale, num_blocks=blocks, num_filters=4)
    return randomized(network, seed)


def test_what_agrees_is_copied():
    source, target = edsr(2), edsr(3, 2, seed=1)
    before = {w.path: np.asarray(w) for w in target.weights}
    found = transfer(source, target)
    theirs = {w.path: np.asarray(w) for w in source.weights}
    for weight in target.weights:
        values = np.asarray(weight)
        if weight.path in found.copied:
            assert np.array_equal(values, theirs[weight.path])
        else:
            assert np.array_equal(values, before[weight.path])
    assert [name for name, _, _ in found.reshaped] == [
        "upsample1/kernel", "upsample1/bias",
    ]  # fmt: skip
    assert {n.split("/")[0] for n in found.missing} == {
        "block2_conv1", "block2_conv2",
    }  # fmt: skip
    assert found.left == []
    assert found.parameters == sum(theirs[n].size for n in found.copied)
    lines = found.lines("x2")
    assert lines[0].startswith("from x2: copied 10 of 16 tensors, ")
    assert "upsample1/bias (36,), there (16,)" in "".join(lines)
    assert len(lines) == 7


def test_what_has_no_place_is_named():
    found = transfer(edsr(2, 2), edsr(2, 1))
    assert len(found.left) == 4
    assert "not used, not here: block2_conv1/kernel" in found.lines("a")[1]


def test_a_refiner_and_what_is_around_it():
    source = randomized(models.build("srcnn", 3, num_filters=(4, 4)))
    target = models.build("srcnn", 2, num_filters=(4, 4))
    assert len(transfer(source, target).copied) == 6
    for a, b in zip(source.get_weights(), target.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_networks_that_have_nothing_in_common():
    with pytest.raises(ValueError, match="no tensor has the same name"):
        transfer(models.build("espcn", 2), edsr(2))
