"""How well the trust map knows where a result is wrong.

    python benchmarks/trust.py
    python benchmarks/trust.py --models fast --scales 2

Spearman's rank correlation with the error of each pixel of Set5, the mean of
the three colours, `scale` pixels at the borders left out; beside it that of the
result's gradient magnitude (Sobel, of luma).
"""

import numpy as np
from common import SET5, arguments, machine, mean, say, set5, table


def main():
    args, _ = arguments(
        __doc__,
        ("--models", {"nargs": "+", "default": ["fast", "quality"]}),
        ("--scales", {"nargs": "+", "type": int, "default": [2, 3, 4]}),
        ("--images", {"nargs": "+", "default": SET5, "choices": SET5}),
    )
    print(machine(), end="\n\n")
    rows = []
    for model in args.models:
        for scale in args.scales:
            found = [
                correlations(*set5(args.data, name, scale), model, scale)
                for name in args.images
            ]
            for name, pair in zip(args.images, found, strict=True):
                rows.append(
                    [model, f"x{scale}", name, *map("{:.3f}".format, pair)]
                )
                say(rows[-1])
            means = [f"{mean(x):.3f}" for x in zip(*found, strict=True)]
            rows.append([model, f"x{scale}", "mean", *means])
    table(["model", "factor", "image", "trust map", "gradient"], rows)


def correlations(lr, hr, model, scale):
    """Rank correlations with the error: of the map, and of the gradient."""
    from scipy import ndimage, stats

    from sr_keras.imaging import color, images

    doubts, sr = mapped(images.read(lr), model, scale)
    hr = images.read(hr).pixels[: sr.shape[0], : sr.shape[1]]
    inner = (slice(scale, -scale),) * 2
    luma = color.luma(sr)
    slopes = [ndimage.sobel(luma, axis) for axis in (0, 1)]
    error = np.abs(sr - hr).mean(-1)[inner].ravel()
    return [
        stats.spearmanr(x[inner].ravel(), error).statistic
        for x in (doubts, np.hypot(*slopes))
    ]


def mapped(image, model, scale):
    """The trust map's values (h, w), and the result in 8 bits."""
    from sr_keras.inference import upscale
    from sr_keras.inference.load import load
    from sr_keras.inference.route import enlargement
    from sr_keras.inference.tiled import Pixels

    network = load(model, scale)
    finish = upscale.finish_for(network)
    work = enlargement(
        network, Pixels(image.pixels), None, None, finish, with_trust=True
    )
    bands = list(work.bands(8))
    doubts, sr = (
        np.concatenate([band[name] for band in bands])
        for name in ("trust", "sr")
    )
    return doubts[..., 0], sr.astype("float32") / 255


if __name__ == "__main__":
    main()
