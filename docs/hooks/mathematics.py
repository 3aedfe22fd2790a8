"""Formulas become MathML while the site is built, which browsers render without a script or a font from elsewhere."""

from __future__ import annotations

import html
import re
from typing import Any

from latex2mathml.converter import convert

_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)


def on_page_content(content: str, **_: Any) -> str:
    """Replace what arithmatex marked."""
    return _FORMULA.sub(_as_mathml, content)


def _as_mathml(formula: re.Match[str]) -> str:
    tex = html.unescape(formula.group(3)).strip()
    markup = convert(tex, display="block" if formula.group(2) == "[" else "inline")
    return markup if formula.group(2) == "(" else f'<div class="formula">{markup}</div>'
