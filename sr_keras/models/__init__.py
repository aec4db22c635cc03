"""The networks: one file a family, found by name.

Adding one is a new file here, a test, and a line in the table below.
"""

import copy
import importlib
from typing import TYPE_CHECKING

from sr_keras.models.recipes import RENAMED
from sr_keras.support.suggest import meant, unknown

if TYPE_CHECKING:
    from sr_keras.models.network import Network

# name -> (file in this folder, class, its fixed arguments, one line).
# A lookup imports that one file, never all of them.
_TABLE = {
    "nearest": (
        "classical", "Classical", {"method": "nearest"}, "the nearest pixel",
    ),
    "bilinear": (
        "classical", "Classical", {"method": "bilinear"}, "2x2 triangle",
    ),
    "bicubic": (
        "classical", "Classical", {"method": "bicubic"}, "4x4 Keys, a=-0.5",
    ),
    "lanczos": (
        "classical", "Classical", {"method": "lanczos"}, "6x6 windowed sinc",
    ),
    "fourier": (
        "classical", "Classical", {"method": "fourier"},
        "the mirrored image's spectrum, padded with zeros",
    ),
    "srcnn": (
        "srcnn", "SRCNN", {}, "Dong et al. 2016: three layers, on luma",
    ),
    "espcn": (
        "espcn", "ESPCN", {}, "Shi et al. 2016: sub-pixel, on luma",
    ),
    "edsr": (
        "edsr", "EDSR", {}, "Lim et al. 2017: the baseline, 16 blocks of 64",
    ),
    "edsr-full": (
        "edsr", "EDSR",
        {"num_blocks": 32, "num_filters": 256, "residual_scaling": 0.1},
        "Lim et al. 2017: the final model, 32 blocks of 256",
    ),
    "srresnet": (
        "srresnet", "SRResNet", {}, "Ledig et al. 2017: SRGAN's generator",
    ),
    "srgan": (
        "srgan", "SRGAN", {},
        "Ledig et al. 2017: SRResNet, trained to look like a photo",
    ),
    "lapsrn": (
        "lapsrn", "LapSRN", {}, "Lai et al. 2017: a Laplacian pyramid",
    ),
    "zssr": (
        "zssr", "ZSSR", {}, "Shocher et al. 2018: learns from one image",
    ),
    "a2n": (
        "a2n", "A2N", {},
        "Chen, Gu, Zhang 2021: blocks with and without attention",
    ),
    "a2n-m": (
        "a2n", "A2N", {"non_attention_size": 1},
        "Chen, Gu, Zhang 2021: A2N with fewer parameters",
    ),
    "drn-s": (
        "drn", "DRN", {"variant": "s"},
        "Guo et al. 2020: dual regression, every level is an image",
    ),
    "drn-l": (
        "drn", "DRN", {"variant": "l"}, "Guo et al. 2020: the large one",
    ),
    "lens": (
        "lens", "Lens", {}, "this project's own, of the weights it brings",
    ),
    "vae": (
        "vae", "VAE", {},
        "after Kingma, Welling 2014: draws many plausible images",
    ),
}  # fmt: skip

CLASSICAL = ("nearest", "bilinear", "bicubic", "lanczos", "fourier")


def list_models() -> list[str]:
    """Names of the networks that `build` knows.

    Returns:
        List of str.
    """
    return list(_TABLE)


def describe(name):
    """One line on what a network is.

    Args:
        name: str, one of `list_models()`.

    Returns:
        str.
    """
    return _entry(name)[3]


def network_class(name):
    """The class of a network, and the arguments its name stands for.

    Args:
        name: str, one of `list_models()`.

    Returns:
        Tuple of the class and a dict.

    Raises:
        ValueError: no network has that name.
    """
    module, cls, fixed, _ = _entry(name)
    module = importlib.import_module(f"{__name__}.{module}")
    return getattr(module, cls), dict(fixed)


