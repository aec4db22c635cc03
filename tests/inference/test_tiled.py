"""Tiles: the same result, whatever their size."""

import threading

import numpy as np
import pytest
import tensorflow as tf
from checks import NEEDS_16_BITS, ROOT, picture, randomized, smooth

import sr_keras
from sr_keras import models
from sr_keras.imaging import images
from sr_keras.imaging.quantize import quantize, quantized
from sr_keras.imaging.resize import output_size
from sr_keras.inference import global_pooling, refine, upscale
from sr_keras.inference import tiled as enlarger
from sr_keras.inference.compiled import Runner
from sr_keras.inference.global_pooling import Stages
from sr_keras.inference.route import enlargement
from sr_keras.inference.tiled import Enlarger, Pixels
from sr_keras.models import graph

# One of each kind of local network, as small as they get.
LOCAL = {
    "espcn": {"num_filters": [64, 4]},
    "edsr": {"num_blocks": 2, "num_filters": 8},
    "vae": {"num_blocks": 1, "num_filters": 8},
    "lapsrn": {"num_layers": 2, "num_filters": 8},
    "srcnn": {"num_filters": [8, 4]},
    "srresnet": {"num_blocks": 1, "num_filters": 8},
}


def codes(network, image, tile, bits=8, **options):
    finish = upscale.finish_for(network, tile=tile, **options)
    work = enlargement(network, Pixels(image), None, None, finish)
    return np.concatenate([band["sr"] for band in work.bands(bits)])


SLOW = pytest.mark.slow


def assert_same_picture(found, expected):
    """The same bytes; floats but for their last bits.

    Without AVX-512, sums have another order at other widths.
    """
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(quantize(found, 8), quantize(expected, 8))


@pytest.mark.parametrize(
    "name",
    [
        *("espcn", "edsr", "lapsrn"),
        *(pytest.param(n, marks=SLOW) for n in ("vae", "srcnn", "srresnet")),
    ],
)
def test_local_networks_give_the_same_bytes(name):
    network = randomized(models.build(name, 2, **LOCAL[name]))
    image = picture(140, 131)
    whole = codes(network, image, 1000, 32)
    assert whole.shape == (280, 262, 3)
    for tile in (24, 61, None):
        assert_same_picture(codes(network, image, tile, 32), whole)
    direct = np.asarray(Runner(network, 3).picture(image, 8))
    assert np.abs(codes(network, image, 50).astype(int) - direct).max() <= 1


@pytest.mark.parametrize(
    ("channels", "own"),
    [
        *((3, 1), (2, 3)),
        *(pytest.param(*p, marks=SLOW) for p in ((1, 1), (4, 1), (3, 3))),
    ],
)
def test_every_kind_of_image_gives_the_same_bytes(channels, own):
    network = randomized(
        models.build("espcn", 3, num_filters=[64, 4], channels=own)
    )
    image = picture(60, 45, channels)
    whole = codes(network, image, 1000)
    assert whole.shape == (180, 135, channels)
    np.testing.assert_array_equal(codes(network, image, 16), whole)
    floats = codes(network, image, 16, 32)
    np.testing.assert_array_equal(quantize(floats, 8), whole)
    np.testing.assert_array_equal(
        quantize(floats, 16), codes(network, image, 20, 16)
    )


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"self_ensemble": True}, marks=SLOW),
        pytest.param({"back_projection": 2}, marks=SLOW),
        pytest.param({"color_guard": True}, marks=SLOW),
        {"self_ensemble": True, "back_projection": 1, "color_guard": True},
    ],
)
@pytest.mark.parametrize("scale", [2, (1.5, 1.8)])
def test_what_follows_the_network_sees_no_tiles_either(options, scale):
    network = randomized(models.build("espcn", 2, num_filters=[64, 4]))
    image = smooth(90, 75)
    whole, tiled = (
        upscale.upscale(image, network, scale, tile=tile, **options)
        for tile in (1000, 24)
    )
    assert whole.shape[:2] == output_size((90, 75), np.broadcast_to(scale, 2))
    assert_same_picture(tiled, whole)
    plain = upscale.upscale(image, network, scale)
    assert np.abs(plain - whole).max() > 1e-3


