"""Names of protocols: today's, and those in files written before."""

import json

import pytest
from evaluate_runs import hr_folder, run

from sr_keras.evaluation.metrics import PROTOCOLS, psnr
from sr_keras.models import pretrained, protocols
from sr_keras.models.protocols import NAMES, check, update

# The content of a table of `evaluate`, and of a metrics.json.
BEFORE = {
    "data": {"Set5": {"mean": {"matlab-y": {"psnr": 33.67}, "rgb": {}}}},
    "images": [{"file": "matlab-y", "matlab-y": {"psnr": 1.5}}],
    "protocol": "matlab-y",
    "output": "matlab-y",
}


def test_every_name_has_a_definition():
    assert tuple(PROTOCOLS) == NAMES
    assert protocols.DEFAULT == NAMES[0] == "y"


def test_a_former_name_is_an_error_with_todays(tmp_path, capsys):
    message = "'matlab-y' is called 'y' now: give that, or 'y8'"
    with pytest.raises(ValueError, match=message):
        check("matlab-y")
    image = [[[0.0]] * 16] * 16
    with pytest.raises(ValueError, match=message):
        psnr(image, image, "matlab-y")
    data = hr_folder(tmp_path / "data", 1)
    given = ("--data", data, "--scale", 2, "--protocol", "matlab-y")
    assert run("--model", "bicubic", *given) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_former_names_in_the_content_of_a_file():
    found = update(json.loads(json.dumps(BEFORE)))
    assert found == {
        "data": {"Set5": {"mean": {"y": {"psnr": 33.67}, "rgb": {}}}},
        "images": [{"file": "matlab-y", "y": {"psnr": 1.5}}],
        "protocol": "y",
        "output": "matlab-y",  # a folder may be called so
    }
    assert update(found) == found


def test_former_names_in_an_index_of_weights(tmp_path):
    card = {"name": "old", "scores": {"Set5": {"matlab-y": 37.178}}}
    (tmp_path / pretrained.INDEX).write_text(json.dumps([card]))
    (found,) = pretrained.cards(tmp_path)
    assert found == {"name": "old", "scores": {"Set5": {"y": 37.178}}}


def test_former_names_in_artifacts(tmp_path):
    import sr_keras
    from sr_keras import models
    from sr_keras.inference import exported_metadata
    from sr_keras.models import artifact

    scores = {"scores": {"Set5": {"matlab-y": 37.178}}}
    network = models.build("nearest", 2)
    network.about = scores
    artifact.save_part(network, tmp_path / "x.keras")
    found = sr_keras.load(tmp_path / "x.keras")
    assert found.about == {"scores": {"Set5": {"y": 37.178}}}
    (tmp_path / "saved").mkdir()
    exported_metadata.to_saved_model(tmp_path / "saved", scores)
    for facts in (
        exported_metadata.of_saved_model(tmp_path / "saved"),
        exported_metadata.of_text(json.dumps(scores), tmp_path),
    ):
        assert facts == found.about


def test_former_names_in_the_configuration_of_a_metric():
    import keras

    from sr_keras.evaluation.metrics import PSNR

    stored = keras.saving.serialize_keras_object(PSNR("y", 3))
    stored["config"]["protocol"] = "matlab-y"
    assert keras.saving.deserialize_keras_object(stored).protocol == "y"
    with pytest.raises(ValueError, match="is called 'y' now"):
        PSNR("matlab-y")


def test_former_names_in_a_config_json(tmp_path):
    from sr_keras.training import config

    (tmp_path / "config.json").write_text(json.dumps(BEFORE))
    found = config.read(tmp_path / "config.json")
    assert (found["protocol"], found["output"]) == ("y", "matlab-y")
