"""The messages and services, from msg/*.msg and srv/*.srv with their comments."""

from __future__ import annotations

import re
from pathlib import Path

from tables import code_span, table

_FIELD = re.compile(
    r"(?P<type>\S+)\s+(?P<name>\w+)(?:\s*=\s*(?P<value>[^#\s]+)|\s+(?P<default>[^#\s]+))?\s*(?:#\s*(?P<comment>.*))?$"
)
_INTRODUCTION = """# Messages

From `msg/*.msg` and `srv/*.srv`. Types are `altmarl_ros/msg/...` and `altmarl_ros/srv/...`; who sends them to whom is under [topics](topics.md). A comment that begins on one
field and goes on below it stands beside the field where it begins.

"""


def page(messages: Path, services: Path) -> str:
    """All messages in alphabetical order, then all services."""
    paths = [*sorted(messages.glob("*.msg")), *sorted(services.glob("*.srv"))]
    return _INTRODUCTION + "\n".join(_section(path) for path in paths)


def _section(path: Path) -> str:
    first, *rest = path.read_text(encoding="utf-8").split("\n---\n")
    about, constants, fields = parse(first)
    text = f"## {path.stem}\n\n{code_span(about)}\n\n"
    fields += [(kind, f"{name} (answer)", value, comment) for part in rest for kind, name, value, comment in parse(part)[2]]
    if constants:
        text += table(("constant", "type", "value", ""), ((f"`{n}`", t, v, code_span(c)) for t, n, v, c in constants)) + "\n"
    return text + table(("field", "type", ""), ((f"`{n}`", f"`{t}`", code_span(c)) for t, n, _, c in fields))


def parse(text: str) -> tuple[str, list[tuple[str, str, str, str]], list[tuple[str, str, str, str]]]:
    """What the message is about, its constants and its fields as (type, name, value, comment)."""
    about: list[str] = []
    constants: list[tuple[str, str, str, str]] = []
    fields: list[tuple[str, str, str, str]] = []
    last: list[tuple[str, str, str, str]] | None = None
    for line in (line.strip() for line in text.splitlines()):
        if line.startswith("#"):
            words = line.lstrip("# ")
            if last is None:
                about.append(words)
            else:
                kind, name, value, comment = last[-1]
                last[-1] = (kind, name, value, f"{comment} {words}".strip())
        elif line:
            match = _FIELD.match(line)
            assert match is not None, f"no field: {line}"
            last = constants if match["value"] else fields
            default = f"Default {match['default']}. " if match["default"] else ""
            last.append((match["type"], match["name"], match["value"] or "", default + (match["comment"] or "")))
    return " ".join(about), constants, fields
