import keras
import numpy as np
import pytest
from checks import picture

from sr_keras import losses

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
