"""Tiles: what they are computed from, and how large they are."""

import numpy as np
import pytest

from sr_keras import models
from sr_keras.inference import tiles, upscale
from sr_keras.inference.route import enlargement
from sr_keras.inference.tiled import Pixels


@pytest.mark.parametrize("multiples", [(1, 1), (1, 16), (16, 16)])
@pytest.mark.parametrize("shape", [(70, 90), (64, 503), (33, 15)])
def test_windows_are_a_multiple_wide_where_the_image_is(shape, multiples):
    grid = tiles.Grid(
        [shape, [2 * n for n in shape]], [(1, 1), (2, 2)], multiples
    )
    seen = np.zeros([2 * n for n in shape], int)
    for region in grid.regions((30, 40)):
        tile = grid.tile(region, 5)
        for axis, multiple in enumerate(multiples):
            window, (start, stop) = tile.windows[0][axis], region[axis]
            length = shape[axis]
            assert 0 <= window.start <= max(start - 5, 0)
            assert length >= window.stop >= min(stop + 5, length)
            side = window.stop - window.start
            assert side % multiple == 0 or length - side < multiple
            assert side < stop - start + 10 + multiple
        columns = np.arange(2 * shape[1])[tile.windows[1][1]]
        np.testing.assert_array_equal(
            columns[tile.core[1]], np.arange(2 * shape[1])[tile.inside[1]]
        )
        seen[tile.inside] += 1
    assert (seen == 1).all()


@pytest.mark.parametrize(
    ("shape", "most"), [((3000, 4000), 0.2), ((700, 120), 0.15), ((90, 90), 0)]
)
def test_margins_are_a_small_part(shape, most):
    network = models.build("edsr", 2, num_blocks=8, num_filters=16)
    source = Pixels(np.zeros((*shape, 3), "float32"))
    finish = upscale.finish_for(network, memory=1 << 40)
    work = enlargement(network, source, 2, None, finish)
    seconds = work.seconds(1.0)
    assert 1 <= seconds / np.prod(shape) <= 1 / (1 - most)
