import keras
import numpy as np
import pytest
from checks import blocks, data_folder, picture

from sr_keras import models
from sr_keras.evaluation import perceptual
from sr_keras.imaging import images
from sr_keras.imaging.resize import imresize
from sr_keras.models.recipes import VGG54_AS_MSE
from sr_keras.training.trainers import adversarial_settings

VGG = "vgg19_imagenet_notop_f16.weights.h5"


@pytest.fixture(scope="module")
def random_loss():
    keras.utils.set_random_seed(1)
    layers = {"VGG22": 2.0, "block3_conv1": 0.5}
    return perceptual.ContentLoss(layers, "random")


def test_names_of_layers():
    assert perceptual.layer_of("VGG54") == "block5_conv4"
    assert perceptual.layer_of("vgg22") == "block2_conv2"
    assert perceptual.layer_of("block1_conv1") == "block1_conv1"
    for wrong, meant in (("VGG24", "block"), ("block5_conv5", "block5_conv4")):
        with pytest.raises(ValueError, match=f"no layer '{wrong}'.*{meant}"):
            perceptual.layer_of(wrong)


@pytest.mark.slow
def test_layers_are_those_of_keras():
    vgg = keras.applications.VGG19(include_top=False, weights=None)
    own = [x.name for x in vgg.layers if isinstance(x, keras.layers.Conv2D)]
    assert list(perceptual.LAYERS) == own


def test_is_the_weighted_difference_of_keras_features(random_loss):
    a, b = picture(20, 24, seed=1)[None], picture(20, 24, seed=2)[None]
    vgg = random_loss.features.get_layer("vgg19")
    expected = 0.0
    inputs = [
        keras.applications.vgg19.preprocess_input(x.copy() * 255)
        for x in (a, b)
    ]
    for name, weight in (("block2_conv2", 2.0), ("block3_conv1", 0.5)):
        part = keras.Model(vgg.input, vgg.get_layer(name).output)
        one, other = (np.asarray(part(x), float) for x in inputs)
        assert (one >= 0).all()  # behind the rectifier
        expected += weight * ((one - other) ** 2).mean()
    assert float(random_loss(a, b)) == pytest.approx(expected, rel=1e-4)
    assert float(random_loss(a, a)) == 0


def test_one_loss_an_image(random_loss):
    a = np.stack([picture(16, 16, seed=i) for i in range(3)])
    b = a[::-1].copy()
    each = np.asarray(random_loss.call(a, b))
    assert each.shape == (3,)
    assert each[1] == 0
    assert float(random_loss(a, b)) == pytest.approx(each.mean(), rel=1e-5)


def test_grey_is_seen_as_rgb(random_loss):
    a, b = (picture(16, 16, 1, seed=i)[None] for i in (1, 2))
    same = float(random_loss(a.repeat(3, -1), b.repeat(3, -1)))
    assert float(random_loss(a, b)) == pytest.approx(same, rel=1e-6)


def test_is_frozen_and_gives_gradients(random_loss):
    tf = pytest.importorskip("tensorflow")
    assert random_loss.features.trainable_weights == []
    hr, sr = (tf.constant(picture(16, 16, seed=i)[None]) for i in (1, 2))
    with tf.GradientTape() as tape:
        tape.watch(sr)
        loss = random_loss(hr, sr)
    assert np.abs(tape.gradient(loss, sr)).max() > 0


def test_stays_in_float32():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = perceptual.features(["block1_conv1"], "random")
        assert keras.config.dtype_policy().name == "mixed_float16"
    finally:
        keras.config.set_dtype_policy("float32")
    assert model(picture(4, 4)[None]).dtype == "float32"


def test_too_small_for_a_layer(random_loss):
    perceptual.check_size(["VGG54"], (16, None))
    with pytest.raises(ValueError, match="block5_conv4.* 12x30 .*needs 16"):
        perceptual.check_size(["VGG22", "VGG54"], (12, 30))
    with pytest.raises(ValueError, match="block3_conv1.* 3x9 .*needs 4"):
        random_loss(picture(3, 9)[None], picture(3, 9)[None])


def test_weights_that_are_not_there(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="no file nowhere.h5.*notop.h5"):
        perceptual.features(["block1_conv1"], "nowhere.h5")
    wrong = tmp_path / "wrong.weights.h5"
    wrong.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="wrong.*has not VGG19's features"):
        perceptual.features(["block1_conv1"], str(wrong))

    def offline(**kwargs):
        raise OSError("URL fetch failure\nand a long story")

    monkeypatch.setattr(keras.applications, "VGG19", offline)
    with pytest.raises(FileNotFoundError) as error:
        perceptual.features(["block1_conv1"], "imagenet")
    text = str(error.value)
    assert "URL fetch failure): get https://storage" in text
    assert "put it into" in text and "--vgg-weights PATH" in text
    assert "story" not in text


@pytest.fixture(scope="module")
def vgg54():
    path = data_folder("reference") / VGG
    if not path.is_file():
        pytest.skip(f"there is no {path}")
    return perceptual.ContentLoss({"VGG54": 1.0}, str(path))


@pytest.mark.parametrize("photos", ["Kodak", "Set5"])
def test_the_content_loss_is_as_large_as_the_mse(vgg54, photos):
    """The weight's meaning (Ledig et al. 2017, section 3.2); 0.006's is not."""
    paths = sorted(data_folder("benchmark", photos, "HR").glob("*.png"))
    assert len(paths) >= 5
    hr = np.stack([_middle(images.read(path).pixels, 96) for path in paths])
    sr = np.stack([imresize(imresize(x, 1 / 4), 4.0) for x in hr])
    # On [-1, 1], where it is four times that on [0, 1].
    mse = 4 * float(np.mean((sr - hr) ** 2))
    features = float(vgg54(hr, sr))
    for which in ("paper", "article"):
        own = models.recipe("srgan", which)["adversarial"]
        assert 0.4 < own["content_weight"] * features / mse < 2.5
    assert adversarial_settings.Settings().content_weight == VGG54_AS_MSE
    assert 0.006 * features / mse > 6


def _middle(pixels, side):
    top, left = ((n - side) // 2 for n in pixels.shape[:2])
    return pixels[top : top + side, left : left + side].astype("float32")


def test_imagenet_sees_blur(vgg54):
    loss = vgg54
    hr = blocks(64, 64)
    blurred = [imresize(imresize(hr, 1 / s), float(s)) for s in (2, 4)]
    near, far = (float(loss(hr[None], x[None])) for x in blurred)
    assert 0 < near < far
