"""The table that `evaluate` prints, and its .csv and .json."""

import contextlib
import csv
import io
import json
import math
import sys
from pathlib import Path

from sr_keras.models.protocols import LUMA
from sr_keras.support.console import say
from sr_keras.support.folders import save_text

# What stands beside the mean of the images that are not grey.
WITHOUT_GREY = "without grey"

# Digits after the point, as in the papers, and the width of a column.
_DIGITS = {"psnr": 2}
_OTHER_DIGITS = 4
_WIDTH = 8
# In files: more than any comparison needs, less than float noise.
_FILE_DIGITS = 6


class Rows:
    """The scores of one data set.

    Attributes:
        columns: dict of a protocol, or another group of columns, -> list of
            str, the metrics within it.
        images: list of dicts, as in the .json.
        others: list of the scores of bicubic interpolation, if there are.
        grey: list of str, the scored images whose HR file is grey.
    """

    def __init__(self, columns, width):
        self.columns = columns
        self.images = []
        self.others = []
        self.grey = []
        self._width = width

    def add(self, file, scores, bicubic=None, grey=False):
        """Add and print an image, scores being {protocol: {metric: x}}."""
        if grey:
            self.grey.append(file)
        self.images.append({"file": file, **scores})
        if bicubic is not None:
            self.others.append(bicubic)
        self._print(file, scores)

    def fail(self, file, reason):
        """Add and print an image that could not be scored."""
        self.images.append({"file": file, "error": reason})
        self._print(file, None)

    def mean(self):
        """The means of the scored images, {protocol: {metric: x}}."""
        return self._mean(self.scored())

    def mean_without_grey(self):
        """The means of the others; {} where all images, or none, are grey."""
        scored = self.scored()
        others = [image for image in scored if image["file"] not in self.grey]
        return self._mean(others) if len(others) < len(scored) else {}

    def bicubic(self):
        """The means of bicubic interpolation; {} where it is not known."""
        return self._mean(self.others)

    def lines(self):
        """All rows as in the .json, those of bicubic and the means last."""
        ends = {
            "bicubic": self.bicubic(),
            "mean": self.mean(),
            WITHOUT_GREY: self.mean_without_grey(),
        }
        ends = [{"file": name, **mean} for name, mean in ends.items() if mean]
        return [*self.images, *ends]

    def scored(self):
        """Those of `images` that have scores."""
        return [image for image in self.images if "error" not in image]

    def print_head(self, title):
        """Print what stands above the scores."""
        _say(title)
        widths = {
            p: _group_width(p, names) for p, names in self.columns.items()
        }
        titles = "".join(f"  {p:>{w}}" for p, w in widths.items())
        _say(" " * self._width + titles)
        line = "file".ljust(self._width)
        for p, names in self.columns.items():
            group = "".join(f"{m:>{_WIDTH}}" for m in names)
            line += f"  {group:>{widths[p]}}"
        _say(line)

    def print_mean(self):
        """Print what stands below the scores."""
        if self.others:
            self._print("bicubic", self.bicubic())
        self._print("mean", self.mean() or None)
        if self.grey:
            if mean := self.mean_without_grey():
                self._print(WITHOUT_GREY, mean)
            _say(self.grey_text())

    def grey_text(self):
        """One line that names the grey files."""
        return (
            "grey files (compared as they are in y8, as RGB in the other "
            f"protocols): {', '.join(self.grey)}"
        )

    def _mean(self, scored):
        if not scored:
            return {}
        return {
            p: {
                m: math.fsum(image[p][m] for image in scored) / len(scored)
                for m in names
            }
            for p, names in self.columns.items()
        }

    def _print(self, file, scores):
        line = file.ljust(self._width)
        for p, names in self.columns.items():
            group = "".join(
                f"{_shown(scores or {}, p, m):>{_WIDTH}}" for m in names
            )
            line += f"  {group:>{_group_width(p, names)}}"
        _say(line)


