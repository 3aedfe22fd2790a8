"""The page is one file that needs nothing else, and says what it is to those who do not see it."""

import re
from html.parser import HTMLParser

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
