"""Running the command line within a test."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sr_keras.cli import main
from sr_keras.imaging import images

# Enough to go through everything, in about a second.
SMALL = (
    *("--max-steps", "2", "--filters", "8", "--layers", "3"),
    *("--crop-size", "16", "--optimizer", "adam"),
    *("--swap-colours", "0", "--blend", "0", "--no-result-at"),
)


@dataclass
class Ended:
    """What a command left on the screen."""

    code: int
    out: str
    err: str

    @property
    def lines(self):
        return self.err.splitlines()


def command(capfd, *arguments):
    """Run `sr-keras` with these arguments."""
    capfd.readouterr()
    code = main([str(a) for a in arguments])
    return Ended(code, *capfd.readouterr())


def scene(height=24, width=24, channels=3, seed=5):
    """A picture with edges and slopes, (H, W, C) float32."""
    rng = np.random.default_rng(seed)
    blocks = rng.random((-(-height // 4), -(-width // 4), channels))
    slope = np.linspace(0, 0.3, width)[None, :, None]
    picture = blocks.repeat(4, 0).repeat(4, 1)[:height, :width] * 0.7 + slope
    return picture.astype("float32")


def save(path, pixels, **kinds):
    """Write a picture; gives its path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    images.write(path, images.Image(pixels, **kinds))
    return path


def read_json(path):
    return json.loads(Path(path).read_text())


def tree(folder):
    """Every file and folder below a folder, with its content."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        if path.is_file()
        else None
        for path in Path(folder).rglob("*")
    }