class Results:
    """The scores of all data sets.

    Args:
        model: str, or None where files were scored.
        scale: pair (sy, sx).
        columns: dict of protocol -> list of metrics, as `Rows` has it.
        pipeline: str, how LR and SR are made: "files" or "luma".

    Attributes:
        scale: 2, 2.37, or "1.5x2": width by height.
    """

    def __init__(self, model, scale, columns, pipeline):
        self._model = getattr(model, "name", model)
        self._pipeline = pipeline
        self.scale = _short_scale(scale)
        self._columns = columns
        self._sets = {}

    @property
    def means(self) -> dict[str, dict]:
        """The means of each data set: {set: {protocol: {metric: x}}}."""
        return {name: rows.mean() for name, rows in self._sets.items()}

    @property
    def scored(self):
        """How many images have scores."""
        return sum(len(rows.scored()) for rows in self._sets.values())

    @property
    def failed(self):
        """How many images have none."""
        total = sum(len(rows.images) for rows in self._sets.values())
        return total - self.scored

    @contextlib.contextmanager
    def open_set(self, name, files):
        """Print a data set's table while its rows are added.

        Args:
            name: str, the data set's.
            files: list of str, those that will be added.

        Yields:
            The `Rows` to add them to.
        """
        rows = Rows(self._columns, max(map(len, [*files, WITHOUT_GREY])))
        if self._sets:
            _say("")
        rows.print_head(self._title(name))
        self._sets[name] = rows
        yield rows
        rows.print_mean()

    def write(self, csv_path, json_path, markdown_path=None):
        """Write the files that are wanted.

        Args:
            csv_path: str, or None for no .csv.
            json_path: str, or None for no .json.
            markdown_path: str, or None for no .md.

        Raises:
            OSError: where a file cannot be written.
        """
        if csv_path is not None:
            save_text(csv_path, self._csv())
        if json_path is not None:
            save_text(json_path, self._json())
        if markdown_path is not None:
            save_text(markdown_path, self._markdown())

    def _title(self, name):
        parts = [name, f"x{self.scale}"]
        if self._model:
            parts.append(self._model)
        if self._pipeline == LUMA:
            parts.append("luma pipeline")
        return ", ".join(parts)

    def to_dict(self) -> dict:
        """All scores, as in the .json."""
        data = {
            name: {
                "mean": rows.mean(),
                "bicubic": rows.bicubic(),
                "mean_without_grey": rows.mean_without_grey(),
                "grey": rows.grey,
                "images": rows.images,
            }
            for name, rows in self._sets.items()
        }
        return {
            "model": self._model,
            "scale": self.scale,
            "pipeline": self._pipeline,
            "data": data,
        }

    def _json(self):
        content = self.to_dict()
        return json.dumps(_storable(content), indent=2, allow_nan=False) + "\n"

    def _csv(self):
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        columns = [(p, m) for p, names in self._columns.items() for m in names]
        heads = [f"{p} {m}" for p, m in columns]
        writer.writerow(["data", "pipeline", "file", *heads])
        for name, rows in self._sets.items():
            for line in rows.lines():
                values = [
                    round(line[p][m], _FILE_DIGITS) if p in line else ""
                    for p, m in columns
                ]
                writer.writerow([name, self._pipeline, line["file"], *values])
        return text.getvalue()

    def _markdown(self):
        columns = [(p, m) for p, names in self._columns.items() for m in names]
        text = []
        for name, rows in self._sets.items():
            text += [f"### {self._title(name)}", ""]
            text.append(_cells("file", *(f"{p} {m}" for p, m in columns)))
            text.append("|---" + "|---:" * len(columns) + "|")
            for line in rows.lines():
                values = [_shown(line, p, m) for p, m in columns]
                text.append(_cells(line["file"], *values))
            if rows.grey:
                text += ["", rows.grey_text()]
            text.append("")
        return "\n".join(text)


def check_targets(*paths):
    """Refuse, before any work, files that could not be written in the end.

    Args:
        *paths: str, or None for a file that is not wanted.

    Raises:
        ValueError: for a folder, or the same file twice.
        FileNotFoundError: where the folder for a file is not there.
    """
    wanted = [Path(path).absolute() for path in paths if path is not None]
    for path in wanted:
        if path.is_dir():
            raise ValueError(f"{path} is a folder: give a file's name")
        if not path.parent.is_dir():
            raise FileNotFoundError(
                f"there is no folder {path.parent} to write {path.name} to"
            )
    if len(set(wanted)) < len(wanted):
        raise ValueError(
            f"two of --csv, --json and --markdown are both {_twice(wanted)}"
        )


def _twice(paths):
    return next(path for path in paths if paths.count(path) > 1)


def _group_width(title, metrics):
    return max(len(title), _WIDTH * len(metrics))


def _shown(scores, protocol, metric):
    """A score as people read it."""
    if protocol not in scores:
        return "-"
    digits = _DIGITS.get(metric, _OTHER_DIGITS)
    return f"{scores[protocol][metric]:.{digits}f}"


def _cells(*texts):
    cells = (str(text).replace("|", "\\|") for text in texts)
    return f"| {' | '.join(cells)} |"


def _short_scale(scale):
    """2, 2.37, or "1.5x2" as --scale takes it: width by height."""
    sy, sx = (int(s) if s == int(s) else s for s in scale)
    return sy if sy == sx else f"{sx}x{sy}"


def _storable(value):
    """Round floats; infinity, which JSON has no word for, becomes null."""
    if isinstance(value, dict):
        return {k: _storable(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_storable(v) for v in value]
    if isinstance(value, float):
        return round(value, _FILE_DIGITS) if math.isfinite(value) else None
    return value


def _say(line):
    """Print at once, whatever characters a file's name has."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    say(line.encode(encoding, "backslashreplace").decode(encoding))
