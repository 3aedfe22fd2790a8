"""The pictures that commands write, drawn by matplotlib.

Import modules by name, where a picture is drawn: they load matplotlib.
"""

__all__: list[str] = []
