"""Write docs/models.md: a card of each of the weights in the package.

    python tools/cards.py

All of it is from sr_keras/models/pretrained/index.json; `tools/ship.py` calls
this when weights have been added, and a test compares the page with the index.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))

from common import ROOT  # noqa: E402

PAGE = ROOT / "docs" / "models.md"

_HEAD = """# Weights that come with the package

<!-- python tools/cards.py writes this page: change that. -->

```sh
sr-keras upscale photo.jpg --model fast
sr-keras evaluate --model fast --data Set5/HR
```

`--model`, `sr_keras.load(name, scale)` and `sr_keras.upscale` take these names.
A file is checked against its SHA-256 when it is loaded. The weights are under
the package's own licence; the cards name that of the photos.

{table}

**What they are for.** `fast` and `quality`: photos that were shrunk by bicubic
interpolation, or as cleanly: thumbnails, downscaled originals. `photo`: old
and phone pictures, with a little blur and noise and the blocks of JPEG, which
it removes; clean photos lose detail with it. `warm`: what zero-shot training
begins with where [`--warm-start`](zero-shot.md#a-warm-start) asks for it. Set5
x2, PSNR in dB (`y`), LR as files of these JPEG qualities
(`python benchmarks/photo.py`):

| LR | bicubic | quality | photo |
|---|---|---|---|
| JPEG 30 | 29.78 | 29.27 | 31.16 |
| JPEG 60 | 31.17 | 30.90 | 32.66 |
| JPEG 90 | 32.99 | 34.43 | 34.61 |
| as it is | 33.68 | 37.77 | 35.29 |

**What they are not for.** `fast` and `quality` enlarge noise, blur and JPEG
blocks with everything else:
[`adapt`](training.md#adapting-a-network-to-ones-own-photos) or
[`--model zssr`](zero-shot.md#what-to-do-about) can be told of them. And nothing
that is read off an image may depend on it: details are the likeliest ones, not
the true ones. Scores are of images that were not trained on; photos unlike
those of the training data may do worse.
"""

_CARD = """
## {name} x{scale}

{network}

| | |
|---|---|
| learned from | {data} |
| licence of that | {licence} |
| steps, hours, seed | {steps:,}, {hours:g}, {seed} |
| parameters, file | {parameters:,}, {kilobytes:.0f} kB |
| stored as float16, which costs | {float16:.5f} dB |
{scores}
| SHA-256 | `{sha256}` |

```sh
{command}
```
"""


def page():
    """The page, as it has to be.

    Returns:
        str.
    """
    from sr_keras.models import pretrained

    cards = pretrained.cards()
    rows = "\n".join(_row(card) for card in cards)
    table = f"| name | scale | network | parameters | PSNR |\n|{'---|' * 5}\n"
    text = _HEAD.format(table=table + rows)
    return text + "".join(map(_card, cards))


def _row(card):
    name, scale = card["name"], card["scale"]
    link = f"[{name}](#{name}-x{scale})"
    return (
        f"| {link} | {scale} | {card['network']} | {card['parameters']:,} | "
        f"{'; '.join(_scores(card))} |"
    )


def _scores(card):
    return [
        f"{data} {psnr:.2f} dB (`{protocol}`)"
        for data, protocols in card["scores"].items()
        for protocol, psnr in protocols.items()
    ]


def _card(card):
    from sr_keras import models
    from sr_keras.models import pretrained

    said = {
        **card,
        "network": f"`{card['network']}`: {models.describe(card['network'])}"
        + "".join(f"; `{k}` {v}" for k, v in card["arguments"].items()),
        "kilobytes": (pretrained.FOLDER / card["file"]).stat().st_size / 1000,
        "scores": "\n".join(f"| PSNR | {text} |" for text in _scores(card)),
    }
    return _CARD.format(**said)


def write():
    """Write the page."""
    PAGE.write_text(page(), "utf-8")


if __name__ == "__main__":
    write()
