"""What an exported file is to be."""

import dataclasses
import os
from pathlib import Path

from sr_keras.inference.exported_metadata import SUFFIXES

FORMATS = ("saved_model", "tflite", "onnx")
QUANTIZE = ("none", "float16", "dynamic", "int8")

# Of fine-tuning, unless they are said.
STEPS = 2000

# A smaller image has no room for what the networks look at.
_LEAST_SIDE = 16


@dataclasses.dataclass(frozen=True)
class Settings:
    """What an exported file is to be.

    Attributes:
        output: Path of the file, or of a SavedModel's folder.
        format: "saved_model", "tflite" or "onnx"; from the output's suffix
            when None.
        quantize: of TFLite: "none" for float32, "float16" for weights that
            are stored so, "dynamic" for 8-bit weights, "int8" for 8-bit
            everything: uint8 in and out.
        input_size: of TFLite: pair (height, width) that it takes; None for
            any.
        colour: bool, whether a network for luma takes and gives RGB; else
            BT.601 luma alone.
        calibration: str or Path, a folder of photos that int8 takes the
            ranges of the features from.
        fine_tune: str or Path, photos as `pipelines.open_source` takes them,
            on which the network learns to compute in int8; None for not at
            all.
        steps: int, of that.
        data: str or Path, a folder of HR photos to compare on; one that
            comes with the package when None.
        max_loss_db: number, the most PSNR that may be lost; None for any.
        overwrite: bool, whether a file of that name may be replaced.
        measure: bool, whether time and memory are measured, which takes
            seconds.

    Raises:
        ValueError: what cannot be together.
        FileNotFoundError: there is no folder for the output.
    """

    output: Path
    format: str | None = None
    quantize: str = "none"
    input_size: tuple[int, int] | None = None
    colour: bool = True
    calibration: str | os.PathLike | None = None
    fine_tune: str | os.PathLike | None = None
    steps: int = STEPS
    data: str | os.PathLike | None = None
    max_loss_db: float | None = None
    overwrite: bool = False
    measure: bool = True

    def __post_init__(self):
        suffix = self.output.suffix
        if self.format is None:
            chosen = SUFFIXES.get(suffix, "saved_model")
            object.__setattr__(self, "format", chosen)
        _check_name("format", self.format, FORMATS)
        _check_name("quantize", self.quantize, QUANTIZE)
        wanted = {v: k for k, v in SUFFIXES.items()}.get(self.format, "")
        if (
            suffix in (*SUFFIXES, ".keras", ".h5")
            and suffix != wanted
            or (wanted and suffix != wanted)
        ):
            means = f"ends in {wanted}" if wanted else "is a folder"
            raise ValueError(
                f"{self.output}: a {self.format} {means}: give another "
                "--output or --format"
            )
        self._check_kind()
        self._check_place()

    def _check_kind(self):
        if self.format != "tflite":
            for flag, value, default in (
                ("--quantize", self.quantize, "none"),
                ("--input-size", self.input_size, None),
            ):
                if value != default:
                    raise ValueError(
                        f"{flag} is for --format tflite, not {self.format}"
                    )
        if self.calibration is not None and self.quantize != "int8":
            raise ValueError("--calibrate goes with --quantize int8")
        if self.fine_tune is not None and self.quantize != "int8":
            raise ValueError("--fine-tune goes with --quantize int8")
        if self.fine_tune is not None and self.calibration is not None:
            raise ValueError(
                "--fine-tune learns the ranges that --calibrate would take "
                "from photos: give one of them"
            )
        if self.steps < 1:
            raise ValueError(f"--steps is 1 or more, not {self.steps}")
        if self.input_size and min(self.input_size) < _LEAST_SIDE:
            height, width = self.input_size
            raise ValueError(
                f"--input-size has {_LEAST_SIDE} pixels or more a side, not "
                f"{width}x{height}"
            )
        if self.max_loss_db is not None and not self.max_loss_db >= 0:
            raise ValueError(
                f"--max-loss-db is a number from 0, not {self.max_loss_db}"
            )

    def _check_place(self):
        if not self.output.absolute().parent.is_dir():
            raise FileNotFoundError(
                f"there is no folder {self.output.parent}: make it"
            )
        if not self.output.exists():
            return
        if self.output.is_dir() != (self.format == "saved_model"):
            what = "a folder" if self.output.is_dir() else "a file"
            raise ValueError(f"{self.output} is {what}: give another --output")
        if self.output.is_dir() and not _is_ours(self.output):
            raise ValueError(
                f"{self.output} is a folder of something else: give another "
                "--output"
            )
        if not self.overwrite:
            raise ValueError(f"{self.output} is there already: add --overwrite")


def parse_size(text):
    """Read an input size.

    Args:
        text: str, "64x48" for width by height, or "dynamic".

    Returns:
        Pair of int (height, width), or None for "dynamic".

    Raises:
        ValueError: it is none.
    """
    if text == "dynamic":
        return None
    try:
        width, height = map(int, text.lower().split("x"))
    except ValueError:
        raise ValueError(
            f"--input-size takes 64x64, width by height, or dynamic, not {text}"
        ) from None
    return height, width


def _is_ours(folder):
    return (folder / "saved_model.pb").is_file() or not any(folder.iterdir())


def _check_name(what, name, known):
    if name not in known:
        raise ValueError(f"no {what} {name!r}: use one of {', '.join(known)}")
