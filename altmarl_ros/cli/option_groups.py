"""Options that several commands share, taken as one parameter: a dataclass whose fields are the options."""

from __future__ import annotations

import functools
import inspect
from dataclasses import fields, is_dataclass
from typing import Any, Callable, Iterator, get_type_hints


def with_option_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Let Typer see the fields of a command's dataclass parameters as options, in their place.

    Such a dataclass has Typer's annotations and defaults at its fields. The command gets one object of it.

    Raises:
        TypeError: two options have one name.
    """
    signature = inspect.signature(command, eval_str=True)
    groups: dict[str, Any] = {
        name: each.annotation for name, each in signature.parameters.items() if is_dataclass(each.annotation)
    }
    options = [option for each in signature.parameters.values() for option in _options(each)]
    names = [option.name for option in options]
    if len(set(names)) < len(names):
        raise TypeError(f"{command.__name__} has two options of one name: {', '.join(names)}")

    @functools.wraps(command)
    def flat(**given: Any) -> None:
        made = {name: group(**{field.name: given.pop(field.name) for field in fields(group)}) for name, group in groups.items()}
        command(**given, **made)

    flat.__signature__ = signature.replace(parameters=options)  # type: ignore[attr-defined]
    flat.__annotations__ = {option.name: option.annotation for option in options}
    return flat


def _options(parameter: inspect.Parameter) -> Iterator[inspect.Parameter]:
    """The parameters that stand for one of a command: itself, or the fields of a group."""
    group = parameter.annotation
    if not is_dataclass(group):
        yield parameter
        return
    annotations = get_type_hints(group, include_extras=True)
    for field in fields(group):
        yield inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=annotations[field.name]
        )