def recipe(name, which="default", scale=None):
    """The training settings that belong to a network.

    Args:
        name: str, one of `list_models()`.
        which: str, the recipe's name.
        scale: int, the factor, where the recipe has settings of its own for
            it.

    Returns:
        dict.

    Raises:
        ValueError: the network has no such recipe.
    """
    module = _entry(name)[0]
    recipes = importlib.import_module(f"{__name__}.{module}").RECIPES
    if RENAMED.get(which) in recipes:
        raise ValueError(
            f"recipe {which!r} for {name} is now called {RENAMED[which]}: "
            f"give --recipe {RENAMED[which]}"
        )
    if which not in recipes:
        raise ValueError(unknown("no recipe", which, recipes, f" for {name}"))
    found = copy.deepcopy(recipes[which])
    found.pop("evaluation", None)
    for group, fields in found.pop("scales", {}).get(scale, {}).items():
        found[group] = {**found.get(group, {}), **fields}
    return found


def paper_evaluation(name):
    """How the figures of a network's paper are read.

    Args:
        name: str, one of `list_models()`.

    Returns:
        dict: "protocol" (of `models.protocols`) and "pipeline" ("files" or
        "luma", how LR is made), None where the paper does not say; {} for
        networks without a paper's recipe.

    Raises:
        ValueError: no network has that name.
    """
    module = importlib.import_module(f"{__name__}.{_entry(name)[0]}")
    return dict(module.RECIPES.get("paper", {}).get("evaluation", {}))


def build(name: str, scale: float, **arguments: object) -> "Network":
    """Build a network: LR image in, SR image out.

    Args:
        name: str, one of `list_models()`.
        scale: int, the whole factor between input and output.
        **arguments: the network's own, `num_filters=32` for one.

    Returns:
        A `Network`. Input (N, H, W, C) and output (N, scale*H, scale*W, C)
        are float32 in [0, 1]. A refiner comes wrapped with the bicubic
        interpolation in front of it (`layers.FixedUpsample`).

    Raises:
        ValueError: unknown name, an unsupported scale or argument.
    """
    if scale not in range(1, 17):
        raise ValueError(
            f"scale must be a whole number from 1 to 16, not {scale!r}: other "
            "factors go through sr_keras.upscale"
        )
    network = build_bare(name, int(scale), **arguments)
    if not network.refiner:
        return network
    from sr_keras.models.pre_upsampled import Interpolated

    return Interpolated(network, int(scale), name=name)


def build_bare(name, scale, **arguments):
    """Build a network as it trains: a refiner without its interpolation.

    Args:
        name: str, one of `list_models()`.
        scale: the factor; for a refiner any, or a (y, x) pair.
        **arguments: the network's own.

    Returns:
        A `Network`.

    Raises:
        ValueError: unknown name, an unsupported scale or argument.
    """
    check_scale(name, scale)
    cls, fixed = network_class(name)
    try:
        return cls(scale=scale, **{"name": name, **fixed, **arguments})
    except TypeError as e:
        raise ValueError(f"{name}: {e}") from e


def missing(name, path, others=()):
    """What is said where there is no network.

    Args:
        name: str, what was asked for.
        path: Path where it would be.
        others: names of weights there are.

    Returns:
        str.
    """
    trained = f"{name} is a network to be trained first; there is "
    ready = (*others, *CLASSICAL)
    return (
        f"{trained if str(name) in _TABLE else ''}no network at {path}: "
        f"{meant(name, ready)}give a .keras file, a run's folder, or "
        f"one of {', '.join(ready)}"
    )


def check_scale(name, scale):
    """Refuse a factor that a network does not have.

    Args:
        name: str, one of `list_models()`.
        scale: the factor.

    Raises:
        ValueError: it has others; the message lists them.
    """
    known = network_class(name)[0].scales
    if known and scale not in known:
        listed = ", ".join(map(str, known))
        raise ValueError(f"{name} has no scale {scale}: use one of {listed}")


def _entry(name):
    if name not in _TABLE:
        raise ValueError(unknown("no network is called", name, _TABLE))
    return _TABLE[name]
