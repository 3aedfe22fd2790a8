"""Tables in long form, one row per setting and quantity: made, picked from, written and read as CSV."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any, Mapping, Sequence

from altmarl_ros.errors import AltmarlError
from altmarl_ros.files import write_output

Value = str | int | float
Row = Mapping[str, Value]

MEASURED = ("quantity", "mean", "standard_error", "robots", "runs", "seeds")
"""The columns that follow those of the setting in every table; `runs` are episodes per seed, an empty field does not apply."""


def row(setting: Mapping[str, Value], quantity: str, mean: float, error: float | str = "", **sizes: Value) -> Row:
    """Make one row; `sizes` are robots, runs and seeds."""
    measured: dict[str, Value] = {"quantity": quantity, "mean": mean, "standard_error": error}
    return {**setting, **measured, **{column: sizes.get(column, "") for column in MEASURED[3:]}}


def pick(rows: Sequence[Row], **wanted: Any) -> list[Row]:
    """Return the rows that have these values in these columns."""
    return [each for each in rows if all(each.get(column) == value for column, value in wanted.items())]


def series(rows: Sequence[Row], x: str) -> tuple[list[float], list[float], list[float]]:
    """Return the columns x, mean and standard error (0 where none is given), sorted by x."""
    points = sorted((float(each[x]), float(each["mean"]), float(each["standard_error"] or 0.0)) for each in rows)
    return [p[0] for p in points], [p[1] for p in points], [p[2] for p in points]


def distinct(rows: Sequence[Row], column: str) -> list[Any]:
    """Return the different values of a column in order of appearance, without empty ones."""
    return list(dict.fromkeys(each[column] for each in rows if each.get(column, "") != ""))


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write a table atomically.

    Raises:
        AltmarlError: naming the file.
    """
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({column: _text(value) for column, value in each.items()} for each in rows)
    write_output(path, buffer.getvalue().encode())


def read_csv(path: Path) -> list[Row]:
    """Read a table that write_csv wrote, or one with the same columns.

    Raises:
        AltmarlError: naming the file, and the row and column where one is wrong.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise AltmarlError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    reader = csv.DictReader(io.StringIO(text), strict=True)
    missing = [column for column in MEASURED if column not in (reader.fieldnames or ())]
    if missing:
        raise AltmarlError(f"{path}: has no column {missing[0]!r}")
    rows: list[Row] = []
    for number, each in enumerate(reader, 2):
        if None in each or None in each.values():
            raise AltmarlError(f"{path}: line {number} has not {len(reader.fieldnames or ())} fields")
        parsed = {column: _parsed(value) for column, value in each.items()}
        if isinstance(parsed["mean"], str):
            raise AltmarlError(f"{path}: line {number}: mean is {parsed['mean']!r}, must be a number")
        rows.append(parsed)
    if not rows:
        raise AltmarlError(f"{path}: has no rows")
    return rows


def _text(value: Value) -> str:
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def _parsed(text: str) -> Value:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
