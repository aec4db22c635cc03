"""`prepare --check`: how the LR images of a data set were made."""

from pathlib import Path

import numpy as np

# Factors that are looked for unless some are given.
_SCALES = (2, 3, 4, 8)

_MOST_LISTED = 8


def run(folders, scales, limit):
    """Print what is found, one line each.

    Args:
        folders: list of str: the root of a layout, or the folders of HR and
            of LR images.
        scales: list of int, the factors to look for; empty for all.
        limit: int, the most pairs to look at.

    Returns:
        The exit code: 0 if all sizes fit.
    """
    from sr_keras.support.console import EXIT_DONE, EXIT_SOME_FAILED, miss, say

    if len(folders) > 2:
        raise ValueError(
            f"--check takes one folder, or HR and LR, not {len(folders)}"
        )
    wrong = 0
    for title, source, scale in _sources(folders, scales):
        miss(source.unreadable)
        fitting, lines = _sizes(source, scale)
        wrong += len(lines)
        say(f"{title}: {len(source)} pairs, x{scale}")
        for line in [*lines[:_MOST_LISTED], *_examined(source, fitting, scale,
                                                      limit)]:  # fmt: skip
            say(f"  {line}")
        if len(lines) > _MOST_LISTED:
            say(f"  and {len(lines) - _MOST_LISTED} more of other sizes")
    return EXIT_SOME_FAILED if wrong else EXIT_DONE


def _sources(folders, scales):
    """Tuples (title, Source, scale) of what there is to look at."""
    from sr_keras.pipelines.sources import layouts

    if len(folders) == 2:
        source = layouts.open_pairs(*map(Path, folders))
        found = [(folders[1], source, _scale(source))]
        if scales and found[0][2] not in scales:
            raise ValueError(
                f"{folders[1]} is for x{found[0][2]}, going by the sizes, not "
                f"for --scale {' '.join(map(str, scales))}"
            )
        return found
    root, found = Path(folders[0]), {}
    for scale in scales or _SCALES:
        for split in ("train", "valid"):
            layout = layouts.find_layout(root, {"split": split, "scale": scale})
            if layout and layout[2] and layout[2] not in found:
                source = layouts.open_pairs(*layout[1:])
                found[layout[2]] = (str(layout[2]), source, _scale(source))
    if not found:
        # Says which layouts are known, and what is there.
        layouts.open_folder(root, (scales or _SCALES)[0], stored=True)
    return list(found.values())


def _scale(source):
    """The factor, going by the sizes of most of the pairs."""
    ratios = []
    for i in range(len(source)):
        hr, lr = source.sizes(i)
        if hr and lr:
            ratios.append(np.mean(np.divide(hr, lr)))
    factor = round(float(np.median(ratios))) if ratios else 1
    if factor < 1 or not ratios:
        raise ValueError(
            f"{source.name} has LR images that are larger than their HR "
            "images: give the HR folder first"
        )
    return factor


def _sizes(source, scale):
    """Indices of the pairs whose sizes fit, and a line for each other."""
    from sr_keras.pipelines.datasets.crops import check_sizes

    fitting, lines = [], []
    for i in range(len(source)):
        hr, lr = source.sizes(i)
        try:
            if hr is None or lr is None:
                name = source.names[i] if hr is None else source.lr_name(i)
                raise ValueError(f"{name} has no size: it is broken")
            check_sizes(source, i, hr, lr, scale)
            fitting.append(i)
        except ValueError as error:
            lines.append(f"size: {error}")
    return fitting, lines


def _examined(source, indices, scale, limit):
    """Lines on how some of the pairs were made, evenly over all of them."""
    from sr_keras.pipelines.degradation import identify
    from sr_keras.support.progress import bar

    count = min(limit, len(indices))
    chosen = np.linspace(0, len(indices) - 1, count).round().astype(int)
    broken = []

    def pairs():
        with bar(count, "pair") as progress:
            for n in chosen:
                i = indices[n]
                try:
                    names = source.names[i], source.lr_name(i)
                    yield *names, source.hr(i), source.lr(i)
                except (ValueError, OSError) as error:
                    broken.append(f"broken: {error}")
                progress.update(1)

    lines = identify.report(pairs(), scale)
    return [*lines, *broken]
