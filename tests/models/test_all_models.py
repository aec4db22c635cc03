"""What takes a process of its own, for all networks at once."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from checks import NetworkContract, needs_backend, randomized, run_python

from sr_keras import models
from sr_keras.models import artifact
from sr_keras.models.network import Network

# Loads artifacts and runs them, in a process that knows nothing else.
_FRESH = """
import os, sys
from pathlib import Path
import keras
import numpy as np
import sr_keras
for path in sorted(Path(sys.argv[1]).glob("*.keras")):
    network = sr_keras.load(path)
    result = network(np.load(path.with_suffix(".npy")))
    np.savez(path.with_suffix(".npz"), scale=network.scale,
             about=network.about["note"],
             result=keras.ops.convert_to_numpy(result))
backend = os.environ.get("KERAS_BACKEND", "tensorflow")
assert backend == "tensorflow" or "tensorflow" not in sys.modules, (
    "a network imports TensorFlow"
)
"""


@pytest.fixture(scope="module")
def contracts():
    """The contracts in all the files here."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        if "(NetworkContract)" in path.read_text("utf-8"):
            importlib.import_module(path.stem)
    # Who has been imported under another name is another class: once is enough.
    found = {(c.name, c.__name__): c for c in NetworkContract.__subclasses__()}
    return list(found.values())


def test_every_network_has_a_contract(contracts):
    covered = {contract.name for contract in contracts}
    # One stands for the classical ones, and a variant for the one it is of.
    missing = set(models.list_models()) - covered - set(models.CLASSICAL)
    classes = {models.network_class(name)[0] for name in covered}
    assert not [
        name for name in missing if models.network_class(name)[0] not in classes
    ]


@pytest.mark.slow
def test_all_load_in_a_fresh_process(contracts, tmp_path):
    _compare_elsewhere(contracts, tmp_path, None)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_agree(contracts, tmp_path, backend):
    needs_backend(backend)
    _compare_elsewhere(contracts, tmp_path, backend)


def _compare_elsewhere(contracts, folder, backend):
    """Save them, and the bare refiners in them; load and run them elsewhere."""
    expected = {}
    for contract in contracts:
        images = contract().pictures(6, 7, 2)
        whole = models.build(contract.name, contract.scale, **contract.small)
        parts = {"whole": randomized(whole)}
        if hasattr(whole, "network"):
            parts["bare"] = whole.network
        for part, network in parts.items():
            path = folder / f"{contract.__name__}_{part}.keras"
            artifact.save(network, path, note="kept")
            np.save(path.with_suffix(".npy"), images)
            expected[path] = contract.scale, np.asarray(network(images))
    run_python(_FRESH, folder, backend=backend)
    for path, (scale, result) in expected.items():
        there = np.load(path.with_suffix(".npz"))
        assert there["scale"] == scale, path
        assert there["about"] == "kept", path
        np.testing.assert_allclose(
            there["result"],
            result,
            rtol=0,
            atol=1e-4 if backend else 0,
            err_msg=str(path),
        )


@pytest.mark.parametrize("name", models.list_models())
def test_every_name_builds_a_network_of_that_name(name):
    cls, _ = models.network_class(name)
    scale = cls.scales[0] if cls.scales else 2
    network = models.build(name, scale)
    assert isinstance(network, Network)
    assert network.name == name
    assert network.scale == scale
    channels = 1 if cls.luma else 3
    assert network.input_shape == (None, None, None, channels)
    assert network.output_shape == (None, None, None, channels)
    assert "\n" not in models.describe(name)
