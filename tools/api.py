"""Write docs/api.md: the public names and what their docstrings say.

    python tools/api.py

A test compares the page with the docstrings.
"""

import inspect
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

PAGE = ROOT / "docs" / "api.md"

HEAD = """# Python

<!-- python tools/api.py writes this page from the docstrings: change those. -->

`import sr_keras` loads neither Keras nor TensorFlow; a name is loaded when it
is first used. Images are arrays (height, width, channels), float32 in [0, 1].
"""

# Public functions, in the order in which people need them.
FUNCTIONS = (
    "upscale", "zero_shot", "train", "evaluate", "load", "build",
    "list_models", "export",
)  # fmt: skip

# Results of these functions, and the functions of public modules.
CLASSES = {
    "zero_shot": "sr_keras.training.zero_shot.zero_shot:ZeroShotRun",
    "train": "sr_keras.training.train:TrainedRun",
    "evaluate": "sr_keras.evaluation.score_table:Results",
}
MODULES = {
    "images": ("read", "write", "find", "quantize", "Image"),
    "metrics": ("score", "psnr", "ssim", "ms_ssim", "zncc"),
}


def page():
    """Return the text of the page."""
    import sr_keras

    parts = [HEAD]
    for name in FUNCTIONS:
        parts.append(section(f"sr_keras.{name}", getattr(sr_keras, name)))
        if name in CLASSES:
            parts.append(result(CLASSES[name]))
    for module, names in MODULES.items():
        there = getattr(sr_keras, module)
        parts.append(f"## sr_keras.{module}\n")
        for name in names:
            title = f"sr_keras.{module}.{name}"
            parts.append(section(title, getattr(there, name), "###"))
    return "\n".join(parts)


def section(title, found, level="##"):
    """Return a heading, the signature and the docstring."""
    found = inspect.unwrap(found)
    name = title.rpartition(".")[2]
    text = inspect.getdoc(found)
    if inspect.isclass(found):
        signature = f"class {name}"
    else:
        signature = f"{name}{signature_of(found)}"
    return (
        f"{level} {title}\n\n```python\n{signature}\n```\n\n"
        f"```text\n{text}\n```\n"
    )


def result(place):
    """Return the section of a class, with its public methods."""
    module, _, name = place.partition(":")
    cls = getattr(__import__(module, fromlist=[name]), name)
    lines = [inspect.getdoc(cls), ""]
    for member, value in vars(cls).items():
        if member.startswith("_") or not inspect.getdoc(value):
            continue
        if isinstance(value, property):
            lines.append(f"{member}: {inspect.getdoc(value)}")
        elif inspect.isfunction(value):
            first = inspect.getdoc(value).partition("\n")[0]
            lines.append(f"{member}(): {first}")
    text = "\n".join(lines).rstrip()
    return f"### {name}\n\n```text\n{text}\n```\n"


def signature_of(function):
    """Return the signature, an argument a line where it is long."""
    signature = inspect.signature(function)
    text = str(signature).replace("'", "")
    if len(text) < 70:
        return text
    lines, is_keyword = [], False
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not is_keyword:
            lines.append("    *,")
            is_keyword = True
        lines.append(f"    {str(parameter)},".replace("'", ""))
    end = ""
    if signature.return_annotation is not signature.empty:
        returned = inspect.formatannotation(signature.return_annotation)
        end = f" -> {returned}".replace("'", "")
    return "(\n" + "\n".join(lines) + f"\n){end}"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
