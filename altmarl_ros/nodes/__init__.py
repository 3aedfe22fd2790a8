"""Thin rclpy shells around the cores: parameters in, conversion, core, conversion, publish.

Nothing is handed on here, so that an executable loads its own node alone.
"""

__all__: list[str] = []
