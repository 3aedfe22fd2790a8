"""Imports MuJoCo when a physical world is made: robots and coordinators run without it."""

from __future__ import annotations

from typing import Any

from altmarl_ros.errors import AltmarlError


def load_mujoco() -> Any:
    """Import MuJoCo.

    Raises:
        AltmarlError: it is not installed, with the command that installs it.
    """
    try:
        import mujoco
    except ImportError as error:
        raise AltmarlError(f"simulated physics needs the package mujoco: {error}; pip install altmarl_ros[physics]") from None
    return mujoco
