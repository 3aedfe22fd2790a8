"""Where robots park in a zone, by rule rather than by hand."""

from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry import Polygon

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.floors import polygons

MAX_SLOTS = 10_000


def grid_of_slots(
    name: str,
    zone: Polygon,
    spacing: tuple[float, float],
    margin: float,
    within: tuple[float, float, float, float] | None = None,
) -> FloatArray:
    """Slots in rows along x, the southernmost first, no nearer than `margin` to the border of the zone [slot, xy; m].

    Args:
        name: of the slots, for errors.
        zone: the outline.
        spacing: distance of neighbours in x and of rows in y [m].
        margin: [m].
        within: [x min, y min, x max, y max] that the grid is centred in [m]; by default the zone's bounds less the margin.

    Raises:
        GameError: none fits, or they are too many.
    """
    low_x, low_y, high_x, high_y = zone.bounds
    x0, y0, x1, y1 = within or (low_x + margin, low_y + margin, high_x - margin, high_y - margin)
    along = [max(0.0, high - low) / step for low, high, step in ((x0, x1, spacing[0]), (y0, y1, spacing[1]))]
    if max(along) > MAX_SLOTS or along[0] * along[1] > MAX_SLOTS:
        raise GameError(f"{name}: more than {MAX_SLOTS} of them; make the spacing larger")
    xs, ys = (
        middle + step * (np.arange(n) - (n - 1) / 2)
        for middle, step, n in zip(((x0 + x1) / 2, (y0 + y1) / 2), spacing, (int(a + 1e-6) + 1 for a in along), strict=True)
    )
    points = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2).round(6)
    handles = shapely.points(points)
    kept = shapely.covers(zone, handles) & (shapely.distance(zone.boundary, handles) >= margin - polygons.TOLERANCE)
    if not kept.any():
        raise GameError(f"{name}: no slot fits; make the spacing or the margin smaller")
    slots = points[kept]
    slots.setflags(write=False)
    return slots
