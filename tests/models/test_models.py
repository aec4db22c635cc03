import subprocess
import sys

import numpy as np
import pytest
from checks import ROOT, NetworkContract, picture, randomized, smooth

import sr_keras
from sr_keras import models
from sr_keras.imaging.resize import imresize
from sr_keras.models.network import reach_of
from sr_keras.models.pre_upsampled import Interpolated
from sr_keras.models.zssr import ZSSR


class TestBicubic(NetworkContract):
    name = "bicubic"
    parameters = 0
    recipes = ()


class TestFourier(NetworkContract):
    name = "fourier"
    parameters = 0
    recipes = ()
    scale = 3


def test_the_table():
    names = models.list_models()
    assert len(set(names)) == len(names)
    assert set(models.CLASSICAL) < set(names)
    assert "zssr" in names
    assert sr_keras.list_models() == names


def test_a_lookup_imports_one_file():
    code = (
        "import sys; from sr_keras import models; models.list_models();"
        "models.describe('zssr'); assert 'keras' not in sys.modules;"
        "models.network_class('zssr');"
        "assert 'sr_keras.models.classical' not in sys.modules;"
        "assert 'tensorflow' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize("name", ["nearest", "zssr"])
@pytest.mark.parametrize(
    "scale",
    [0, 17, -2, 2.5, float("nan"), float("inf"), "2", None, (2, 2)],
)
def test_build_refuses_scales(name, scale):
    with pytest.raises(ValueError, match="from 1 to 16, not ") as info:
        models.build(name, scale)
    assert str(scale) in str(info.value)
    assert "sr_keras.upscale" in str(info.value)


@pytest.mark.parametrize("scale", [1, 2.0, 16, np.int64(3)])
def test_build_takes_whole_scales(scale):
    network = models.build("zssr", scale, num_layers=2, num_filters=1)
    assert type(network.scale) is int
    assert network.scale == scale


@pytest.mark.parametrize(
    "look", [models.build_bare, models.build, models.recipe, models.describe]
)
def test_unknown_names(look):
    arguments = (2,) if look in (models.build, models.build_bare) else ()
    with pytest.raises(ValueError, match="called 'zzsr'.*zssr"):
        look("zzsr", *arguments)


def test_unknown_recipes():
    with pytest.raises(ValueError, match="no recipe 'best' for zssr.*default"):
        models.recipe("zssr", "best")
    with pytest.raises(ValueError, match="no recipe 'default' for bicubic"):
        models.recipe("bicubic")


def test_a_recipe_is_a_copy():
    recipe = models.recipe("zssr")
    recipe["learning"]["loss"] = "spoiled"
    recipe["network"] = "spoiled"
    again = models.recipe("zssr")
    assert again["learning"]["loss"] != "spoiled"
    assert again.get("network") != "spoiled"


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_a_refiner_gets_its_interpolation(scale):
    network = models.build("zssr", scale, num_layers=2, num_filters=2)
    assert isinstance(network, Interpolated)
    assert not network.refiner
    assert network.network.refiner
    assert network.network.name == "zssr"
    last = network.network.get_layer("conv2")
    last.set_weights([np.zeros_like(w) for w in last.get_weights()])
    image = picture(5, 6)
    np.testing.assert_allclose(
        network(image[None])[0], imresize(image, scale), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize(("scale", "passes"), [(4, 2), (8, 3), (9, 2)])
def test_a_refiner_of_several_passes_is_applied_in_each(scale, passes):
    network = models.build(
        "zssr", scale, num_layers=2, num_filters=4, passes=passes
    )
    refiner = randomized(network.network)
    image = smooth(9, 8)
    result, clipped = image, 0
    for _ in range(passes):
        clipped += (np.clip(result, 0, 1) != result).sum()
        result = imresize(np.clip(result, 0, 1), round(scale ** (1 / passes)))
        expected = result = np.asarray(refiner(result[None]))[0]
    assert clipped > 0
    got = np.asarray(network(image[None]))[0]
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)
    again = Interpolated.from_config(network.get_config())
    again.set_weights(network.get_weights())
    np.testing.assert_array_equal(again(image[None])[0], got)


def test_passes_in_a_graph_have_a_whole_factor():
    with pytest.raises(ValueError, match="2 passes to 8 .*sr_keras.upscale"):
        models.build("zssr", 8, num_layers=2, num_filters=1, passes=2)


def test_names_and_what_is_known_stay():
    bare = ZSSR(num_layers=2, num_filters=1, name="my")
    wrapped = Interpolated(bare, 2, name="shell", about={"steps": 3})
    again = Interpolated.from_config(wrapped.get_config())
    assert (again.name, again.network.name) == ("shell", "my")
    assert again.about == {"steps": 3}
    again.about["steps"] = 4
    assert wrapped.about == {"steps": 3}


@pytest.mark.parametrize(
    ("stages", "reach"),
    [
        ([], 0),
        ([(1, 3)], 3),
        ([(1, 3), (1, 2)], 5),
        ([(2, 0)], 0),  # its own block of 2x2 and no more
        ([(1, 4), (2, 0)], 4),
        ([(2, 1)], 1),
        ([(2, 2)], 1),
        ([(2, 3)], 2),
        ([(1, 1), (2, 1), (2, 4)], 3),
        ([(4, 4), (1, 1)], 2),
    ],
)
def test_reach_in_pixels_of_the_input(stages, reach):
    assert reach_of(*stages) == reach