def half(height, width):
    """Black, and a checkerboard of coloured 4-pixel squares."""
    rng = np.random.default_rng(0)
    colours = rng.random((height // 4 + 1, width // 4 + 1, 3))
    squares = np.indices(colours.shape[:2]).sum(0) % 2
    board = (colours * squares[..., None]).repeat(4, 0).repeat(4, 1)
    image = board[:height, :width].astype("float32")
    image[:, : width // 2] = 0
    return image


def white_beside(height, width):
    """White, and a photo."""
    photo = images.read(ROOT / "examples/guitar.png").pixels
    image = photo[40 : 40 + height, 50 : 50 + width].astype("float32")
    image[:, : width // 2] = 1
    return image


GLOBAL = {
    ("a2n", 2): {"num_blocks": 2, "num_filters": 8, "up_filters": 8},
    ("drn-s", 4): {"num_blocks": 1, "num_filters": 8},
}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (("a2n", 2), half),
        pytest.param(("a2n", 2), white_beside, marks=SLOW),
        pytest.param(("drn-s", 4), half, marks=SLOW),
        pytest.param(("drn-s", 4), white_beside, marks=SLOW),
    ],
)
def test_networks_that_see_everything_in_tiles(name, kind):
    network = randomized(models.build(*name, **GLOBAL[name]))
    image = kind(70, 90)
    whole = np.asarray(network(image[None]))[0]
    shown = quantize(whole, 8).astype(int)
    for tile in (16, 64):
        got = codes(network, image, tile).astype(int)
        assert np.abs(got - shown).max() <= 1
    if name[0] != "a2n" or kind != half:
        return
    # The fault is there where a tile has its own means.
    window = image[:, 30:]
    alone = np.asarray(network(window[None]))[0][:, 32 * network.scale :]
    there = whole[:, 62 * network.scale :]
    assert np.abs(alone - there).max() > 0.01


def test_stages_keep_what_they_need_on_disk_as_in_memory():
    name = ("a2n", 2)
    network = randomized(models.build(*name, **GLOBAL[name]))
    global_pooling, image = Stages(network), half(24, 40)
    results = []
    for limit in (0, 1e9):
        result = np.full((48, 80, 3), np.nan, "float32")
        seen = []
        for place, part in global_pooling.run(
            lambda w: image[w], (24, 40), 16, limit, seen.append
        ):
            result[place] = part
        assert seen[-1] == 1
        results.append(result)
    np.testing.assert_array_equal(*results)
    assert np.isfinite(results[0]).all()


def test_a_tile_without_memory_is_tried_smaller(monkeypatch):
    network = randomized(models.build("espcn", 2, num_filters=[64, 4]))
    image = smooth(80, 96)
    expected = codes(network, image, None)
    real, sizes = Runner.picture, []

    def picture_of(self, part, bits=None):
        sizes.append(part.shape[:2])
        if part.shape[0] * part.shape[1] > 1500:
            raise MemoryError
        return real(self, part, bits)

    monkeypatch.setattr(Runner, "picture", picture_of)
    np.testing.assert_array_equal(codes(network, image, None), expected)
    assert len(sizes) > 8
    monkeypatch.setattr(Runner, "picture", lambda *_: (_ for _ in ()).throw(
        MemoryError))  # fmt: skip
    with pytest.raises(ValueError, match="not even a tile of"):
        codes(network, image, None)


def test_a_stage_without_memory_is_tried_smaller(monkeypatch):
    network = randomized(models.build("a2n", 2, num_blocks=2, num_filters=8))
    image = smooth(64, 80)
    expected = sr_keras.upscale(image, network)
    real, sizes = global_pooling._Stage.compute, []

    def compute(self, feeds):
        sizes.append(feeds[0].shape[1:3])
        if np.prod(feeds[0].shape[1:3]) > 4000:
            raise MemoryError
        return real(self, feeds)

    def too_large(self, image, bits=None):
        raise tf.errors.ResourceExhaustedError(None, None, "no memory")

    monkeypatch.setattr(Runner, "picture", too_large)
    monkeypatch.setattr(global_pooling._Stage, "compute", compute)
    found = sr_keras.upscale(image, network)
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-4)
    assert len(set(sizes)) > 1


def test_a_refiners_tile_without_memory_is_tried_smaller(monkeypatch):
    network = randomized(models.build("srcnn", 2))
    image = smooth(40, 48)[..., :1]
    expected = sr_keras.upscale(image, network, 2.5)
    real, sizes = refine._solve, []

    def solve(forward, maps, lr, *rest):
        sizes.append(lr.shape[:2])
        if lr.size > 1000:
            raise MemoryError
        return real(forward, maps, lr, *rest)

    monkeypatch.setattr(refine, "_solve", solve)
    found = sr_keras.upscale(image, network, 2.5)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert len(set(sizes)) > 1


def test_two_tiles_are_computed_at_once(monkeypatch):
    network = randomized(models.build("espcn", 2, num_filters=[64, 4]))
    image = smooth(40, 64)
    expected = codes(network, image, 1000)
    real, both = Runner.picture, threading.Barrier(2, timeout=60)

    def picture_of(self, part, bits=None):
        both.wait()
        return real(self, part, bits)

    monkeypatch.setattr(enlarger, "_AT_ONCE", 2)
    monkeypatch.setattr(Runner, "picture", picture_of)
    np.testing.assert_array_equal(codes(network, image, 20), expected)


def test_a_missing_tile_is_noticed(monkeypatch):
    network = randomized(models.build("espcn", 2, num_filters=[64, 4]))
    real = Enlarger._solved

    def all_but_one(self, region, bits):
        return real(self, region, bits) if region[1][0] == 0 else iter(())

    monkeypatch.setattr(Enlarger, "_solved", all_but_one)
    with pytest.raises(RuntimeError, match="pixels are missing"):
        codes(network, smooth(40, 40), 16)


def test_less_memory_makes_smaller_tiles():
    network = models.build("edsr", 2, num_blocks=8, num_filters=16)
    source = Pixels(np.zeros((3000, 4000, 3), "float32"))
    areas = []
    for memory in (40_000_000, 400_000_000, 1 << 40):
        finish = upscale.finish_for(network, memory=memory)
        work = enlargement(network, source, 2, None, finish)
        areas.append(work.tile_bytes())
        assert work.tile_bytes() < 1.2 * min(memory, enlarger.TILE_BYTES)
    assert areas == sorted(areas)
    assert areas[0] < areas[1]


def test_a_tile_as_asked_for():
    network = models.build("espcn", 2, num_filters=[64, 4])
    seen = []
    finish = upscale.finish_for(network, tile=20)
    work = enlargement(
        network, Pixels(smooth(40, 60)), 2, None, finish, report=seen.append
    )
    assert [band["sr"].shape[0] for band in work.bands()] == [40, 40]
    np.testing.assert_allclose(seen, np.arange(1, 7) / 6)


def test_numbers_that_are_none_are_refused():
    network = models.build("espcn", 2, num_filters=[64, 4])
    weights = network.get_weights()
    weights[0][:] = np.nan
    network.set_weights(weights)
    with pytest.raises(ValueError, match="espcn gives NaN"):
        codes(network, smooth(20, 20), None)


@pytest.mark.parametrize("bits", [8, 16])
def test_rounding_in_a_graph_is_that_of_files(bits):
    levels = (np.arange(1 << bits) + 0.5) / ((1 << bits) - 1)
    near = np.float32(levels)
    values = [near, np.nextafter(near, 0), np.nextafter(near, 2), -near]
    values = np.concatenate([*values, picture(50, 50).ravel()])
    values = values.astype("float32")
    np.testing.assert_array_equal(
        np.asarray(quantized(values, bits)), quantize(values, bits)
    )


@pytest.mark.parametrize("name", ["edsr", "lapsrn"])
def test_the_reach_of_a_graph(name):
    import keras

    network = models.build(name, 4, **LOCAL[name])
    found, last = graph.calls(network, keras.Input(network.input_shape[1:]))
    felt = {}
    for call in found:
        before = [felt.get(id(x), _START) for x in call.inputs]
        after = graph.felt_after(call, before)
        felt.update({id(x): after for x in call.outputs})
    assert felt[id(last)].reach == network.reach


_START = graph.Felt(0, 0, graph.Fraction(1))


@NEEDS_16_BITS
def test_bfloat16_stays_within_a_level(monkeypatch):
    from sr_keras.inference import precision

    network = models.build("edsr", 2, num_blocks=2, num_filters=16)
    image = smooth(40, 40)
    exact = codes(network, image, None).astype(int)
    with precision.computing(network, "bfloat16", True):
        last = network.get_layer(_last(network))
        assert last.dtype_policy.compute_dtype == "float32"
        rough = codes(network, image, None).astype(int)
    assert np.abs(rough - exact).max() <= 1
    np.testing.assert_array_equal(codes(network, image, None), exact)


def _last(network):
    (layer,) = graph.last_with_weights(network)
    return layer.name
