"""Floors made of the maps that people have: occupancy grids, Open-RMF buildings and graphs, and GeoJSON route graphs.

`import_floor` reads a file, and `floor_text` writes the floor as a map file.
"""

from altmarl_ros.floors.importing.finishing import ImportedFloor
from altmarl_ros.floors.importing.floor_document import floor_text
from altmarl_ros.floors.importing.formats import Backdrop, Import, import_floor
from altmarl_ros.floors.importing.options import ZONE_KINDS, ImportOptions

__all__ = ["ZONE_KINDS", "Backdrop", "Import", "ImportOptions", "ImportedFloor", "floor_text", "import_floor"]
