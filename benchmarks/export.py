"""Exported files side by side: size, quality on Set5 x2, time, memory.

  python benchmarks/export.py --folder exported --models a2n fast --no-time
  python benchmarks/export.py --folder exported --models a2n fast --cores 1 2

The first makes the files and compares them with their networks; the second
finds them there and times them, one image of 256x256 at a time, each in a
process of its own that may use so many processors. `a2n` is A2N with its
authors' weights, of DATA/reference/a2n_x2.npz; int8 takes its ranges from
DATA/train/T91.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import common

# Name of a row -> the file's suffix, and how it is quantized.
KINDS = {
    "SavedModel": ("", "none"),
    "TFLite float32": (".tflite", "none"),
    "TFLite float16": ("_float16.tflite", "float16"),
    "TFLite dynamic": ("_dynamic.tflite", "dynamic"),
    "TFLite int8": ("_int8.tflite", "int8"),
    "ONNX": (".onnx", "none"),
}

# What `measuring` calls them.
FORMATS = {"": "saved_model", ".tflite": "tflite", ".onnx": "onnx"}

SIDE = 256


def main():
    args, _ = common.arguments(
        __doc__,
        ("--folder", {"type": Path, "default": Path("exported")}),
        ("--models", {"nargs": "+", "default": ["a2n", "fast"]}),
        ("--cores", {"nargs": "+", "type": int, "default": [1, 2]}),
        ("--no-time", {"action": "store_true"}),
    )
    print(common.machine(), "\n")
    args.folder.mkdir(exist_ok=True)
    rows = []
    for name in args.models:
        network = source(args, name)
        if not args.no_time:
            rows.append([f"{name}, Keras", "", "", ""])
            rows[-1] += times(args, network, "keras")
        for kind, (suffix, quantize) in KINDS.items():
            path = args.folder / f"{name}{suffix}"
            report = exported(args, network, path, quantize)
            row = [f"{name}, {kind}", f"{report['bytes'] / 1000:,.0f}"]
            row += [f"{report['psnr_file']:.3f}", f"{report['loss_db']:.3f}"]
            if not args.no_time:
                row += times(args, path, FORMATS[path.suffix])
            rows.append(row)
    header = ["file", "KB", "Set5, dB", "loss, dB"]
    if not args.no_time:
        for n in args.cores:
            header += [f"s, {n} core{'s' * (n > 1)}", "MB"]
    common.table(header, rows)


def source(args, name):
    """What is exported: a name, or a .keras file that is made now."""
    if name != "a2n":
        return name
    path = args.folder / "a2n.keras"
    if not path.exists():
        weights = Path(args.data) / "reference" / "a2n_x2.npz"
        command = [sys.executable, "-m", "sr_keras", "convert"]
        command += ["--model", "a2n", "--scale", "2", str(weights), str(path)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return path


def exported(args, network, path, quantize):
    """Export, unless that was done before; the report."""
    report = path.with_name(f"{path.name}.parity.json")
    if not report.exists():
        common.say(f"exporting {path.name}")
        data = Path(args.data)
        command = [sys.executable, "-m", "sr_keras", "export", str(network)]
        command += ["--scale", "2", "--output", str(path), "--no-measure"]
        command += ["--quantize", quantize]
        command += ["--data", str(data / "benchmark" / "Set5")]
        if quantize == "int8":
            command += ["--calibrate", str(data / "train" / "T91")]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return json.loads(report.read_text("utf-8"))


def times(args, path, kind):
    """Seconds and megabytes for each number of processors."""
    found = []
    for cores in args.cores:
        found += _measured(path, kind, cores)
    return found


def _measured(path, kind, cores):
    command = [sys.executable, "-m", "sr_keras.exporting.benchmark"]
    command += [str(path), kind, str(SIDE), str(SIDE)]
    mine = sorted(os.sched_getaffinity(0))[:cores]
    done = subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, mine),
    )
    found = json.loads(done.stdout)
    return [f"{found['seconds']:.3f}", f"{found['bytes'] / 1e6:.0f}"]


if __name__ == "__main__":
    main()
