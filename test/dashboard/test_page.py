"""The page is one file that needs nothing else, and says what it is to those who do not see it."""

import re
from html.parser import HTMLParser
from itertools import product

import pytest

from altmarl_ros.dashboard.page import load_page

LABELLED = {"button", "input", "select"}


class Reader(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.text_of, self._open = [], {}, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._open.append(len(self.tags) - 1)
        if tag in ("meta", "link", "input"):
            self._open.pop()

    def handle_endtag(self, tag):
        if self._open and self.tags[self._open[-1]][0] == tag:
            self._open.pop()

    def handle_data(self, data):
        for i in self._open:
            self.text_of[i] = self.text_of.get(i, "") + data


@pytest.fixture(scope="module")
def page():
    return load_page()


@pytest.fixture(scope="module")
def document(page):
    return Reader(page.content.decode())


def test_nothing_is_loaded_from_elsewhere(page, document):
    for tag, attributes in document.tags:
        for name in ("src", "href", "action", "srcset"):
            assert attributes.get(name, "#").startswith(("#", "data:,")), (tag, attributes)
        assert not [name for name in attributes if name.startswith("on") or name == "style"], (tag, attributes)
    text = page.content.decode()
    assert "@import" not in text
    assert "url(" not in text
    assert not re.findall(r"https?://(?!www\.w3\.org)", text)
    assert not re.search(r"\beval\(|new Function|document\.write|\.innerHTML", text)


def test_the_policy_allows_this_script_and_this_style_alone(page):
    policy = page.content_security_policy("localhost:1")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert "*" not in policy


def luminance(colour):
    """WCAG 2.2's relative luminance of #rrggbb."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_texts_stand_out_in_both_themes(page):
    themes = re.findall(r"--ink: [^}]*", page.content.decode())
    assert len(themes) == 3  # light, dark by the system, dark by choice
    assert themes[1].split() == themes[2].split()
    for theme in themes:
        colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", theme))
        for text, ground in [
            *product(("ink", "soft"), ("panel", "paper", "zone", "hover")),
            ("on-red", "red"),
            *product(("blue", "orange", "green", "purple", "red"), ("panel",)),
        ]:
            light, dark = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground, colours[text], colours[ground])


def test_controls_and_regions_have_names(document):
    labels = {attributes.get("for") for tag, attributes in document.tags if tag == "label"}
    inside = [attributes for tag, attributes in document.tags]
    ids = {attributes["id"] for attributes in inside if "id" in attributes}
    for i, (tag, attributes) in enumerate(document.tags):
        if tag == "button":
            assert attributes.get("aria-label") or document.text_of.get(i, "").strip(), attributes
        if tag in LABELLED - {"button"}:
            wrapped = any(document.tags[j][0] == "label" and j < i for j in range(max(0, i - 3), i))
            assert wrapped or attributes.get("id") in labels, attributes
        for name in ("aria-labelledby", "aria-controls"):
            assert attributes.get(name) is None or attributes[name] in ids
    assert len(ids) == sum("id" in attributes for attributes in inside), "ids are unique"
    assert [tag for tag, _ in document.tags if tag in ("header", "main", "h1")][0:3] == ["header", "h1", "main"]
    assert next(attributes["lang"] for tag, attributes in document.tags if tag == "html") == "en"
