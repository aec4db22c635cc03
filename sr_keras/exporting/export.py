"""Writing files, and checking them before they get their names.

A SavedModel, a TFLite or an ONNX file is written under a temporary name,
checked, loaded again and compared with the network on real photos, and only
then gets its name.
"""

import contextlib
import dataclasses
import json
import os
import shutil
from pathlib import Path
from typing import Any

from sr_keras.exporting import calibration, graph, parity
from sr_keras.exporting.settings import Settings
from sr_keras.exporting.source import network_for
from sr_keras.imaging import images
from sr_keras.inference import exported
from sr_keras.models.network import Network
from sr_keras.support import signals
from sr_keras.support.atomic import Originals, replaced

# The most that float32 may be off, of the range from 0 to 1: the order of its
# sums is another. A2N's largest was 1.3e-4, with random weights.
_FLOAT_ERROR = 1e-3


def export(
    model: Network | str | os.PathLike,
    output: str | os.PathLike,
    scale: float | None = None,
    **options: Any,
) -> dict:
    """Write a network as a SavedModel, a TFLite or an ONNX file.

    Args:
        model: `Network`, or what `sr_keras.load` takes.
        output: str or Path: `x.tflite`, `x.onnx`, or a SavedModel's folder.
        scale: int, the factor, where `model` has several: weights, or SR
            images in its graph; for a refiner the whole factor that is
            interpolated inside the file.
        **options: the other fields of `settings.Settings`: format, quantize,
            input_size, colour, calibration, fine_tune, steps, data,
            max_loss_db, overwrite, measure.

    Returns:
        dict, what is written to `<output>.parity.json` too: size, operations,
        differences, PSNR, time, memory.

    Raises:
        ValueError: a combination that cannot be, a network that the format
            cannot hold, or a result that is too far from the network's; then
            there is no file.
        TypeError: an unknown option.
        FileNotFoundError: there is no such network or folder.
    """
    unknown = set(options) - {f.name for f in dataclasses.fields(Settings)}
    if unknown:
        raise TypeError(f"export takes no argument {min(unknown)!r}")
    settings = Settings(output=Path(output), **options)
    check_apart(model, settings)
    return write(network_for(model, scale), settings)


def check_apart(model, settings):
    """Refuse an output that is the network's file, or a photo.

    Args:
        model: as in `export`.
        settings: settings.Settings.

    Raises:
        ValueError: it is.
    """
    read = [model if isinstance(model, str | os.PathLike) else None]
    for given in (settings.data, settings.calibration, settings.fine_tune):
        if given and os.path.isdir(given):
            read += [path for path, _ in images.find(given)]
        read.append(given)
    output = settings.output
    reports = (f"{output}.parity{suffix}" for suffix in (".json", ".md"))
    Originals(read).check(output, *reports)


def write(network, settings, watch=None):
    """Write a file, check it and compare it: see `export`.

    Args:
        network: `Network`, no bare refiner.
        settings: settings.Settings.
        watch: function (step, loss) called after every step of fine-tuning,
            or None.

    Returns:
        dict: see `export`.
    """
    picture = learned = graph.Picture(network, settings.colour)
    photos = calibration.photos(settings.data)
    output = Path(os.path.realpath(settings.output))
    if settings.fine_tune is not None:
        learned = _fine_tuned(network, settings, watch)
    with _temporary(output) as temporary:
        _make(learned, settings, temporary)
        made = exported.load(temporary, settings.format)
        report = parity.compare(picture, made, photos)
        _check(report, settings)
        report |= parity.contents(temporary, settings.format)
        if settings.measure:
            report |= parity.measured(picture, temporary, settings)
        report = {"file": settings.output.name, **report}
        _replace(temporary, output)
    for suffix, text in (
        (".json", json.dumps(report, indent=2) + "\n"),
        (".md", parity.markdown(report)),
    ):
        place = output.with_name(f"{output.name}.parity{suffix}")
        with replaced(place) as file:
            file.write(text.encode("utf-8"))
    return report


def _fine_tuned(network, settings, watch):
    """What has learned to compute in int8."""
    from sr_keras import pipelines
    from sr_keras.training.trainers import quantization

    source = pipelines.open_source(
        str(settings.fine_tune), network.scale, "bicubic"
    )
    if source.unreadable:
        raise OSError(source.unreadable[0])
    learner = quantization.fine_tune(
        network, source, settings.steps, watch=watch
    )
    return graph.Picture(learner, settings.colour)


def _make(picture, settings, path):
    if settings.format == "saved_model":
        from sr_keras.exporting import saved_model as maker
    elif settings.format == "tflite":
        from sr_keras.exporting import tflite as maker
    else:
        from sr_keras.exporting import onnx as maker
    maker.write(picture, settings, path)


def _check(report, settings):
    loss, limit = report["loss_db"], settings.max_loss_db
    if limit is not None and loss > limit:
        raise ValueError(
            f"{settings.output} loses {loss:.3f} dB, more than --max-loss-db "
            f"{limit:g}: no file is written; try another --quantize"
        )
    largest = report["max_difference"]
    if settings.quantize == "none" and not largest <= _FLOAT_ERROR:
        raise ValueError(
            f"{settings.output} differs from the network by {largest:.2g} of "
            f"1: no file is written; try another --format"
        )


@contextlib.contextmanager
def _temporary(output):
    """A name beside the output's; what is left there is removed."""
    path = output.with_name(f".{os.getpid()}.{output.name}")
    with signals.undone(lambda: _remove(path)):
        try:
            yield path
        finally:
            _remove(path)


def _replace(temporary, output):
    """Give a file or folder its name; what had it is gone only then."""
    if not output.is_dir():
        os.replace(temporary, output)
        return
    old = output.with_name(f".{os.getpid()}.old.{output.name}")

    def restore():
        if not output.exists():
            os.replace(old, output)
        _remove(old)

    with signals.patience(), signals.undone(restore):
        os.replace(output, old)
        os.replace(temporary, output)
        _remove(old)


def _remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
