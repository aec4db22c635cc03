"""The documentation: what it shows can be typed, and what there is it says."""

import documents
import pytest
from documents import PAGES, ROOT

from sr_keras import cli, models
from sr_keras.cli import train

# Where the flags of a command are said; of others anywhere in docs.
_HOMES = {
    "train": ("docs/training.md", "docs/zero-shot.md"),
    "adapt": ("docs/training.md",),
    "upscale": ("docs/upscale.md",),
    "evaluate": ("docs/cli.md", "docs/protocols.md"),
    "export": ("docs/export.md",),
    "prepare": ("docs/data.md",),
    "convert": ("docs/cli.md",),
    "models": ("docs/cli.md",),
}

# Flags of other programs that the pages name.
_OTHERS = {"--dist", "--help", "--logdir", "--version"}


def options(parser):
    """The names of each option of a parser, without -h."""
    return [
        {s for s in action.option_strings if s.startswith("--")}
        for action in parser._actions
        if action.option_strings and "--help" not in action.option_strings
    ]


@pytest.mark.parametrize("page", PAGES)
def test_commands_parse(page, capsys):
    for argv in documents.commands(page):
        shown = f"{page}: sr-keras {' '.join(argv)}"
        try:
            args = cli._parse(argv)
        except SystemExit as e:
            # Of --help and --version it is 0.
            assert e.code == 0, f"{shown}\n{capsys.readouterr().err}"
            continue
        if args.command == "train":
            check_training(vars(args), shown)


def check_training(args, shown):
    """That a training has a network that there is, and flags that fit it."""
    given = {k: v for k, v in args.items() if k not in ("run", "command")}
    if "model" not in given:  # one to be repeated, or a part of one
        return
    model = given["model"]
    known = model in models.list_models()
    assert known or model[0].isupper() or "/" in model, shown
    kind = train._kind(model, given)
    try:
        train._check_fit(given, kind, model)
    except ValueError as e:
        pytest.fail(f"{shown}\n{e}")


def test_commands_are_found():
    """Of every form that pages use, so that none goes unchecked."""
    found = {page: documents.commands(page) for page in PAGES}
    assert ["upscale", "-", "-o", "-", "--model", "bicubic"] in found[
        "docs/upscale.md"
    ]
    shown = [argv for argvs in found.values() for argv in argvs]
    assert len(shown) > 40
    scripts = [argv for argv in found["docs/training.md"] if "/data/hr" in argv]
    assert scripts[0][-1] == "--resume"  # within a YAML file
    assert ["train", "--config", "config.json"] in found["README.md"]
    assert {argv[0] for argv in shown} >= {*cli.COMMANDS}


@pytest.mark.parametrize("page", PAGES)
def test_benchmarks_that_are_named_are_there(page):
    common = (ROOT / "benchmarks/common.py").read_text("utf-8")
    for script, arguments in documents.benchmarks(page):
        own = (ROOT / script).read_text("utf-8") + common
        if "--" in arguments:
            arguments = arguments[: arguments.index("--")]
        for flag in arguments:
            if flag.startswith("--"):
                assert f'"{flag}"' in own, f"{page}: {script} {flag}"


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_flag_is_documented(command):
    pages = _HOMES.get(command)
    pages = pages or [p for p in PAGES if p.startswith("docs/")]
    said = set().union(*map(documents.flags, pages))
    missing = [
        "/".join(sorted(names))
        for names in options(cli.parsers()[1][command])
        if names and not names & said
    ]
    assert not missing, f"{command}: {', '.join(missing)} in {pages}"


@pytest.mark.parametrize("page", PAGES)
def test_every_flag_that_is_named_is_there(page):
    commands = cli.parsers()[1].values()
    known = {
        n for parser in commands for names in options(parser) for n in names
    }
    folders = (ROOT / "benchmarks", ROOT / "tools")
    for script in (s for folder in folders for s in folder.glob("*.py")):
        known |= documents.flags(script)  # in their tables of options
    assert documents.flags(page) <= known | _OTHERS, page


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    folder = (ROOT / page).parent
    for link in documents.links(page):
        path, _, anchor = link.partition("#")
        target = (folder / path).resolve() if path else ROOT / page
        assert target.exists(), f"{page}: {link}"
        if anchor:
            there = documents.anchors(target.relative_to(ROOT))
            assert anchor in there, f"{page}: {link}, of {sorted(there)}"


def test_the_two_readmes_are_the_same():
    """The same parts in the same order, the same code, the same tables."""
    readmes = ("README.md", "README.zh-CN.md")
    levels, code, rows = [
        [*map(of, readmes)] for of in (_levels, documents.blocks, _rows)
    ]
    assert levels[0] == levels[1]
    assert code[0] == code[1]
    assert rows[0] == rows[1]


def _levels(page):
    return [level for level, _ in documents.headings(page)]


def _rows(page):
    """What the first column of each table's row has in code."""
    lines = documents.prose(page).splitlines()
    cells = [line.split("|")[1] for line in lines if line.startswith("|")]
    return [documents._INLINE.findall(cell) for cell in cells]


def test_the_cards_are_those_of_the_index(monkeypatch):
    """`python tools/cards.py` writes the page anew."""
    monkeypatch.syspath_prepend(ROOT / "tools")
    import cards

    assert documents.text("docs/models.md") == cards.page()
