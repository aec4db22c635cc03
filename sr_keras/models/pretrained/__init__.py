"""Weights that come with this package: the networks and what is known of them.

`index.json` has a card for each file beside it:

    name, scale, file    what `load` finds it by
    network, arguments   what it is a network of (`models.build`)
    parameters           int
    sha256               of the file
    data, licence        what it learned from, and under which terms that is
    command, seed        how it was trained
    steps, hours         for how long
    scores               {data set: {protocol: PSNR in dB}}
    float16              what the storage costs, in dB

A file is an .npz with one float16 array for each weight, in the network's
order.
"""

import functools
import hashlib
import io
import json
from pathlib import Path

import numpy as np

from sr_keras.models.protocols import update
from sr_keras.support.atomic import replaced

FOLDER = Path(__file__).parent

INDEX = "index.json"


@functools.lru_cache(maxsize=4)
def cards(folder=FOLDER):
    """What there is.

    Args:
        folder: Path with an index.json.

    Returns:
        List of dict, as above.

    Raises:
        ValueError: the index is broken.
    """
    try:
        return update(json.loads((folder / INDEX).read_text("utf-8")))
    except FileNotFoundError:
        return []
    except ValueError as e:
        raise ValueError(f"{folder / INDEX} is broken: {e}") from e


def names(folder=None):
    """The names that `load` takes.

    Args:
        folder: as in `cards`; this package's when None.

    Returns:
        List of str, each once.
    """
    found = cards(folder or FOLDER)
    return list(dict.fromkeys(card["name"] for card in found))


def card_for(name, scale=None, folder=None):
    """The card of the weights for a factor.

    Args:
        name: str, one of `names`.
        scale: number; the smallest when None.
        folder: as in `names`.

    Returns:
        dict: of the smallest factor from `scale` up, else of the largest.

    Raises:
        ValueError: there is no such name.
    """
    found = [c for c in cards(folder or FOLDER) if c["name"] == name]
    if not found:
        there = ", ".join(names(folder)) or "none"
        raise ValueError(f"no weights are called {name!r}; there are: {there}")
    found.sort(key=lambda card: card["scale"])
    enough = [c for c in found if c["scale"] >= (scale or 0) * (1 - 1e-9)]
    return enough[0] if enough else found[-1]


def load(name, scale=None, folder=None):
    """Load a network.

    Args:
        name: as in `card_for`.
        scale: as in `card_for`.
        folder: as in `names`.

    Returns:
        `Network`; its `about` is the card.

    Raises:
        ValueError: there is no such name, or the file is not what the card
            says.
        FileNotFoundError: the file is missing.
    """
    from sr_keras import models

    card = card_for(name, scale, folder)
    arrays = _read((folder or FOLDER) / card["file"], card["sha256"])
    network = models.build(card["network"], card["scale"], **card["arguments"])
    shapes = [tuple(w.shape) for w in network.weights]
    if [a.shape for a in arrays] != shapes:
        raise ValueError(
            f"{card['file']} has other weights than {card['network']} x"
            f"{card['scale']}: install sr_keras anew"
        )
    network.set_weights([a.astype("float32") for a in arrays])
    network.about = dict(card)
    return network


def stored(network):
    """A network's weights as a file's content.

    Args:
        network: `Network`.

    Returns:
        bytes, the same for the same weights.

    Raises:
        ValueError: a weight is too large for float16.
    """
    arrays = {}
    for i, weight in enumerate(network.get_weights()):
        with np.errstate(over="ignore"):
            arrays[f"{i:04d}"] = weight.astype("float16")
        if not np.isfinite(arrays[f"{i:04d}"]).all():
            raise ValueError(
                f"{network.weights[i].path} has {abs(weight).max():g}, too "
                "much for float16"
            )
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def restored(network, content):
    """The network that a file's content makes of another one.

    Args:
        network: `Network`, whose name, factor and arguments it has.
        content: bytes, as `stored` makes them.

    Returns:
        `Network`, a new one.
    """
    from sr_keras import models

    name, arguments = _described(network)
    twin = models.build(name, network.scale, **arguments)
    _set(twin, _arrays(content))
    return twin


def add(network, content, card, folder=None):
    """Write a file and its card.

    Args:
        network: `Network`.
        content: bytes, as `stored` makes them.
        card: dict, what is said at the top, but for what is known of the
            network and the file.
        folder: as in `names`.

    Returns:
        Path of the file.
    """
    folder = Path(folder or FOLDER)
    name, arguments = _described(network)
    path = folder / f"{card['name']}_x{card['scale']}.npz"
    card = {
        **card,
        "file": path.name,
        "network": name,
        "arguments": arguments,
        "parameters": network.count_params(),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    cards.cache_clear()
    own = (card["name"], card["scale"])
    others = [c for c in cards(folder) if (c["name"], c["scale"]) != own]
    found = sorted([*others, card], key=lambda c: (c["name"], c["scale"]))
    with replaced(path) as file:
        file.write(content)
    with replaced(folder / INDEX) as file:
        file.write((json.dumps(found, indent=2) + "\n").encode("utf-8"))
    cards.cache_clear()
    return path


def _described(network):
    """A network's name in `models`, and the arguments it is built with."""
    from sr_keras import models

    bare = network.core
    name = network.about.get("name", network.name)
    _, fixed = models.network_class(name)
    taken = {"name", "scale", "about", *fixed}
    config = bare.get_config()
    return name, {k: v for k, v in config.items() if k not in taken}


def _set(network, arrays):
    shapes = [tuple(w.shape) for w in network.weights]
    if [a.shape for a in arrays] != shapes:
        raise ValueError(
            f"a file has other weights than {network.name} x{network.scale}: "
            "install sr_keras anew"
        )
    network.set_weights([a.astype("float32") for a in arrays])


def _read(path, digest):
    try:
        content = path.read_bytes()
    except FileNotFoundError as e:
        raise FileNotFoundError(
            f"{path} is missing: install sr_keras anew"
        ) from e
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError(
            f"{path} is not the file that its card is for (SHA-256): install "
            "sr_keras anew"
        )
    return _arrays(content)


def _arrays(content):
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return [arrays[name] for name in sorted(arrays.files)]
