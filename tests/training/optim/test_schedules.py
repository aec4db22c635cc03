import keras
import numpy as np
import pytest

from sr_keras.training.optim import schedules
from sr_keras.training.optim.schedules import Official

PROGRESS = np.linspace(0, 1, 1001)
SHAPES = ["step", "cosine", "cyclic", "triangular"]


def curve(name):
    schedule = schedules.get(name, 1e-3)
    return np.array([schedule(p, []) for p in PROGRESS])


@pytest.mark.parametrize("name", SHAPES)
def test_factors_are_positive_and_at_most_one(name):
    factors = curve(name)
    assert factors.min() > 0
    assert factors.max() <= 1
    assert factors.max() > 0.99


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("progress", [1.0, 1.5])
def test_the_end_and_beyond(name, progress):
    factor = schedules.get(name, 1e-3)(progress, [])
    assert 0 < factor < 0.05


@pytest.mark.parametrize("name", ["step", "cyclic"])
@pytest.mark.parametrize("steps", [1500, 1000, 35, 5])
def test_the_rate_is_halved_after_every_fifth_of_the_steps(name, steps):
    """Every 300 of the Keras port's 1500."""
    schedule = schedules.get(name, 1e-3)
    factors = [schedule(k / steps, []) for k in range(steps)]
    expected = np.repeat(0.5 ** np.arange(5), steps // 5)
    assert factors == expected.tolist()


def test_cyclic_begins_anew_at_each_scale_and_step_does_not():
    parts = [(0.0, 0.5), (0.5, 1.0)]
    cyclic, step = (
        [
            schedules.get(name, 1e-3, part)(p, [])
            for part in parts
            for p in np.arange(10) / 10
        ]
        for name in ("cyclic", "step")
    )
    assert cyclic == 2 * np.repeat(0.5 ** np.arange(5), 2).tolist()
    assert step == np.repeat(0.5 ** np.arange(5), 4).tolist()


def test_cosine_falls_smoothly_to_a_hundredth():
    factors = curve("cosine")
    peak = factors.argmax()
    assert PROGRESS[peak] <= 0.1
    assert (np.diff(factors[: peak + 1]) >= 0).all()
    assert (np.diff(factors[peak:]) < 0).all()
    assert factors[-1] == pytest.approx(0.01)
    assert np.abs(np.diff(factors)).max() < 0.05
    middle = factors[(peak + 1000) // 2]
    assert middle == pytest.approx(0.505, abs=0.01)


def test_triangular_is_four_triangles_each_half_as_high():
    factors = curve("triangular")
    inner = factors[1:-1]
    top = (inner > factors[:-2]) & (inner > factors[2:])
    peaks = inner[top]
    np.testing.assert_allclose(peaks, [1, 0.5, 0.25, 0.125], rtol=0.01)
    np.testing.assert_allclose(
        PROGRESS[1:-1][top], [0.125, 0.375, 0.625, 0.875], atol=0.002
    )
    for cycle in range(4):
        start = factors[250 * cycle]
        assert start == pytest.approx(0.1 * 0.5**cycle, rel=0.02)


def test_triangular_with_another_count():
    factors = [schedules.triangular(p, cycles=2) for p in PROGRESS]
    assert factors[250] == pytest.approx(1)
    assert factors[750] == pytest.approx(0.5)


@pytest.mark.parametrize("name", schedules.SCHEDULES)
def test_by_name(name):
    schedule = schedules.get(name, 1e-3)
    assert schedule(0.0, []) > 0
    assert isinstance(schedule, Official) == (name == "official")


def test_every_run_has_an_official_rule_of_its_own():
    assert schedules.get("official", 1) is not schedules.get("official", 1)


def test_unknown_name():
    with pytest.raises(ValueError, match="'linear'.*official.*cyclic"):
        schedules.get("linear", 1e-3)


def followed(error, steps=2000, learning_rate=1e-3, before=(), **options):
    """Factors that the rule gives before each step, until it ends.

    The error is measured every 50 steps, as in a training.
    """
    rule = Official(learning_rate, **options)
    history, factors = list(before), []
    first = history[-1][0] if history else 0
    for taken in range(steps):
        factor = rule(0.0, history)
        if factor is None:
            break
        factors.append(factor)
        if (taken + 1) % 50 == 0:
            history.append((first + taken + 1, error(taken + 1)))
    return np.array(factors)


def noisy(step):
    return 1e-3 * (1 + 0.2 * np.random.default_rng(step).standard_normal())


def rising(step):
    return 1e-3 + 1e-6 * step


def falling(step):
    return 1e-2 - 4e-6 * step


def drops(factors):
    """The numbers of steps taken when the rate was divided."""
    return (np.flatnonzero(np.diff(factors)) + 1).tolist()


def test_a_falling_error_keeps_the_rate():
    factors = followed(falling)
    assert len(factors) == 2000
    assert (factors == 1).all()


def test_a_slope_within_its_noise_divides_the_rate_by_ten():
    factors = followed(noisy)
    values = np.unique(factors)[::-1]
    np.testing.assert_allclose(values, 0.1 ** np.arange(len(values)))
    assert len(values) >= 2


@pytest.mark.parametrize(
    ("learning_rate", "count"), [(1e-3, 3), (1e-2, 4), (8.9e-5, 1), (9e-6, 1)]
)
def test_it_stops_below_9e_6(learning_rate, count):
    factors = followed(rising, 5000, learning_rate)
    assert len(np.unique(factors)) == count
    assert learning_rate * factors[-1] >= 9e-6
    assert len(factors) == 300 * count


def test_it_stays_stopped():
    rule = Official(1e-6)
    assert rule(0.0, []) is None
    assert rule(0.0, [(1, 0.1)]) is None


def test_it_does_not_look_before_256_steps_nor_between_60():
    """300 is the first multiple of 60 after 256; 600 is 256 after it."""
    assert drops(followed(rising, 1100)) == [300, 600]
    assert drops(followed(rising, 1100, settling=400)) == [420, 840]
    assert drops(followed(rising, 1100, patience=70)) == [280, 560]


def test_it_looks_again_60_steps_later():
    def error(step):
        return falling(step) if step <= 300 else 9e-3

    # At 300 the line falls; soon it is flat enough.
    first = drops(followed(error, 1000))[0]
    assert first in (360, 420, 480)


def test_only_the_latest_five_errors_count():
    def error(step):
        return 0.0 if step < 100 else falling(step)

    # With the first one among them the line would rise.
    later = {"settling": 300}
    assert drops(followed(error, 400, points=5, **later)) == []
    assert drops(followed(error, 400, points=7, **later)) == [360]


def test_an_error_measured_just_now_is_for_the_next_look():
    def error(step):
        return 1.0 if step == 300 else falling(step)

    assert drops(followed(error, 359)) == []
    assert drops(followed(error, 400)) == [360]


def test_the_ratio_makes_it_patient():
    def error(step):
        return 1e-3 - 1e-7 * step + 6e-6 * (step // 50 % 2)

    assert drops(followed(error, 1500, ratio=10.0)) == []
    assert drops(followed(error, 1500, ratio=0.1)) != []


def test_the_rule_by_hand():
    errors = {50 * i: 0.4 * noisy(50 * i) - 8e-7 * 50 * i for i in range(1, 40)}
    factors = followed(errors.get, 1999, learning_rate=0.9)
    dropped, expected, looks = 0, [], 0
    for step in range(60, 1999, 60):
        if step - dropped > 256:
            looks += 1
            at = [s for s in errors if s < step][-5:]
            (slope, _), ((variance, _), _) = np.polyfit(
                at, [errors[s] for s in at], 1, cov=True
            )
            # NumPy of 2018 divided by n - 4, not by n - 2.
            if -1.5 * slope < (variance * 3 / 1) ** 0.5:
                dropped = step
                expected.append(step)
    assert 1 < len(expected) < looks - 1
    assert drops(factors) == expected


def test_errors_of_an_earlier_scale_do_not_count():
    before = [(50 * i, rising(50 * i)) for i in range(1, 21)]
    assert drops(followed(rising, 500, before=before)) == [300]
    # A new scale is harder: the jump is no reason to slow down.
    before = [(50 * i, 1e-9) for i in range(1, 21)]
    assert drops(followed(falling, 1000, before=before)) == []


def test_too_few_errors_say_nothing():
    rule = Official(1e-3)
    assert [rule(0.0, []) for _ in range(1000)] == [1.0] * 1000
    rule = Official(1e-3)
    rule(0.0, [])
    two = [(1, 0.1), (2, 0.2)]
    assert [rule(0.0, two) for _ in range(1000)] == [1.0] * 1000


def shaken(error, draw, bit=1e-16):
    """The same curve with its last bits moved, as another processor would."""
    bits = np.random.default_rng(draw)
    return lambda step: error(step) * (1 + bit * bits.choice([-2, -1, 1, 2]))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("bit", [1e-16, 6e-8])
@pytest.mark.parametrize("level", [0.5, 1 / 3, 1e-9, 0.0])
def test_a_flat_curve_always_drops_the_rate(level, bit):
    for draw in range(100):
        curve = shaken(lambda step: level, draw, bit)
        assert drops(followed(curve, 700)) == [300, 600]


@pytest.mark.filterwarnings("error")
def test_a_perfect_line_never_does():
    for draw in range(100):
        line = shaken(lambda step: 1 - step * 1e-4, draw)
        assert (followed(line, 700) == 1).all()


def test_float32_errors_that_fall_little_by_little_keep_the_rate():
    def error(step):
        return np.float32(1e-3 * (1 - step * 1e-6))

    assert (followed(error, 700) == 1).all()


def test_is_no_keras_schedule():
    """The rate is set from outside: steps are not all there is to know."""
    for name in schedules.SCHEDULES:
        assert not isinstance(
            schedules.get(name, 1e-3),
            keras.optimizers.schedules.LearningRateSchedule,
        )
