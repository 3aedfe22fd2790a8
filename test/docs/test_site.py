"""Tests that the built site is complete and loads nothing from elsewhere."""

import json
import os
import re
import subprocess
import sys

import pytest

from page_shell import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(pytestconfig, tmp_path_factory):
    built = pytestconfig.getoption("--site")
    if built:
        return ROOT / built
    folder = tmp_path_factory.mktemp("site")
    run = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "-f", ROOT / "mkdocs.yml", "--site-dir", folder],
        cwd=folder.parent,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


def test_no_page_fetches_anything_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 50
    for page in pages:
        for tag in re.findall(r"<(?:script|link|img|iframe|source)\b[^>]*>", page.read_text()):
            outside = re.search(r"""(?:src|href)=["']?(?:https?:)?//""", tag)
            assert outside is None or 'rel="canonical"' in tag, f"{page.relative_to(site)}: {tag}"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(\s*[\"']?(?:https?:)?//", sheet.read_text()), sheet


def test_every_formula_is_mathml(site):
    for page in site.rglob("*.html"):
        text = page.read_text()
        assert "arithmatex" not in text, page
        assert "$$" not in re.sub(r"<(code|pre)\b.*?</\1>", "", text, flags=re.DOTALL), page
    assert (site / "explanation" / "mathematics.html").read_text().count("<math") > 30


def test_links_to_sources_show_them(site):
    page = (site / "explanation" / "mathematics.html").read_text()
    assert 'href="../source/altmarl_ros/games/tabular.py.html"' in page
    assert "class TabularGame" in re.sub(r"<[^>]+>", "", (site / "source/altmarl_ros/games/tabular.py.html").read_text())


def test_links_to_messages_lead_to_their_description(site):
    page = (site / "reference" / "topics.html").read_text()
    assert 'href="messages.html#fleettick"' in page
    assert 'href="messages.html#operaterobot"' in page
    assert 'id="fleettick"' in (site / "reference" / "messages.html").read_text()


def test_the_architecture_is_drawn_from_the_code(site):
    page = (site / "explanation" / "architecture.html").read_text()
    assert '<svg class="packages"' in page
    assert "<!-- picture" not in page
    assert "<!-- table" not in page


@pytest.mark.parametrize(
    ("word", "page"),
    [
        ("battery", "how-to/work"),
        ("charging", "how-to/work"),
        ("map", "how-to/floor"),
        ("TF", "how-to/robot"),
        ("gym", "how-to/python"),
        ("Gymnasium", "how-to/python"),
        ("shift", "how-to/runbook"),
    ],
)
def test_a_word_that_people_search_for_is_found(site, word, page):
    text = (site / "search" / "search_index.js").read_text()
    sections = json.loads(text[text.index("{") : text.rindex("}") + 1])["docs"]
    found = {
        each["location"] for each in sections if re.search(rf"\b{word}\b", f"{each['title']} {each['text']}", re.IGNORECASE)
    }
    assert any(location.startswith(page) for location in found)
