import itertools

import numpy as np
import pytest

from sr_keras import models
from sr_keras.inference import channels
from sr_keras.models import protocols
from sr_keras.training import objectives, run_settings
from sr_keras.training.optim import schedules
from sr_keras.training.plan import Learning, plan

ARTICLE = "article"


def rates(steps, count, **learning):
    rate = schedules.of_epochs(Learning(**learning), steps)
    if isinstance(rate, float):
        return [rate] * count
    return [float(rate(k)) for k in range(count)]


def test_constant_rate():
    assert rates(3, 6, learning_rate=0.5, epochs=2) == [0.5] * 6


def test_rate_in_steps():
    found = rates(
        2, 10, learning_rate=0.8, schedule="step", step_every=2, epochs=5,
        step_factor=0.5, final_rate=0.3,
    )  # fmt: skip
    np.testing.assert_allclose(found, [0.8] * 4 + [0.4] * 4 + [0.3] * 2)


def test_cosine_rate():
    found = rates(
        2, 9, learning_rate=0.8, schedule="cosine", epochs=4, final_rate=0.2
    )
    t = np.pi * np.arange(9) / 8
    np.testing.assert_allclose(found, 0.2 + 0.3 * (1 + np.cos(t)), rtol=1e-5)
    assert rates(2, 9, schedule="cosine", epochs=4)[-1] == 0


@pytest.mark.parametrize(
    "name", [n for n in models.list_models() if n not in models.CLASSICAL]
)
def test_every_recipe_is_understood(name):
    if name == "zssr":
        return
    module = models.network_class(name)[0].__module__
    recipes = __import__(module, fromlist=["RECIPES"]).RECIPES
    assert "default" in recipes
    scales = models.network_class(name)[0].scales or (2,)
    for which, scale in itertools.product(recipes, scales):
        recipe = models.recipe(name, which, scale)
        job = {"recipe": which, "scale": scale, "objective": None}
        objective, groups = run_settings.groups_of(job, name, [{}], False)
        settings = objectives.training_of(objective).Settings
        made = plan(groups, objective, settings)
        assert made.data.batch_size == recipe["data"]["batch_size"]
        assert made.learning.steps_per_epoch


def test_every_papers_recipe_says_how_its_figures_are_read():
    said = {}
    for name in models.list_models():
        cls, fixed = models.network_class(name)
        recipes = __import__(cls.__module__, fromlist=["RECIPES"]).RECIPES
        said[name] = models.paper_evaluation(name)
        assert bool(said[name]) is ("paper" in recipes), name
        if not said[name]:
            continue
        assert set(said[name]) == {"protocol", "pipeline"}
        assert said[name]["protocol"] in (None, *protocols.NAMES)
        recipe = models.recipe(name, "paper")
        assert "evaluation" not in recipe  # no setting of a training
        if said[name]["pipeline"] == protocols.LUMA:
            arguments = {**fixed, **recipe.get("network", {})}
            network = models.build(name, 2, **arguments)
            assert channels.is_for_luma(network)
    luma = {"protocol": "y8", "pipeline": "luma"}
    assert said["srcnn"] == said["lapsrn"] == luma
    for name in ("edsr", "edsr-full", "a2n", "a2n-m", "drn-s", "drn-l"):
        assert said[name] == {"protocol": "y", "pipeline": "files"}


@pytest.mark.parametrize(
    ("name", "scale", "data"),
    [
        # 17x17 LR pixels at stride 14 (section 4.2).
        ("espcn", 2, {"hr_patch_size": 34, "stride": 28, "augment": False}),
        ("espcn", 3, {"hr_patch_size": 51, "stride": 42, "augment": False}),
        ("espcn", 4, {"hr_patch_size": 68, "stride": 56, "augment": False}),
        # Section 4.1.
        ("srcnn", 3, {"hr_patch_size": 33, "stride": 14, "augment": False}),
        # The authors' README.md.
        ("a2n", 2, {"hr_patch_size": 128, "batch_size": 32}),
        ("a2n", 3, {"hr_patch_size": 192, "batch_size": 32}),
        ("a2n-m", 4, {"hr_patch_size": 256, "batch_size": 32}),
    ],
)
def test_patches_of_the_papers(name, scale, data):
    found = models.recipe(name, "paper", scale)["data"]
    assert found.items() >= data.items()
    assert found["degradation"] == "bicubic"


@pytest.mark.parametrize("name", ["a2n", "a2n-m"])
def test_learning_of_a2n(name):
    paper = Learning(**models.recipe(name, "paper", 4)["learning"])
    assert (paper.learning_rate, paper.loss) == (5e-4, "l1")
    assert (paper.schedule, paper.step_every, paper.step_factor) == (
        "step", 200, 0.5,
    )  # fmt: skip
    assert (paper.epochs, paper.steps_per_epoch) == (2000, 1000)
    epochs = {2: 500, 3: 500, 4: 200}
    for scale, count in epochs.items():
        recipe = models.recipe(name, ARTICLE, scale)
        assert recipe["data"]["hr_patch_size"] == 128
        assert Learning(**recipe["learning"]).epochs == count
        # x4 begins with the network for x2, and says so without one.
        wanted = run_settings.start_wanted(
            {"recipe": ARTICLE, "scale": scale}, name
        )
        assert ["--init-from" in line for line in wanted] == [True] * (
            scale == 4
        )


@pytest.mark.parametrize(
    ("group", "fields", "says"),
    [
        ("data", {"batch_size": 0}, "batch_size must be 1 or more, not 0"),
        ("data", {"batch": 3}, "unknown data setting batch"),
        ("data", {"batch_size": "3"}, "batch_size is of type int"),
        ("learning", {"loss": "l3"}, "no loss 'l3'.*l1, l2, charbonnier"),
        ("learning", {"loss": "-1*l2"}, "positive weights"),
        ("learning", {"loss": "x*l2"}, "positive weights"),
        ("learning", {"optimizer": "adan"}, "did you mean adam or adamw"),
        ("learning", {"schedule": "cosin"}, "did you mean cosine"),
        ("learning", {"mixed_precision": "float16"}, "mixed_float16"),
        ("learning", {"epochs": 0}, "epochs must be 1 or more"),
        ("learning", {"ema": 1}, "ema must be from 0 to less than 1"),
        ("learning", {"learning_rate": 0}, "learning_rate must be more than"),
        ("learning", {"layer_rates": {"a": -1}}, "rate of layer a must be 0"),
        ("learning", {"step_factor": 2}, "step_factor must be above 0"),
        ("learning", {"skip_factor": 1}, "skip_factor must be more than 1"),
        ("learning", {"weight_decay": -1}, "weight_decay must be 0 or more"),
        ("learning", {"epsilon": 0}, "epsilon must be more than 0, not 0"),
        ("learning", {"seed": -1}, "seed must be 0 to"),
        ("lerning", {}, "unknown config setting lerning"),
    ],
)
def test_what_is_refused(group, fields, says):
    with pytest.raises((ValueError, TypeError), match=says):
        plan({group: fields})
