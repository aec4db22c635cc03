"""A page that shows photos before and after, with a slider between the two."""

import base64
import html
import io

import numpy as np
from PIL import Image

from sr_keras.imaging import images
from sr_keras.imaging.quantize import quantize
from sr_keras.imaging.resize import imresize
from sr_keras.imaging.screen import to_srgb

# Pixels of the photo around the part that is shown.
_AROUND = 8

_QUALITY = 92


class Shown:
    """The middle of a result, beside the interpolated photo.

    Args:
        name: str, the photo's.
        stored: images.Stored, the photo.
        scale: pair (y, x) of factors.
        size: pair (height, width) of the result.
        most: pair (height, width), at most, of the part.
    """

    def __init__(self, name, stored, scale, size, most):
        self.name, self.size = name, size
        self.part = tuple(
            slice((n - min(n, m)) // 2, (n + min(n, m)) // 2)
            for n, m in zip(size, most, strict=True)
        )
        self._like = stored.like
        self._rows, self._at = [], 0
        self.before = self._interpolated(stored, scale)

    def add(self, band):
        """Take what is shown of the next rows of the result."""
        rows, columns = self.part
        start, stop = self._at, self._at + len(band)
        self._at = stop
        low, high = max(rows.start, start), min(rows.stop, stop)
        if low < high:
            part = band[low - start : high - start, columns]
            self._rows.append(self._colours(part))

    @property
    def after(self):
        """uint8 ndarray (h, w, 3) of the result."""
        return np.concatenate(self._rows)

    def _interpolated(self, stored, scale):
        window, inner = [], []
        for part, factor, n in zip(
            self.part, scale, stored.shape, strict=False
        ):
            low = max(int(part.start / factor) - _AROUND, 0)
            high = min(int(part.stop / factor) + _AROUND + 1, n)
            window.append(slice(low, high))
            shift = round(low * factor)
            inner.append(slice(part.start - shift, part.stop - shift))
        larger = imresize(stored.part(tuple(window)), scale)
        return self._colours(larger[tuple(inner)])

    def _colours(self, working):
        """What a screen shows of rows of a working array, or of codes."""
        if working.dtype.kind == "u":
            white = np.float32(np.iinfo(working.dtype).max)
            pixels = working / white
        else:
            image = images.from_working(working, self._like)
            pixels = image.pixels
            if image.alpha is not None:
                pixels = pixels * image.alpha + (1 - image.alpha)
        count = 3 if pixels.shape[-1] >= 3 else 1
        shape = (*pixels.shape[:2], 3)
        codes = quantize(np.broadcast_to(pixels[..., :count], shape), 8)
        return to_srgb(codes, self._like)


def page(shown):
    """The page, which needs no other file.

    Args:
        shown: list of Shown, complete.

    Returns:
        str, HTML.
    """
    figures = "\n".join(map(_figure, shown))
    return _PAGE.replace("FIGURES", figures)


def _figure(shown):
    name = html.escape(shown.name)
    before, after = _embedded(shown.before), _embedded(shown.after)
    height, width = shown.after.shape[:2]
    full = f"{shown.size[1]}x{shown.size[0]}"
    return _FIGURE.format(
        name=name, before=before, after=after, width=width, height=height,
        full=full,
    )  # fmt: skip


def _embedded(pixels):
    buffer = io.BytesIO()
    picture = Image.fromarray(pixels)
    picture.save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    text = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f"data:image/jpeg;base64,{text}"


_FIGURE = """<figure>
<figcaption>The middle of {name}, {full}: bicubic left, sr_keras right
</figcaption>
<div class="pair" style="max-width:{width}px;aspect-ratio:{width}/{height}">
<img src="{after}" alt="{name}, enlarged by sr_keras">
<img class="before" src="{before}" alt="{name}, enlarged by interpolation">
<input type="range" min="0" max="100" value="50" step="0.1"
 aria-label="how much of {name} is shown as before">
</div>
</figure>"""

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Before and after</title>
<style>
body { margin: 2em; background: #222; color: #ddd; font: 16px sans-serif }
figure { margin: 0 0 3em }
figcaption { margin-bottom: .5em }
.pair { position: relative; overflow: hidden; --at: 50% }
.pair img { position: absolute; width: 100%; height: 100% }
.before { clip-path: inset(0 calc(100% - var(--at)) 0 0) }
.pair::after { content: ""; position: absolute; top: 0; bottom: 0;
  left: var(--at); width: 2px; background: #fff; pointer-events: none }
.pair input { position: absolute; inset: 0; width: 100%; height: 100%;
  margin: 0; opacity: 0; cursor: ew-resize }
.pair:focus-within { outline: 2px solid #6af }
</style>
FIGURES
<script>
for (const input of document.querySelectorAll("input"))
  input.addEventListener("input", () =>
    input.parentNode.style.setProperty("--at", input.value + "%"));
</script>
</html>
"""
