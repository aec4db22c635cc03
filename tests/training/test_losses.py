import keras
import numpy as np
import pytest
from checks import picture

from sr_keras.imaging.color import yiq_luma
from sr_keras.training import losses

A, B = picture(5, 6, seed=1)[None], picture(5, 6, seed=2)[None]
D = (A - B).astype("float64")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("l1", np.abs(D).mean()),
        ("l2", (D**2).mean()),
        ("charbonnier", np.sqrt(D**2 + 1e-6).mean()),
        ("charbonnier_sum", np.sqrt(D**2 + 1e-6).sum()),
    ],
)
def test_value(name, expected):
    loss = losses.get(name)
    assert isinstance(loss, keras.losses.Loss)
    assert float(loss(A, B)) == pytest.approx(expected, rel=1e-5)
    assert float(loss(B, A)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", losses.LOSSES)
def test_each_pixel_has_a_loss(name):
    loss = losses.get(name)
    loss.reduction = None
    assert tuple(loss(A, B).shape) == (1, 5, 6)


@pytest.mark.parametrize("name", losses.LOSSES)
def test_gradient_is_finite_where_nothing_differs(name):
    import tensorflow as tf

    same = tf.Variable(A)
    with tf.GradientTape() as tape:
        value = losses.get(name)(A, same)
    assert float(value) <= 1.001e-3 * (A.size if "sum" in name else 1)
    assert np.abs(tape.gradient(value, same)).max() == 0


def test_a_sum_is_that_of_an_image():
    """As in LapSRN's code (vllab_nn_L1_loss.m), over the batch's size."""
    loss = losses.get("charbonnier_sum")
    two = float(loss(np.concatenate([A, B]), np.concatenate([B, B])))
    expected = np.sqrt(D**2 + 1e-6).sum() + A.size * 1e-3
    assert two == pytest.approx(expected / 2, rel=1e-5)


def test_charbonnier_epsilon():
    loss = losses.Charbonnier(epsilon=0.5)
    expected = np.sqrt(D**2 + 0.25).mean()
    assert float(loss(A, B)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", losses.LOSSES)
def test_configuration(name):
    loss = losses.get(name)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(loss)
    )
    assert type(again) is type(loss)
    assert float(again(A, B)) == float(loss(A, B))


def test_charbonnier_configuration_keeps_epsilon():
    again = losses.Charbonnier.from_config(
        losses.Charbonnier(epsilon=0.25, name="c").get_config()
    )
    assert (again.epsilon, again.name) == (0.25, "c")


def test_unknown_name():
    with pytest.raises(ValueError, match="no loss 'l3'.*l1, l2, charbonnier"):
        losses.get("l3")


@pytest.mark.parametrize("name", losses.LOSSES)
def test_part_of_it_is_of_luma_alone(name):
    plain, weighted = losses.get(name), losses.get(name, 0.25)
    one, other = (yiq_luma(x).astype("float32") for x in (A, B))
    expected = 0.75 * plain(A, B) + 0.25 * plain(one, other)
    assert float(weighted(A, B)) == pytest.approx(float(expected), rel=1e-5)


def test_luma_does_not_see_what_cancels_out():
    shift = np.array([0.114, 0.0, -0.299], "float32")
    assert float(losses.get("l1", 1)(A, A + shift)) < 1e-6


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_without_colours_there_is_no_luma(channels):
    a, b = (picture(4, 4, channels, seed)[None] for seed in (1, 2))
    expected = float(losses.get("l2")(a, b))
    assert float(losses.get("l2", 0.5)(a, b)) == pytest.approx(expected)


def test_alpha_is_not_in_the_luma():
    a = picture(4, 4, 4)[None]
    b = a + np.array([0, 0, 0, 0.5], "float32")
    expected = 0.5 * float(losses.get("l1")(a, b))
    assert float(losses.get("l1", 0.5)(a, b)) == pytest.approx(expected)


def test_luma_weight_survives_saving():
    loss = losses.get("charbonnier", 0.25)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert float(again(A, B)) == float(loss(A, B))


def entropy(label, logits):
    """-l log p - (1 - l) log (1 - p), in double precision."""
    p = 1 / (1 + np.exp(-np.asarray(logits, float)))
    return -(label * np.log(p) + (1 - label) * np.log(1 - p))


REAL, FAKE = np.float32([[2.0], [0.5]]), np.float32([[-1.0], [0.25]])


def test_adversary():
    adversary = losses.Adversary()
    expected = entropy(1, REAL).mean() + entropy(0, FAKE).mean()
    found = float(adversary.discriminator(REAL, FAKE))
    assert found == pytest.approx(expected, rel=1e-5)
    found = float(adversary.generator(REAL, FAKE))
    assert found == pytest.approx(entropy(1, FAKE).mean(), rel=1e-5)


def test_labels_of_real_images_are_smoothed():
    adversary = losses.Adversary(label_smoothing=0.2)
    expected = entropy(0.8, REAL).mean() + entropy(0, FAKE).mean()
    found = float(adversary.discriminator(REAL, FAKE))
    assert found == pytest.approx(expected, rel=1e-5)
    found = float(adversary.generator(REAL, FAKE))
    assert found == pytest.approx(entropy(1, FAKE).mean(), rel=1e-5)


def test_relativistic():
    adversary = losses.Adversary(relativistic=True)
    real, fake = REAL - FAKE.mean(), FAKE - REAL.mean()
    for method, label in (("discriminator", 1), ("generator", 0)):
        terms = entropy(label, real) + entropy(1 - label, fake)
        found = float(getattr(adversary, method)(REAL, FAKE))
        assert found == pytest.approx(terms.mean() / 2, rel=1e-5)


@pytest.mark.parametrize("relativistic", [False, True])
def test_no_logit_is_too_large(relativistic):
    tf = pytest.importorskip("tensorflow")
    adversary = losses.Adversary(relativistic=relativistic)
    real = tf.constant([[-1e4], [1e4]])
    with tf.GradientTape() as tape:
        tape.watch(real)
        loss = adversary.discriminator(real, -real)
        loss += adversary.generator(real, -real)
    assert np.isfinite(loss) and loss > 1e3
    assert np.isfinite(tape.gradient(loss, real)).all()


def test_luma_alone_is_seen():
    rgb = np.zeros((1, 2, 2, 3), "float32")
    grey = rgb + np.float32(0.5)
    assert float(losses.get("luma")(rgb, grey)) == pytest.approx(0.5, rel=1e-5)
    # A change that its luma does not show: red for green.
    weights = np.float32([0.299, 0.587, 0.114])
    turned = grey + np.float32([weights[1], -weights[0], 0])
    assert float(losses.get("luma")(grey, turned)) < 1e-6
    summed = float(losses.get("0.25*l1+0.75*luma")(grey, turned))
    assert summed == pytest.approx(0.25 * (0.587 + 0.299) / 3, rel=1e-4)


def test_grid_sees_what_repeats_with_the_lr_pixels():
    loss = losses.Grid(2)
    hr = np.random.default_rng(0).random((1, 9, 12, 3), "float32")
    pattern = np.array([[0.1, -0.1], [-0.1, 0.1]], "float32")[..., None]
    grid = np.tile(pattern, (5, 6, 1))[:9]
    assert float(loss(hr, hr + grid)) == pytest.approx(0.01, rel=1e-3)
    # Of another period, all over, or in one place: nothing, or little.
    for other in (np.roll(hr, 1, 2) * 0 + 0.1, np.repeat(grid, 2, 1)[:, :12]):
        assert float(loss(hr, hr + other)) < 1e-9
    place = np.zeros_like(hr)
    place[0, 2:4, 2:4] = pattern
    assert float(loss(hr, hr + place)) < 0.01 / 100
    again = losses.Grid.from_config(loss.get_config())
    assert float(again(hr, hr + grid)) == float(loss(hr, hr + grid))
