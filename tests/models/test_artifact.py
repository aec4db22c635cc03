import json
import zipfile

import keras
import numpy as np
import pytest
from checks import ROOT, picture, randomized, rewritten, run_python

import sr_keras
from sr_keras import models
from sr_keras.inference.load import load
from sr_keras.models import artifact


def small(scale=2, **arguments):
    arguments = {"num_layers": 2, "num_filters": 3, **arguments}
    return randomized(models.build_bare("zssr", scale, **arguments))


@pytest.fixture
def file(tmp_path):
    artifact.save(small(), tmp_path / "net.keras", recipe="fast", steps=7)
    return tmp_path / "net.keras"


def test_round_trip(file):
    network, again = small(), load(file)
    assert type(again) is type(network)
    assert again.get_config().keys() == network.get_config().keys()
    assert again.arguments == network.arguments
    image = picture(5, 6)[None]
    np.testing.assert_array_equal(again(image), network(image))


def test_it_says_what_it_is(file):
    about = load(file).about
    assert (about["recipe"], about["steps"]) == ("fast", 7)
    assert about["versions"] == artifact.versions()
    assert about["versions"]["sr_keras"] == sr_keras.__version__
    backend = keras.backend.backend()
    assert set(about["versions"]) == {
        "sr_keras", "keras", "backend", backend, "numpy", "python",
    }  # fmt: skip


@pytest.mark.parametrize("scale", [2.37, (1.5, 2.0)])
def test_scale_of_any_kind(tmp_path, scale):
    artifact.save(small(scale), tmp_path / "x.keras")
    assert load(tmp_path / "x.keras").scale == scale


def test_a_wrapped_refiner(tmp_path):
    network = randomized(
        models.build("zssr", 3, num_layers=2, num_filters=3, channels=1)
    )
    artifact.save(network, tmp_path / "x.keras", note=[1, {"a": None}])
    again = load(tmp_path / "x.keras")
    assert again.scale == 3
    assert again.about["note"] == [1, {"a": None}]
    image = picture(5, 6, 1)[None]
    np.testing.assert_array_equal(again(image), network(image))


def test_a_folder_and_a_string(file):
    file.rename(file.with_name(artifact.BEST))
    for name in (file.parent, str(file.parent), file.with_name(artifact.BEST)):
        assert sr_keras.load(name).about["steps"] == 7


@pytest.mark.parametrize("name", models.CLASSICAL)
def test_classical_by_name(name):
    network = sr_keras.load(name)
    assert (network.name, network.scale) == (name, 2)


def test_saving_again_keeps_what_was_known(file):
    network = load(file)
    artifact.save(network, file, steps=8)
    about = load(file).about
    assert (about["recipe"], about["steps"]) == ("fast", 8)


def test_a_failed_save_leaves_what_was_there(file, monkeypatch):
    before = file.read_bytes()
    network = small()

    def broken(path):
        path.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(network, "save", broken)
    with pytest.raises(OSError, match="no space"):
        artifact.save(network, file)
    assert file.read_bytes() == before
    assert [f.name for f in file.parent.iterdir()] == [file.name]


def test_the_file_appears_under_its_name_when_it_is_whole(tmp_path):
    path, network = tmp_path / "x.keras", small()
    real, seen = network.save, []

    def spy(temporary):
        real(temporary)
        seen.append((temporary, path.exists()))

    network.save = spy
    artifact.save(network, path)
    ((temporary, existed),) = seen
    assert temporary.parent == path.parent
    assert temporary != path
    assert not existed
    assert path.is_file()


def test_save_leaves_one_file(file):
    assert [f.name for f in file.parent.iterdir()] == [file.name]


@pytest.mark.slow
def test_a_fresh_process_needs_only_load(file):
    code = (
        "import sys, sr_keras;"
        "assert 'keras' not in sys.modules;"
        "print(sr_keras.load(sys.argv[1]).count_params())"
    )
    assert int(run_python(code, file).stdout) == small().count_params()


@pytest.mark.parametrize("name", ["none.keras", "zssr", ""])
def test_missing(tmp_path, name):
    path = tmp_path / name
    with pytest.raises(FileNotFoundError, match="bicubic") as info:
        load(path)
    assert str(path) in str(info.value)


@pytest.mark.parametrize(
    "content", [b"", b"text", b"PK\x03\x04 cut off", bytes(1000)]
)
def test_not_a_keras_file(put, content):
    path = put(content, "x.keras")
    with pytest.raises(ValueError, match="x.keras is not a .keras file"):
        load(path)


def test_a_zip_of_something_else(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.keras", "w") as archive:
        archive.writestr("letter.txt", "hello")
    with pytest.raises(ValueError, match="not a .keras file"):
        load(tmp_path / "x.keras")


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("how", ["cut", "spoiled"])
def test_damaged(file, share, how):
    content = bytearray(file.read_bytes())
    at = int(len(content) * share)
    if how == "cut":
        del content[at:]
    else:
        content[at : at + 40] = b"\xaa" * 40
    file.write_bytes(content)
    with pytest.raises(ValueError, match="net.keras") as info:
        load(file)
    assert "\n" not in str(info.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: b"{}", "cannot read"),
        (lambda c: b"[]", "cannot read"),
        (lambda c: b"not json", "is not a .keras file"),
        (lambda c: c.replace(b"models.zssr", b"models.later"), "models.later"),
        (
            lambda c: c.replace(b'"num_filters": 3', b'"num_filters": 4'),
            "cannot read",
        ),
        (lambda c: c.replace(b"num_filters", b"num_flowers"), "num_flowers"),
    ],
    ids=["empty", "list", "no json", "newer", "other size", "other argument"],
)
def test_foreign_contents(file, change, message):
    copy = rewritten(file, change)
    with pytest.raises(ValueError, match=message) as info:
        load(copy)
    assert str(copy) in str(info.value)
    assert "\n" not in str(info.value)


def test_broken_weights(file):
    copy = rewritten(file, lambda c: c[: len(c) // 2], "model.weights.h5")
    with pytest.raises(ValueError, match="cannot read the network in"):
        load(copy)


def test_another_kind_of_model(tmp_path):
    path = tmp_path / "x.keras"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(path)
    with pytest.raises(ValueError, match="holds a Sequential"):
        load(path)


def test_code_in_a_file_is_not_run(tmp_path):
    path = tmp_path / "x.keras"
    inputs = keras.Input((3,))
    outputs = keras.layers.Lambda(lambda x: x + 1)(inputs)
    keras.Model(inputs, outputs).save(path)
    with pytest.raises(ValueError, match="cannot read"):
        load(path)


def test_only_modules_of_this_package_are_imported(file, monkeypatch):
    seen = []
    monkeypatch.setattr(artifact.importlib, "import_module", seen.append)

    def change(content):
        config = json.loads(content)
        config["other"] = [{"module": "antigravity"}, {"module": "sr_kerasx.y"}]
        return json.dumps(config).encode()

    artifact._import_classes(rewritten(file, change))
    assert seen == ["sr_keras.models.zssr"]


def test_a_file_from_before_the_rooms():
    """Its config.json names modules that have moved since."""
    path = ROOT / "tests" / "data" / "zssr_x2_before_rooms.keras"
    with zipfile.ZipFile(path) as archive:
        assert b"sr_keras.models.interpolated" in archive.read("config.json")
    network = load(path)
    assert (network.scale, network.network.name) == (2, "zssr")
    assert network(picture(5, 6)[None]).shape == (1, 10, 12, 3)
