import tracemalloc

import numpy as np
import pytest
from checks import picture, smooth

from sr_keras.imaging import images
from sr_keras.training import plots

LOSSES = np.geomspace(0.1, 0.01, 60).tolist()
RATES = [1e-3] * 30 + [1e-4] * 30
HISTORY = [(20, 1e-3), (40, 5e-4), (60, 4e-4)]


def drawn(path):
    pixels = images.read(path).pixels
    assert pixels.shape[-1] == 3
    assert pixels.std() > 0.02
    return pixels


@pytest.mark.parametrize(
    ("losses", "rates", "history"),
    [
        (LOSSES, RATES, HISTORY),
        (LOSSES, RATES, []),
        ([], [], []),
        ([0.1], [1e-3], [(1, 0.1)]),
        ([0.0, 0.0], [1e-3, 0.0], [(2, 0.0)]),
    ],
    ids=["usual", "no history", "nothing", "one step", "zeros"],
)
@pytest.mark.filterwarnings("error")
def test_training_is_drawn(tmp_path, losses, rates, history):
    plots.training(tmp_path / "t.png", losses, rates, history)
    height, width = drawn(tmp_path / "t.png").shape[:2]
    assert height > 400
    assert width > 400
    assert [f.name for f in tmp_path.iterdir()] == ["t.png"]


def test_every_curve_changes_the_plot(tmp_path):
    path = tmp_path / "t.png"

    def plot(*data):
        plots.training(path, *data)
        return drawn(path)

    usual = plot(LOSSES, RATES, HISTORY)
    third = len(usual) // 3
    changed = {
        "loss": plot([x * 2 for x in LOSSES], RATES, HISTORY),
        "history": plot(LOSSES, RATES, [(s, e / 9) for s, e in HISTORY]),
        "rates": plot(LOSSES, [r * 3 for r in RATES], HISTORY),
    }
    for place, pixels in enumerate(changed.values()):
        change = np.abs(pixels - usual).max((1, 2)) > 0.1
        parts = [change[i * third : (i + 1) * third].any() for i in range(3)]
        assert parts[place]


@pytest.mark.parametrize(
    ("rates", "drops"),
    [
        ([1, 1, 0.1, 0.1, 0.01], [3, 5]),
        ([1, 0.5, 0.25], [2, 3]),
        ([1, 0.99, 0.9, 0.7, 0.6], []),
        ([0.1, 1.0, 1.0], []),
        ([1e-3], []),
        ([], []),
    ],
)
def test_drops(rates, drops):
    assert plots._drops(rates) == drops


def test_smoothing_is_a_mean_of_the_latest():
    values = np.arange(60.0)
    got = plots._smoothed(values)
    expected = [values[max(i - 24, 0) : i + 1].mean() for i in range(60)]
    np.testing.assert_allclose(got, expected)
    assert len(plots._smoothed([])) == 0


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("hr", [False, True])
@pytest.mark.filterwarnings("error")
def test_comparison_is_drawn(tmp_path, channels, hr):
    lr, sr = smooth(100, 120, channels), smooth(200, 240, channels)
    path = tmp_path / "c.png"
    plots.comparison(path, lr, sr * 0.9, sr, sr[:199, :238] if hr else None)
    height, width = drawn(path).shape[:2]
    assert width / height == pytest.approx(3.3 if hr else 2.6, abs=0.6)


@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (1, 300)])
@pytest.mark.filterwarnings("error")
def test_comparison_of_tiny_images(tmp_path, shape):
    sr = smooth(shape[0] * 2, shape[1] * 2)
    plots.comparison(tmp_path / "c.png", smooth(*shape), sr * 0.9, sr)
    drawn(tmp_path / "c.png")


def test_comparison_without_values_in_range(tmp_path):
    """Results are not clipped, and a picture of them must be no accident."""
    sr = smooth(40, 40)
    for name, offset in (("a.png", 0), ("b.png", 5)):
        interpolated = np.where(sr > 0.6, sr + offset, sr)
        shown = np.where(sr > 0.6, 1, sr) if not offset else interpolated
        plots.comparison(tmp_path / name, sr[::2, ::2], shown, sr)
    first, second = (drawn(tmp_path / n) for n in ("a.png", "b.png"))
    np.testing.assert_array_equal(first, second)


def brightest(interpolated, sr):
    """The change within the window that is shown, and within the best one."""
    change = np.abs(np.clip(sr, 0, 1) - interpolated).sum(-1)
    part = plots._telling(interpolated, sr)
    return part, change[part].sum(), change


@pytest.mark.parametrize(
    ("shape", "place"),
    [
        ((500, 700), (330, 410)),
        ((500, 700), (0, 0)),
        ((500, 700), (470, 670)),
        ((333, 171), (300, 20)),
        ((161, 1000), (5, 800)),
    ],
)
def test_the_most_changed_part_is_shown(shape, place):
    sr = np.zeros((*shape, 3), "float32")
    top, left = place
    sr[top : top + 30, left : left + 30] = picture(30, 30)[
        : shape[0] - top, : shape[1] - left
    ]
    (rows, columns), shown, change = brightest(np.zeros_like(sr), sr)
    assert rows.stop - rows.start == min(160, shape[0])
    assert columns.stop - columns.start == min(160, shape[1])
    assert 0 <= rows.start < rows.stop <= shape[0]
    assert 0 <= columns.start < columns.stop <= shape[1]
    assert shown == pytest.approx(change.sum(), rel=0.35)
    if place == (330, 410):
        assert shown == pytest.approx(change.sum(), rel=1e-5)


def test_what_is_clipped_away_is_no_change():
    sr = np.zeros((400, 400, 3), "float32")
    sr[330:360, 330:360] = 0.5
    sr[10:40, 10:40] = 9.0
    interpolated = np.zeros_like(sr)
    interpolated[10:40, 10:40] = 1.0
    rows, columns = plots._telling(interpolated, sr)
    assert rows.start > 100
    assert columns.start > 100


def test_small_images_are_shown_whole():
    sr = picture(100, 159)
    part = plots._telling(sr * 0, sr)
    assert part == (slice(0, 100), slice(0, 159))


def test_the_search_needs_no_copy_of_a_large_image():
    sr = np.tile(smooth(100, 100), (15, 20, 1))
    interpolated = sr * 0.9
    tracemalloc.start()
    plots._telling(interpolated, sr)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.1 * sr.nbytes


def test_curves_of_epochs(tmp_path):
    rows = [
        {"epoch": i + 1, "loss": 0.1 / (i + 1), "psnr": 30.0 + i, "rate": 1e-3}
        for i in range(3)
    ]
    plots.curves(tmp_path / "a.png", rows, 29.5)
    without = [{**row, "psnr": None, "loss": 0.0} for row in rows]
    plots.curves(tmp_path / "b.png", without)
    one, other = (images.read(tmp_path / f"{n}.png").pixels for n in "ab")
    assert one.shape == other.shape
    assert not np.array_equal(one, other)


def test_strip_shows_where_the_network_changed_most():
    bicubic = np.zeros((400, 380, 1), "float32")
    sr = bicubic.copy()
    sr[300:310, 20:30] = 1
    lr = np.full((200, 190, 1), 0.25, "float32")
    strip = plots.strip(lr, bicubic, sr, np.full_like(sr, 0.5))
    height = strip.shape[0]
    parts = np.split(strip, 4, axis=1)
    assert strip.shape == (height, 4 * parts[0].shape[1], 3)
    assert (parts[0] == 0.25).all()
    assert (parts[1] == 0).all()
    assert parts[2].sum() == 300
    assert (parts[3] == 0.5).all()
