"""Draws the map of the warehouse: 50 m by 30 m, 10 cm per cell, five double rows of racks with aisles of 3.5 m between."""

from pathlib import Path

import numpy as np
from PIL import Image

CELLS = 10  # per metre
FREE, WALL, UNKNOWN = 254, 0, 205
grid = np.full((320, 520), UNKNOWN, dtype=np.uint8)


def paint(value: int, x0: float, y0: float, x1: float, y1: float) -> None:
    """Fill a rectangle [m]; y is north, and the hall begins at (0, 0), a metre inside the picture."""
    rows = slice(len(grid) - round((y1 + 1.0) * CELLS), len(grid) - round((y0 + 1.0) * CELLS))
    grid[rows, round((x0 + 1.0) * CELLS) : round((x1 + 1.0) * CELLS)] = value


paint(WALL, -0.3, -0.3, 50.3, 30.3)
paint(FREE, 0.0, 0.0, 50.0, 30.0)
for y in (5.0, 10.0, 15.0, 20.0, 25.0):
    paint(WALL, 10.0, y - 0.7, 22.0, y + 0.7)  # racks west and east of the cross aisle
    paint(WALL, 28.0, y - 0.7, 40.0, y + 0.7)
for x in (5.0, 45.0):
    for y in (10.0, 20.0):
        paint(WALL, x - 0.2, y - 0.2, x + 0.2, y + 0.2)  # pillars
for x in (10.0, 40.0):
    for y in (0.0, 30.0):
        paint(WALL, x - 0.2, y - 0.7, x + 0.2, y + 0.7)
Image.fromarray(grid).save(Path(__file__).parent / "map.png", optimize=True)
