"""What the documentation says: its code, commands, headings and links."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PAGES = sorted(
    p.relative_to(ROOT).as_posix()
    for folder in (".", "docs", "benchmarks", "examples", "notebooks")
    for p in (ROOT / folder).glob("*.md")
)

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.M | re.S)
_INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")

# How a command of ours begins; what follows are its arguments.
_OURS = re.compile(
    r"(?<![\w/.-])(?:sr-keras(?= )|(?:\S*python3? )?-m sr_keras(?= )|"
    r"(?:\S*python3? )?(train|evaluate)\.py(?= ))"
)
_BENCHMARK = re.compile(r"python3? ((?:benchmarks|tools)/\w+\.py)")

# Where a shell ends a command.
_ENDS = {"|", "||", "&", "&&", ";", "<", ">", ">>", "(", ")", "1>", "2>"}


def text(page):
    """A page's text."""
    return (ROOT / page).read_text("utf-8")


def prose(page):
    """A page without its code blocks."""
    return _FENCE.sub("", text(page))


def blocks(page):
    """(language, code) of each code block of a page."""
    return [(m[2], m[3]) for m in _FENCE.finditer(text(page))]


def commands(page):
    """The arguments of each `sr-keras` command of a page, as lists of str.

    `python train.py` counts as `sr-keras train`. Of code within a line only
    what has arguments counts: `sr-keras train --data` names a flag.
    """
    found = []
    for language, code in blocks(page):
        if language not in ("python", "bibtex", "mermaid"):
            found += _split(code)
    for code in _INLINE.findall(prose(page)):
        found += [
            argv for argv in _split(code.replace("\n", " ")) if len(argv) > 2
        ]
    return found


def benchmarks(page):
    """(script, arguments) of each benchmark that a page shows."""
    shown = [code.replace("\\\n", " ") for _, code in blocks(page)]
    shown += [code.replace("\n", " ") for code in _INLINE.findall(prose(page))]
    lines = "\n".join(shown).splitlines()
    return [
        (m[1], _arguments(line[m.end() :]))
        for line in lines
        for m in _BENCHMARK.finditer(line)
    ]


def _split(code):
    """The commands in a text, whatever is around them."""
    found = []
    for line in code.replace("\\\n", " ").splitlines():
        for m in _OURS.finditer(line):
            own = [m[1]] if m[1] else []
            found.append([*own, *_arguments(line[m.end() :])])
    return found


def _arguments(rest):
    """The words up to the end of a command."""
    try:
        words = _words(rest)
    except ValueError:  # the end of a quoted script
        words = _words(rest.rstrip().rstrip("'\""))
    ends = [i for i, w in enumerate(words) if w in _ENDS]
    return words[: min(ends, default=len(words))]


def _words(line):
    lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    return list(lexer)


def flags(page):
    """Every --flag that a page names, but for those of Slurm."""
    lines = [x for x in text(page).splitlines() if "#SBATCH" not in x]
    return {*re.findall(r"(?<![\w-])--[a-z][\w-]*", "\n".join(lines))}


def headings(page):
    """(level, title) of a page's headings."""
    found = re.findall(r"^(#+) (.+)$", prose(page), re.M)
    return [(len(marks), title) for marks, title in found]


def anchors(page):
    """What may follow # in a link to a page, as GitHub has it."""
    titles = [title.lower() for _, title in headings(page)]
    return {re.sub(r"[^\w\- ]", "", t).replace(" ", "-") for t in titles}


def links(page):
    """The targets of a page's links that are no addresses."""
    found = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    return [t for t in found if not re.match(r"\w+:", t)]
