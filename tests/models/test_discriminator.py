import keras
import numpy as np
import pytest
from checks import picture

from sr_keras import models
from sr_keras.inference.load import load
from sr_keras.models import artifact
from sr_keras.models.discriminator import Discriminator
from sr_keras.models.network import Network

SMALL = {"num_filters": 4, "num_units": 8}


def weights_of(filters, units, features):
    """Learned numbers of figure 4's layers."""
    channels = [3, *(filters * k for k in (1, 1, 2, 2, 4, 4, 8, 8))]
    total = sum(
        9 * a * b for a, b in zip(channels[:-1], channels[1:], strict=True)
    )
    total += channels[1] + 2 * sum(channels[2:])  # a bias; gamma and beta
    return total + (features + 1) * units + units + 1


def trained(model):
    return sum(int(np.prod(w.shape)) for w in model.trainable_weights)


def test_that_of_the_paper():
    model = Discriminator()
    assert trained(model) == weights_of(64, 1024, 6 * 6 * 512) == 23_563_649
    found = [x for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    assert [x.filters for x in found] == [64, 64, 128, 128, 256, 256, 512, 512]
    assert [x.strides[0] for x in found] == [1, 2] * 4
    assert {x.kernel_size for x in found} == {(3, 3)}
    norms = [
        x
        for x in model.layers
        if isinstance(x, keras.layers.BatchNormalization)
    ]
    assert len(norms) == 7
    slopes = [x for x in model.layers if isinstance(x, keras.layers.LeakyReLU)]
    assert [x.negative_slope for x in slopes] == [pytest.approx(0.2)] * 9
    assert model.layers[-1].activation is keras.activations.linear


@pytest.mark.parametrize("size", [16, 33, 40, (20, 24)])
def test_any_patch(size):
    model = Discriminator(size, **SMALL)
    height, width = (size, size) if isinstance(size, int) else size
    images = picture(height, width)[None]
    assert model(images).shape == (1, 1)
    features = -(-height // 16) * -(-width // 16) * 32
    assert trained(model) == weights_of(4, 8, features)


def test_any_image_where_it_is_convolutional():
    model = Discriminator(16, fully_convolutional=True, **SMALL)
    assert trained(model) == weights_of(4, 8, 32)
    for height, width in ((16, 16), (40, 50), (1, 1)):
        logits = model(picture(height, width)[None])
        assert logits.shape == (1, -(-height // 16), -(-width // 16), 1)


def test_sees_minus_one_to_one():
    model = Discriminator(16, **SMALL)
    first = model.get_layer("conv1")
    inside = keras.Model(model.input, first.input)
    images = picture(16, 16)[None]
    np.testing.assert_allclose(inside(images), images * 2 - 1, atol=1e-6)


def test_every_weight_learns():
    tf = pytest.importorskip("tensorflow")
    model = Discriminator(32, **SMALL)
    images = np.stack([picture(32, 32, seed=i) for i in range(3)])
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(images, training=True) ** 2)
    for weight, gradient in zip(
        model.trainable_weights,
        tape.gradient(loss, model.trainable_weights),
        strict=True,
    ):
        assert np.abs(gradient).max() > 0, weight.path


def test_is_written_and_read(tmp_path):
    model = Discriminator(20, channels=1, **SMALL)
    path = tmp_path / "discriminator.keras"
    artifact.save_part(model, path)
    again = artifact.load_part(path, Discriminator)
    images = picture(20, 20, 1)[None]
    np.testing.assert_array_equal(model(images), again(images))
    assert again.get_config() == model.get_config()
    with pytest.raises(ValueError, match="a Discriminator, not a Network"):
        artifact.load_part(path, Network)
    with pytest.raises(ValueError, match="a Discriminator, not a network"):
        load(path)
    with pytest.raises(FileNotFoundError, match="no file .*nowhere"):
        artifact.load_part(tmp_path / "nowhere", Discriminator)


def test_what_is_refused():
    for wrong in ({"num_filters": 0}, {"num_units": 0}, {"hr_patch_size": 0}):
        with pytest.raises(ValueError, match="or more"):
            Discriminator(**{"hr_patch_size": 16, **SMALL, **wrong})


def test_srgan_is_srresnet_with_recipes_of_its_own():
    one, other = (models.network_class(n) for n in ("srgan", "srresnet"))
    assert one == other
    paper = models.recipe("srgan", "paper")
    assert paper["objective"] == "adversarial"
    assert paper["adversarial"]["adversarial_weight"] == 1e-3
    assert "objective" not in models.recipe("srresnet", "paper")
