"""How much memory the command `upscale` takes."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from checks import ROOT

from sr_keras.imaging import images

_LARGE = """
import re, sys
from pathlib import Path
from sr_keras import models
from sr_keras.models import artifact
from sr_keras.cli import main
artifact.save(models.build("espcn", 2, num_filters=[64, 4]), "n.keras")
code = main(["upscale", "large.png", "-o", sys.argv[1], "--model", "n.keras"])
# Not getrusage, which counts what the process was before it became Python.
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print("peak", int(peak[1]) / 1e6)
sys.exit(code)
"""


@pytest.mark.slow
@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="no Linux, no VmHWM"
)
@pytest.mark.parametrize("kind", ["png", "tif"])
def test_a_hundred_megapixels_in_little_memory(place, kind):
    import imagecodecs

    y, x = np.mgrid[:5000, :5000].astype("uint16")
    large = np.stack([x // 20, y // 20, (x ^ y) // 8], -1).astype("uint8")
    (place / "large.png").write_bytes(imagecodecs.png_encode(large))
    done = subprocess.run(
        [sys.executable, "-c", _LARGE, f"out.{kind}"],
        capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    peak = float(done.stdout.rpartition("peak ")[2])
    assert peak < 1.5
    result = images.load(place / f"out.{kind}")
    assert result.shape == (10_000, 10_000, 3)
