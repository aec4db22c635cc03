"""Weights that others have published, as an artifact of ours.

Files are read without running anything that is in them: PyTorch's with
`weights_only=True`, NumPy's without pickle.
"""

import hashlib
import importlib
import re
import zipfile
from pathlib import Path

import numpy as np

from sr_keras import models
from sr_keras.models.weight_maps import as_float32

SUFFIXES = (".pt", ".pth", ".npz", ".mat")

# What a PyTorch checkpoint may call its weights.
_NESTS = ("state_dict", "params_ema", "params", "model")
# The prefix that torch.nn.DataParallel gives every name.
_PARALLEL = "module."

_MOST_LISTED = 4


def convert(name, scale, path):
    """Build a network and give it published weights.

    Args:
        name: str, one of `list_models()`.
        scale: int, the factor.
        path: str or Path: a .pt, .pth, .npz or .mat file.

    Returns:
        `Network`; its `about` says what the file was called and its SHA-256.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: nobody's weights are known for this network, the file
            cannot be read, or a tensor is missing, left over or has another
            shape than the network's; a PyTorch file without torch.
    """
    module = importlib.import_module(models.network_class(name)[0].__module__)
    if not hasattr(module, "published"):
        known = ", ".join(convertible())
        raise ValueError(
            f"no published weights of {name} are known, only of {known}"
        )
    models.check_scale(name, scale)
    tensors = read_tensors(path)
    shapes = {key: tensor.shape for key, tensor in tensors.items()}
    published = module.published(shapes, scale)
    network = models.build(name, scale, **published.arguments)
    bare = network.core
    fill(bare, tensors, published, Path(path).name)
    about = {"converted_from": Path(path).name, "sha256": sha256(path)}
    for part in {network, bare}:
        part.about = {**part.about, **about}
    return network


def fill(network, tensors, published, source="the file"):
    """Give a network's variables the values of somebody's tensors.

    Args:
        network: `Network`, or another keras.Model.
        tensors: dict of name to ndarray.
        published: `Published`, where each of them belongs.
        source: str, what the tensors are called in messages.

    Raises:
        ValueError: a tensor is missing, left over, has another shape or is
            not finite.
    """
    wanted = published.variables
    variables = {v.path: v for v in network.variables}
    if variables.keys() != wanted.keys():
        odd = sorted(variables.keys() ^ wanted.keys())
        raise ValueError(
            f"{network.name} as built does not match what is known of its "
            f"published weights: {_listed(odd)}"
        )
    _check_names(network, tensors, published, source)
    values = {}
    for ours, (theirs, layout) in wanted.items():
        shape = tuple(variables[ours].shape)
        tensor = tensors[theirs]
        expected = tuple(layout.shape(shape))
        if tensor.shape != expected:
            raise ValueError(
                f"{source}: {theirs} is {_sizes(tensor.shape)}, and "
                f"{network.name} has {_sizes(expected)}"
            )
        if not np.isfinite(tensor).all():
            raise ValueError(f"{source}: {theirs} has values not finite")
        values[ours] = as_float32(layout.read(tensor, shape))
    for ours, value in values.items():
        variables[ours].assign(value)


def read_tensors(path):
    """Read all tensors of a file.

    Args:
        path: str or Path: .pt, .pth, .npz or .mat.

    Returns:
        dict of name to ndarray.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it has another suffix, cannot be read, has more in it
            than arrays, or is PyTorch's and torch is not installed.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    readers = dict(zip(SUFFIXES, (_torch, _torch, _npz, _mat), strict=True))
    if path.suffix.lower() not in readers:
        raise ValueError(
            f"{path} is none of {', '.join(SUFFIXES)}: weights are read from "
            "these"
        )
    return readers[path.suffix.lower()](path)


def convertible():
    """Names of the networks whose published weights can be converted.

    Returns:
        List of str.
    """
    found = []
    for name in models.list_models():
        module = models.network_class(name)[0].__module__
        if hasattr(importlib.import_module(module), "published"):
            found.append(name)
    return found


def sha256(path):
    """The SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_names(network, tensors, published, source):
    wanted = {theirs for theirs, _ in published.variables.values()}
    missing = sorted(wanted - tensors.keys())
    if missing:
        raise ValueError(
            f"{source} lacks {_listed(missing)}: it is not a {_title(network)}"
        )
    ignored = re.compile(published.ignored or r"(?!)")
    more = tensors.keys() - wanted
    extra = sorted(x for x in more if not ignored.fullmatch(x))
    if extra:
        raise ValueError(
            f"{source} has {_listed(extra)}, which {_title(network)} has not"
        )


def _title(network):
    scale = getattr(network, "scale", None)
    return f"{network.name} x{scale}" if scale else network.name


def _torch(path):
    try:
        import torch
    except ModuleNotFoundError as e:
        raise ValueError(
            f"{path} is PyTorch's, and torch is missing: pip install "
            "'sr_keras[convert]'"
        ) from e
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as e:  # of many kinds, and with pages of advice
        reason = str(e).strip().partition("\n")[0]
        raise ValueError(
            f"{path} cannot be read as PyTorch weights alone: {reason}"
        ) from e
    for key in _NESTS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise ValueError(f"{path} holds a {kind}, not named tensors")
    odd = [k for k, v in content.items() if not isinstance(v, torch.Tensor)]
    if odd:
        raise ValueError(f"{path}: {_listed(odd)} is no tensor")
    arrays = {k: v.detach().float().numpy() for k, v in content.items()}
    if all(k.startswith(_PARALLEL) for k in arrays):
        arrays = {k.removeprefix(_PARALLEL): v for k, v in arrays.items()}
    return arrays


def _npz(path):
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as e:
        raise ValueError(f"{path} cannot be read as .npz: {e}") from e


def _mat(path):
    from scipy import io

    try:
        content = io.loadmat(path)
    except Exception as e:  # of many kinds
        raise ValueError(f"{path} cannot be read as .mat: {e}") from e
    return {k: v for k, v in content.items() if not k.startswith("__")}


def _sizes(shape):
    return "x".join(map(str, shape)) or "a number"


def _listed(names):
    text = ", ".join(map(str, names[:_MOST_LISTED]))
    more = len(names) - _MOST_LISTED
    return f"{text} and {more} more" if more > 0 else text
