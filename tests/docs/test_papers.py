"""docs/papers.md: each network's figures in the protocol of its paper."""

import re

import pytest
from checks import data_folder
from documents import ROOT

import sr_keras
from sr_keras import models
from sr_keras.cli.models import protocol_text
from sr_keras.evaluation import metrics
from sr_keras.imaging import images
from sr_keras.models import pretrained

PAGE = (ROOT / "docs" / "papers.md").read_text("utf-8")


def rows_of(text):
    """The cells of every line of every table."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[c.strip() for c in line.strip("|").split("|")] for line in lines]


def test_every_paper_has_rows_in_its_protocol():
    said = {
        name: protocol_text(models.paper_evaluation(name))
        for name in models.list_models()
        if models.paper_evaluation(name)
    }
    found = {row[0]: row[1] for row in rows_of(PAGE) if row[0] in said}
    assert found == said
    for row in rows_of(PAGE):
        if row[0] in said:
            recipe = row[2].strip("`")
            models.recipe(row[0], recipe)


def test_the_readmes_have_the_same_figures_for_zssr():
    named = re.compile(r"\| x(\d) \|.*`default`: (\S+) / (\S+) \|")
    said = {f"x{s}": pair for s, *pair in named.findall(PAGE)}
    assert set(said) == {"x2", "x3", "x4"}
    pages = ("README.md", "README.zh-CN.md", "benchmarks/README.md")
    for page in pages:
        text = (ROOT / page).read_text("utf-8")
        for scale, pair in said.items():
            rows = [row for row in rows_of(text) if row[0] == scale]
            shown = [[cell.split(" / ")[0] for cell in row] for row in rows]
            both = [[v for v in row if v in pair] for row in shown]
            assert pair in both, (page, scale)


def test_a_card_has_the_scores_of_both_protocols():
    folder = data_folder("benchmark", "Set5")
    card = pretrained.card_for("fast", 2)
    network = pretrained.load("fast", 2)
    scores = []
    for path in sorted((folder / "HR").glob("*.png")):
        lr = folder / "LR_bicubic" / "X2" / f"{path.stem}x2.png"
        sr = sr_keras.upscale(images.read(lr).pixels, network)
        hr = images.read(path).pixels[: sr.shape[0], : sr.shape[1]]
        scores.append(metrics.score(sr, hr, 2, ["y", "y8"], ["psnr"]))
    for protocol, expected in card["scores"]["Set5"].items():
        values = [score[protocol]["psnr"] for score in scores]
        assert sum(values) / 5 == pytest.approx(expected, abs=0.002)
    assert set(card["scores"]["Set5"]) == {"y", "y8"}
