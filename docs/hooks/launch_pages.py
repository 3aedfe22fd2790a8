"""The launch files and their arguments, read without the launch system, which only a ROS installation has."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from tables import code, code_span, table

_INTRODUCTION = """# Launch files

For a ROS installation: `ros2 launch altmarl_ros FILE argument:=value`. The same executables come up without it by
[`altmarl fleet`](commands.md#altmarl-fleet) and [`altmarl deploy`](commands.md#altmarl-deploy).

"""


@dataclass(frozen=True)
class Argument:
    """A launch argument: its default as it would be typed; None: it must be given."""

    name: str
    default: str | None
    description: str


def page(folder: Path) -> str:
    """All launch files."""
    return _INTRODUCTION + "\n".join(_section(path) for path in sorted(folder.glob("*.launch.py")))


def arguments(path: Path) -> list[Argument]:
    """What the file's table ARGUMENTS holds."""
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "ARGUMENTS":
            assert isinstance(statement.value, ast.Dict)
            return [_argument(key, value) for key, value in zip(statement.value.keys, statement.value.values, strict=True)]
    raise ValueError(f"{path} has no table ARGUMENTS")


def _argument(key: ast.expr | None, value: ast.expr) -> Argument:
    assert isinstance(key, ast.Constant)
    assert isinstance(value, ast.Tuple)
    default, description = value.elts
    words = [node.value for node in ast.walk(default) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    if isinstance(default, ast.Constant):
        return Argument(key.value, default.value, ast.literal_eval(description))
    typed = "<robot_id>".join([*words[:1], ""]) if isinstance(default, ast.List) else "/".join(words)
    return Argument(key.value, typed, ast.literal_eval(description))


def _section(path: Path) -> str:
    about = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    first, _, examples = about.partition("\n")
    lines = [line.strip() for line in examples.splitlines()]
    commands = "\n".join(line for line in lines if line.startswith("ros2 "))
    notes = "\n".join(line for line in lines if line and not line.startswith("ros2 "))
    text = f"## {path.name}\n\n{code_span(first)}\n\n```bash\n{commands}\n```\n\n{code_span(notes)}\n\n"
    rows = (
        (f"`{each.name}`", "required" if each.default is None else code(each.default), code_span(each.description))
        for each in arguments(path)
    )
    return text + table(("argument", "default", "meaning"), rows)
