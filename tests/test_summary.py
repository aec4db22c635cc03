import json

import keras
import pytest
from cli_runs import command
from keras import layers

from sr_keras import models
from sr_keras.models.summary import costs, multiply_adds, summary


@pytest.mark.parametrize(
    ("name", "scale", "arguments", "giga"),
    [
        # As in the tables of the papers that compare on 1280x720.
        ("srcnn", 4, {"kernel_sizes": (9, 5, 5)}, 52.7),
        ("edsr", 2, {}, 316.2),
        ("edsr", 3, {}, 160.3),
        ("bicubic", 2, {}, 0),
    ],
)
def test_multiply_adds_of_papers(name, scale, arguments, giga):
    network = models.build(name, scale, **arguments)
    assert multiply_adds(network) / 1e9 == pytest.approx(giga, abs=0.05)


def test_what_a_layer_costs():
    inputs = keras.Input((None, None, 3))
    shared = layers.Conv2D(3, 3, padding="same", name="shared")
    x = shared(shared(inputs))
    x = layers.Conv2DTranspose(4, 4, strides=2, padding="same", name="up")(x)
    x = layers.Conv2D(6, 3, groups=2, name="groups")(x)
    x = layers.DepthwiseConv2D(5, padding="same", name="own")(x)
    vector = keras.Input((6,))
    inner = keras.Model(vector, layers.Dense(2, name="dense")(vector))
    x = inner(layers.GlobalAveragePooling2D()(x))
    found = [(x.name, n) for x, n in costs(keras.Model(inputs, x), 10, 20)]
    assert found == [
        ("shared", 200 * 9 * 9),
        ("shared", 200 * 9 * 9),
        ("up", 200 * 16 * 12),
        ("groups", 18 * 38 * 9 * 2 * 6),
        ("own", 18 * 38 * 25 * 6),
        ("dense", 12),
    ]


def test_a_model_works_as_before():
    network = models.build("espcn", 2, num_filters=(2, 2))
    before = network.output_shape
    costs(network, 5, 6)
    assert network.output_shape == before
    assert (
        network.count_params()
        == network.from_config(network.get_config()).count_params()
    )


def test_the_smallest_scale_or_the_one_asked_for():
    facts = summary("espcn")
    assert facts["scale"] == 2
    assert facts["scales"] == [2, 3, 4]
    assert facts["parameters"] == 21_284
    assert facts["receptive_field"] == 9
    assert summary("espcn", 3)["parameters"] == 22_729
    with pytest.raises(ValueError, match="espcn has no scale 8"):
        summary("espcn", 8)
    assert summary("fourier")["receptive_field"] is None
    assert summary("fourier")["scales"] is None


def test_the_table(capfd):
    ended = command(capfd, "models", "espcn", "fourier")
    assert ended.code == 0
    titles, espcn, fourier = ended.out.splitlines()
    assert titles.split()[:3] == ["name", "scales", "parameters"]
    assert espcn.split()[:7] == ["espcn", "2", "3", "4", "21,284", "4.9", "G"]
    assert "9x9" in espcn
    assert "Shi et al. 2016" in espcn
    assert fourier.split()[:2] == ["fourier", "any"]
    assert "global" in fourier


def test_the_table_for_programs(capfd):
    ended = command(capfd, "models", "espcn", "--scale", 4, "--json")
    (facts,) = json.loads(ended.out)
    assert (facts["name"], facts["scale"]) == ("espcn", 4)
    assert facts["parameters"] == 24_752


def test_a_scale_leaves_out_what_does_not_have_it(capfd, monkeypatch):
    names = ["nearest", "espcn", "lapsrn"]
    monkeypatch.setattr(models, "list_models", lambda: names)
    ended = command(capfd, "models", "--scale", 3)
    shown = [line.split()[0] for line in ended.out.splitlines()]
    assert shown == ["name", "nearest", "espcn"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["espnc"], "no network is called 'espnc'"),
        (["espcn", "--scale", "8"], "espcn has no scale 8"),
        (["--scale", "0"], "from 1 to 16, not 0"),
        (["--scale", "two"], "invalid int value"),
    ],
)
def test_bad_arguments_are_one_line(capfd, arguments, message):
    ended = command(capfd, "models", *arguments)
    assert ended.code == 2
    assert len(ended.lines) == 1
    assert message in ended.err
