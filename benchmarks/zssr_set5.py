"""ZSSR on Set5.

    python benchmarks/zssr_set5.py
    python benchmarks/zssr_set5.py --recipe fast --scales 2 --images butterfly
    python benchmarks/zssr_set5.py --scales 2 -- --max-steps 500

Prints PSNR and SSIM (protocol y) of bicubic, of a single pass, and of
the mean and the median of the eight views; those of the result in y8 as well;
the means of each factor; seconds and memory of each image's process. Takes up
to 15 runs of the recipe: 20 minutes on two cores with the default one.
"""

import tempfile
from pathlib import Path

from common import SET5, arguments, machine, mean, say, set5, table, train_into

VIEWS = ("interpolated", "single", "mean", "median")


def main():
    args, flags = arguments(
        __doc__,
        ("--recipe", {"default": "default"}),
        ("--scales", {"type": int, "nargs": "+", "default": [2, 3, 4]}),
        ("--images", {"nargs": "+", "default": SET5}),
    )
    print(machine(), end="\n\n")
    rows = []
    for scale in args.scales:
        runs, scores = [], []
        for name in args.images:
            lr, hr = set5(args.data, name, scale)
            more = ["--recipe", args.recipe, "--ground-truth", hr, *flags]
            with tempfile.TemporaryDirectory() as folder:
                run = train_into(folder, lr, scale, *more)
                scores.append(read_in_y8(folder, run, hr, scale))
            runs.append(run)
            rows.append(row(name, scale, [run], scores[-1:]))
            say(rows[-1])
        if len(runs) > 1:
            rows.append(row("mean", scale, runs, scores))
    views = [f"{'bicubic' if v == 'interpolated' else v}" for v in VIEWS]
    titles = ["image", "factor", *views, "result, `y8`", "steps", "s", "GB"]
    table(titles, rows)


def read_in_y8(folder, run, hr, scale):
    """PSNR and SSIM of the result that was written, in y8."""
    from sr_keras.evaluation import metrics
    from sr_keras.imaging import images

    sr = images.read(Path(folder, run.metrics["result"])).pixels
    truth = images.read(hr).pixels[: sr.shape[0], : sr.shape[1]]
    return metrics.score(sr, truth, scale, ["y8"])["y8"]


def row(name, scale, runs, in_y8):
    scores = [
        f"{mean(r.psnr(v) for r in runs):.3f} / "
        f"{mean(r.ssim(v) for r in runs):.4f}"
        for v in VIEWS
    ]
    scores.append(
        f"{mean(s['psnr'] for s in in_y8):.3f} / "
        f"{mean(s['ssim'] for s in in_y8):.4f}"
    )
    steps = round(mean(r.metrics["steps"] for r in runs))
    seconds = mean(r.seconds for r in runs)
    gigabytes = max(r.gigabytes for r in runs)
    return [name, f"x{scale}", *scores, steps, f"{seconds:.1f}", gigabytes]


if __name__ == "__main__":
    main()
