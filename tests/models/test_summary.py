import json

import keras
import pytest
from cli_runs import command
from keras import layers

from sr_keras import models
from sr_keras.models import artifact
from sr_keras.models.summary import (
    costs,
    layer_table,
    multiply_adds,
    summary,
    usual_scale,
)


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
    ended = command(capfd, "models", "espcn", "srcnn", "fourier")
    assert ended.code == 0
    titles, espcn, srcnn, fourier = ended.out.splitlines()
    assert titles.split()[:3] == ["name", "scales", "parameters"]
    assert espcn.split()[:7] == ["espcn", "2", "3", "4", "21,284", "4.9", "G"]
    assert "9x9" in espcn
    assert "Shi et al. 2016" in espcn
    # Whether the paper says how its figures are read.
    column = titles.index("protocol")
    shown = [line[column:].split("  ")[0] for line in (espcn, srcnn, fourier)]
    assert shown == ["not said", "y8, luma pipeline", "-"]
    assert fourier.split()[:2] == ["fourier", "any"]
    assert "global" in fourier


def test_the_table_for_programs(capfd):
    ended = command(capfd, "models", "espcn", "--scale", 4, "--json")
    (facts,) = json.loads(ended.out)
    assert (facts["name"], facts["scale"]) == ("espcn", 4)
    assert facts["parameters"] == 24_752
    assert facts["evaluation"] == {"protocol": None, "pipeline": None}


def test_a_scale_leaves_out_what_does_not_have_it(capfd, monkeypatch):
    names = ["nearest", "espcn", "lapsrn"]
    monkeypatch.setattr(models, "list_models", lambda: names)
    ended = command(capfd, "models", "--scale", 3)
    shown = [line.split()[0] for line in ended.out.splitlines()]
    assert shown == ["name", "nearest", "espcn"]


# One of each kind of graph: a model within, levels, weights of its own, means.
@pytest.mark.parametrize("name", ["bicubic", "zssr", "lapsrn", "a2n", "vae"])
def test_the_layers_add_up_to_the_network(name):
    network = models.build(name, usual_scale(name))
    table = layer_table(network)
    found = sum(layer["parameters"] for layer in table)
    assert found == network.count_params()
    found = sum(layer["multiply_adds"] for layer in table)
    assert found == multiply_adds(network)
    assert table[-1]["output_shape"] == [720, 1280, network.output_shape[-1]]


def test_the_layers_of_a_network(capfd):
    ended = command(capfd, "models", "espcn", "--layers", "--scale", 4)
    assert ended.code == 0
    title, _, *rows, total = ended.out.splitlines()
    assert title == "espcn x4: 320x180 -> 1280x720"
    assert [row.split()[:2] for row in rows] == [
        ["conv1", "Conv2D"], ["conv2", "Conv2D"], ["conv3", "Conv2D"],
        ["shuffle", "PixelShuffle"],
    ]  # fmt: skip
    assert "(180, 320, 64)" in rows[0]
    # 5x5 weights of 64 filters on one channel, and a bias each.
    assert rows[0].split()[-3:] == ["1,664", "0.092", "G"]
    assert "(720, 1280, 1)" in rows[-1]
    assert total.split()[:2] == ["total", "24,752"]


def test_shared_weights_count_once():
    network = models.build("zssr", 4, num_layers=2, num_filters=3, passes=2)
    table = layer_table(network)
    names = [layer["name"] for layer in table if layer["kind"] == "Conv2D"]
    assert names == 2 * ["zssr/conv1", "zssr/conv2"]
    found = sum(layer["parameters"] for layer in table)
    assert found == network.count_params()


def unnamed(layer):
    """A layer's facts without its name, in which Keras counts."""
    return [value for key, value in layer.items() if key != "name"]


def test_the_layers_of_stored_networks(capfd, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    network = models.build("lapsrn", 4, num_layers=1, num_filters=2)
    artifact.save(network, run / artifact.BEST)
    bare = models.build_bare("zssr", 2.5, num_layers=2, num_filters=2)
    artifact.save(bare, tmp_path / "bare.keras")
    names = (run, run / artifact.BEST, tmp_path / "bare.keras")
    ended = command(capfd, "models", *names, "--layers", "--json")
    one, same, other = json.loads(ended.out)
    assert one["scale"] == 4
    expected = [unnamed(layer) for layer in layer_table(network)]
    for found in (one, same):
        assert [unnamed(layer) for layer in found["layers"]] == expected
    assert other["layers"][-1]["output_shape"] == [720, 1280, 3]
    ended = command(capfd, "models", run, "--layers", "--scale", 2)
    assert f"{run} x2: 640x360 -> 1280x720" in ended.out
    assert "level2" not in ended.out
    ended = command(capfd, "models", run, "--layers", "--scale", 3)
    assert (ended.code, len(ended.lines)) == (2, 1)
    assert "enlarges by 4, not by 3: leave out --scale" in ended.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--layers"], "--layers takes a name"),
        (["espnc", "--layers"], "no network is called 'espnc'"),
        (["espcn", "--layers", "--scale", "8"], "espcn has no scale 8"),
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
