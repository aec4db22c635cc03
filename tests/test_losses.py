import keras
import numpy as np
import pytest
from checks import picture

from sr_keras import losses
from sr_keras.color import yiq_luma

A, B = picture(5, 6, seed=1)[None], picture(5, 6, seed=2)[None]
D = (A - B).astype("float64")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("l1", np.abs(D).mean()),
        ("l2", (D**2).mean()),
        ("charbonnier", np.sqrt(D**2 + 1e-6).mean()),
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
    assert float(value) <= 1.001e-3
    assert np.abs(tape.gradient(value, same)).max() == 0


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
