"""Draws the packages and their imports on the page about the architecture, and lists them, from the code itself."""

from __future__ import annotations

import html
from itertools import pairwise
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.pages import Page

from layered_layout import lay_out
from package_graph import Package, reachable, read_packages, reduced
from tables import NOTHING, code_span, table

PAGE = "explanation/architecture.md"
_PICTURE, _TABLE = "<!-- picture of the packages -->", "<!-- table of the packages -->"
_BOX, _WIDE, _HEIGHT, _GAP, _ROW, _MARGIN = 196.0, 420.0, 58.0, 18.0, 92.0, 10.0
_LINE = 28  # characters of a line in a box
_FEW = 2  # a package with more rooms shows their names


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """Write the table."""
    if page.file.src_uri != PAGE:
        return markdown
    return markdown.replace(_TABLE, package_table(read_packages(Path(config.docs_dir).parent)))


def on_page_content(content: str, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """Draw the picture; it is part of the page, so that it follows the page's light or dark colours."""
    if page.file.src_uri != PAGE:
        return content
    return content.replace(_PICTURE, picture(read_packages(Path(config.docs_dir).parent)))


def package_table(packages: dict[str, Package]) -> str:
    """List the packages in Markdown, those that stand on fewest others first, with the imports that the picture shows."""
    below, direct = reachable(packages), reduced(packages)
    rows = (
        (
            f"`{each.name}`",
            ", ".join(f"`{name}`" for name in sorted(direct[each.name])) or NOTHING,
            ", ".join(f"`{name}`" for name in each.ros) or NOTHING,
            code_span(each.about),
        )
        for each in sorted(packages.values(), key=lambda each: (len(below[each.name]), each.name))
    )
    return table(("package", "imports", "of ROS", "what is in it"), rows)


def picture(packages: dict[str, Package]) -> str:
    """Draw the packages as an SVG: boxes in layers, with an arrow from a package to each one that it imports.

    An import that follows from a chain of arrows has no arrow of its own.
    """
    widths = {name: _WIDE if len(each.rooms) > _FEW else _BOX for name, each in packages.items()}
    layout = lay_out(reduced(packages), widths, _GAP)
    ends = [layout.x[name] + side * widths[name] / 2 for name in packages for side in (-1, 1)]
    ends += [x for way in layout.ways.values() for x in way]
    left, right = min(ends) - _MARGIN, max(ends) + _MARGIN
    level = {name: i for i, layer in enumerate(layout.layers) for name in layer}
    top = {name: _MARGIN + _ROW * (len(layout.layers) - 1 - level[name]) for name in packages}
    height = _ROW * (len(layout.layers) - 1) + _HEIGHT + 2 * _MARGIN
    arrows = "".join(_arrow([x - left for x in way], top[above]) for (above, _), way in sorted(layout.ways.items()))
    boxes = "".join(_box(each, layout.x[name] - left, top[name], widths[name]) for name, each in sorted(packages.items()))
    return (
        f'<svg class="packages" viewBox="0 0 {right - left:.0f} {height:.0f}" role="img" aria-labelledby="packages-title">'
        '<title id="packages-title">The packages of altmarl_ros and their imports; the table below has the same in words</title>'
        '<defs><marker id="packages-tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0 10 5 0 10z"/></marker></defs>'
        f"{arrows}{boxes}</svg>"
    )


def _box(package: Package, x: float, y: float, width: float) -> str:
    lines = [" · ".join(package.rooms)] if len(package.rooms) > _FEW else _wrapped(package.question.replace("`", ""))
    first = y + (20 if len(lines) == 2 else 25)
    text = "".join(
        f'<text x="{x:.1f}" y="{first + 16 * (i + 1):.1f}">{html.escape(line)}</text>' for i, line in enumerate(lines)
    )
    return (
        f'<g class="{"shell" if "rclpy" in package.ros else "core"}"><title>{html.escape(package.about)}</title>'
        f'<rect x="{x - width / 2:.1f}" y="{y:.1f}" width="{width:.0f}" height="{_HEIGHT:.0f}" rx="8"/>'
        f'<text class="name" x="{x:.1f}" y="{first:.1f}">{package.name}</text>{text}</g>'
    )


def _arrow(way: list[float], y: float) -> str:
    """Draw from below a box at height y down to the top of the box at the way's end: curves between layers, straight within."""
    path = f"M{way[0]:.1f} {y + _HEIGHT:.1f}"
    for i, (before, after) in enumerate(pairwise(way)):
        start, end = y + _ROW * i + _HEIGHT, y + _ROW * (i + 1)
        middle = (start + end) / 2
        path += f"C{before:.1f} {middle:.1f} {after:.1f} {middle:.1f} {after:.1f} {end:.1f}"
        if i + 2 < len(way):
            path += f"V{end + _HEIGHT:.1f}"
    return f'<path class="arrow" d="{path}" marker-end="url(#packages-tip)"/>'


def _wrapped(text: str) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > _LINE:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines[:2]
