"""Names the settings of a physical world by dotted names, such as laser.rate, for parameters and files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from altmarl_ros.simulation.physical.config import PhysicalConfig, Settings, check_together


@dataclass(frozen=True)
class Setting:
    """One number or choice of a PhysicalConfig: its dotted name, default and description."""

    name: str
    default: float | int | str
    description: str


def settings() -> list[Setting]:
    """Return all settings of a physical world."""
    return _settings(PhysicalConfig, "")


def config_of(values: Mapping[str, Any]) -> PhysicalConfig:
    """Return the configuration with these settings, by dotted name; others have their defaults.

    Raises:
        AltmarlError: naming the setting and the rule that it breaks.
    """
    groups: dict[str, Any] = {}
    for name, value in values.items():
        group, _, setting = name.rpartition(".")
        (groups.setdefault(group, {}) if group else groups)[setting] = value
    for name, default in PhysicalConfig():
        if isinstance(default, Settings) and name in groups:
            groups[name] = type(default)(**groups[name])
    config = PhysicalConfig(**groups)
    check_together(config)
    return config


def _settings(owner: type[Settings], prefix: str) -> list[Setting]:
    found: list[Setting] = []
    for name, default in owner():
        if isinstance(default, Settings):
            found += _settings(type(default), f"{name}.")
        else:
            found.append(Setting(prefix + name, default, _description(owner, name)))
    return found


def _description(owner: type[Settings], name: str) -> str:
    fields: Any = getattr(owner, "model_fields", None) or owner.__fields__  # pydantic 2 or 1
    return str(getattr(fields[name], "field_info", fields[name]).description or "")
