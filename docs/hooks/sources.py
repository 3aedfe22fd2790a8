"""Links from a page to a file of the repository lead to a page that shows this file, or to the description of a message."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any, Iterator

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_LINK = re.compile(r"(\]\()((?:\.\./)+[^)#\s]+)((?:#[^)\s]*)?\))")
_LANGUAGES = {".py": "python", ".yaml": "yaml", ".xml": "xml", ".md": "markdown", ".rst": "rst"}
_INTERFACES = (".msg", ".srv")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each file outside of docs/ that some page links to."""
    pages = files.documentation_pages()
    for source in sorted({path for page in pages for path in _outside(page.src_uri, page.content_string)}):
        path = Path(config.docs_dir).parent / source
        if path.is_file() and path.suffix not in _INTERFACES:
            text = f"---\nsearch: {{exclude: true}}\n---\n# {source}\n\n"
            text += f"~~~~~{_LANGUAGES.get(path.suffix, 'text')}\n{path.read_text(encoding='utf-8').rstrip()}\n~~~~~\n"
            files.append(File.generated(config, _page_of(source), content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Point the links there."""
    folder = posixpath.dirname(page.file.src_uri)

    def replaced(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join("docs", folder, link.group(2)))
        if target.startswith("docs/") or page.file.src_uri.startswith("source/"):
            return link.group()
        if Path(target).suffix in _INTERFACES:
            return link.group(1) + posixpath.relpath("reference/messages.md", folder or ".") + f"#{Path(target).stem.lower()})"
        return link.group(1) + posixpath.relpath(_page_of(target), folder or ".") + link.group(3)

    return _LINK.sub(replaced, markdown)


def _outside(page: str, text: str) -> Iterator[str]:
    for link in _LINK.finditer(text):
        target = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), link.group(2)))
        if not target.startswith("docs/"):
            yield target


def _page_of(source: str) -> str:
    return f"source/{source}.md"
