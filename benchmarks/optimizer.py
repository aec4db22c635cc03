"""Adam against Muon, at equal steps.

    python benchmarks/optimizer.py
    python benchmarks/optimizer.py --steps 1000 --adam 0.0005 0.001 0.002

Enlarges Set5's butterfly twice with each optimizer and rate, everything else
and Muon's rate being the recipe's, and prints PSNR (protocol y) of a
single pass and of the result, the fused views. Takes 8 runs of up to a minute.
"""

from common import arguments, machine, say, set5, table, train


def main():
    args, flags = arguments(
        __doc__,
        ("--recipe", {"default": "fast"}),
        ("--steps", {"type": int, "nargs": "+", "default": [300, 1000]}),
        ("--adam", {"nargs": "+", "default": ["0.0005", "0.001", "0.002"]}),
        ("--muon", {"nargs": "+", "default": [None]}),
    )
    print(machine(), end="\n\n")
    lr, hr = set5(args.data, "butterfly", 2)
    rows = []
    for steps in args.steps:
        for optimizer in ("adam", "muon"):
            for rate in getattr(args, optimizer):
                own = ["--learning-rate", rate] if rate else []
                run = train(
                    lr, 2, "--recipe", args.recipe, "--ground-truth", hr,
                    "--max-steps", steps, "--optimizer", optimizer, *own,
                    *flags,
                )  # fmt: skip
                rows.append(
                    [
                        optimizer,
                        rate or "the recipe's",
                        run.metrics["steps"],
                        f"{run.psnr('single'):.3f}",
                        f"{run.psnr():.3f}",
                        f"{run.seconds:.1f}",
                    ]
                )
                say(rows[-1])
    table(["optimizer", "rate", "steps", "single", "result", "s"], rows)


if __name__ == "__main__":
    main()
