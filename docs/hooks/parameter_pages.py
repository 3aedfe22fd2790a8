"""The parameters of every executable, from the tables that declare them."""

from __future__ import annotations

from altmarl_ros.nodes.common.parameters import Parameter
from altmarl_ros.nodes.parameter_tables import TABLES, parameter_table
from tables import NOTHING, code, code_span, table

_INTRODUCTION = """---
hide: [toc]
---
# Parameters

From the tables by which the nodes declare and check them; `ros2 param describe` tells the same of a running node.
`ros2 param set` sets one, the service `~/set_parameters_atomically` several, all or none. A set that is refused changes nothing,
and its reason says which rule it breaks.

**live**: a running node takes it. Of `coordinator` and `robot`, which have a life cycle, the others can be set until the node is
configured ([how](../how-to/plant.md#managed-coordinator)); of the rest of the nodes the others are read once, at the start.

**safety**: a safety parameter. From its value at the start it may only fall, or only rise (of a choice: towards the first, of a switch: to
true), or it stays; `safety.ceilings` gives room ([how](../how-to/robot.md#ceilings)).

Beside these there are ROS's own (`use_sim_time`), and `qos_overrides./fleet/tick.subscription.deadline` and the like
([topics](topics.md#quality-of-service)).

"""
_SAFETY = {"": NOTHING, "lower": "may fall", "higher": "may rise", "same": "stays"}
_TYPES = {bool: "bool", int: "integer", float: "double", str: "string"}


def page() -> str:
    """All tables."""
    links = ", ".join(f"[{executable}](#{executable})" for executable in TABLES)
    return f"{_INTRODUCTION}Of {links}.\n\n" + "\n".join(_section(executable) for executable in TABLES)


def _section(executable: str) -> str:
    rows = [row(parameter) for parameter in parameter_table(executable)]
    heading = f"## {executable}\n\n`{executable}` {TABLES[executable].purpose}.\n\n"
    return heading + table(("parameter", "type", "default", "range", "unit", "live", "safety", "meaning"), rows)


def row(parameter: Parameter) -> tuple[str, ...]:
    """One line of a table."""
    return (
        f"`{parameter.name}`",
        _TYPES[type(parameter.default)],
        code(parameter.default),
        _range(parameter),
        parameter.unit or NOTHING,
        "**live**" if parameter.live else "no, read-only" if parameter.fixed else NOTHING,
        _SAFETY[parameter.safer],
        code_span(parameter.description),
    )


def _range(parameter: Parameter) -> str:
    if parameter.choices:
        return ", ".join(f"`{choice}`" for choice in parameter.choices)
    low, high = parameter.minimum, parameter.maximum
    if low is None and high is None:
        return NOTHING
    if high is None:
        return f"≥ {_number(low)}"
    return f"≤ {_number(high)}" if low is None else f"{_number(low)} … {_number(high)}"


def _number(value: float | None) -> str:
    return f"{value:g}" if float(f"{value:g}") == value else f"{value:.10g}"
