"""The picture in the readme: a photo, bicubic, and what ZSSR makes of it.

    python benchmarks/picture.py

Runs the readme's command on examples/guitar.png and writes
docs/images/guitar.png. Takes about a minute.
"""

import tempfile
from pathlib import Path

from common import ROOT, arguments, train_into
from PIL import Image, ImageDraw, ImageFont

# The part that is shown, in pixels of the result, and its enlargement.
CORNER, SIDE, ZOOM = (166, 180), 128, 3
GAP, LINE = 6, 26


def main():
    args, flags = arguments(
        __doc__,
        ("--image", {"type": Path, "default": ROOT / "examples/guitar.png"}),
        ("--to", {"type": Path, "default": ROOT / "docs/images/guitar.png"}),
    )
    stem = args.image.stem
    with tempfile.TemporaryDirectory() as folder:
        train_into(folder, args.image, 2, *flags)
        bicubic = Image.open(Path(folder, f"{stem}_bicubic_x2.png"))
        ours = Image.open(Path(folder, f"{stem}_zssr_x2.png"))
        photo = Image.open(args.image).resize(ours.size, Image.NEAREST)
        panels = {"photo": photo, "bicubic": bicubic, "sr_keras": ours}
        args.to.parent.mkdir(parents=True, exist_ok=True)
        strip(panels).save(args.to, optimize=True)


def strip(panels):
    """The same part of some pictures side by side, their names below."""
    (x, y), side = CORNER, SIDE * ZOOM
    count = len(panels)
    size = (side * count + GAP * (count - 1), side + LINE)
    result = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(result)
    font = ImageFont.load_default(17)
    for i, (name, panel) in enumerate(panels.items()):
        part = panel.convert("RGB").crop((x, y, x + SIDE, y + SIDE))
        left = i * (side + GAP)
        result.paste(part.resize((side, side), Image.NEAREST), (left, 0))
        middle = (left + side / 2, side + LINE / 2)
        draw.text(middle, name, "black", font, "mm")
    return result


if __name__ == "__main__":
    main()
