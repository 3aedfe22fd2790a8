"""Renders the scenes of a run by MuJoCo, off-screen: the floor from above, or what is before one robot."""

from __future__ import annotations

import os
from typing import Any, Iterable, Iterator

import numpy as np
import shapely

from altmarl_ros.arrays import FloatArray
from altmarl_ros.cli.films.video_file import Frame
from altmarl_ros.errors import AltmarlError
from altmarl_ros.floors.floor_map import FloorMap
from altmarl_ros.monitoring import Layout, Scene
from altmarl_ros.simulation.physical.bodies import Bodies
from altmarl_ros.simulation.physical.config import BaseConfig, LaserConfig
from altmarl_ros.simulation.physical.mujoco_library import load_mujoco
from altmarl_ros.simulation.physical.placement import floor_walls
from altmarl_ros.simulation.physical.robot_model import load_robot

_STEP = 0.01  # s; nothing moves by itself
_EYE = 0.6  # m; height of a robot's camera
_THERE, _NEXT, _OTHER = (0.9, 0.5, 0.1, 1.0), (0.2, 0.6, 0.3, 1.0), (0.75, 0.75, 0.78, 1.0)  # of zones' borders
_INSET = 0.08  # m
_AHEAD = 2.0  # m; where it looks on the floor


class NoGraphics(AltmarlError):
    """There is no OpenGL to render with."""


class PhysicsPictures:
    """Renders robots of one kind on a floor.

    Raises:
        NoGraphics: there is no OpenGL on this machine.
        AltmarlError: MuJoCo is not installed, or the robot's file is no model of one.
    """

    def __init__(self, floor: FloorMap, layout: Layout, robots: int, base: BaseConfig, *, width: int) -> None:
        """Make the floor with so many robots of one kind; `width` is that of a picture [pixels]."""
        self._mujoco = mujoco = _load_with_graphics()
        robot, outlines = load_robot(base, LaserConfig(), _STEP), [_inside(zone.outline) for zone in layout.zones]
        starts = np.column_stack([2.0 * base.radius * np.arange(robots), np.zeros((robots, 2))])
        self._bodies = Bodies(robot, floor_walls(floor), np.zeros((0, 3)), starts=starts, step=_STEP, zones=outlines)
        model = self._bodies.model
        corners = np.vstack([*outlines, *layout.walls])
        self._low, self._high = corners.min(axis=0) - 0.5, corners.max(axis=0) + 0.5
        shape = (self._high[1] - self._low[1]) / (self._high[0] - self._low[0])
        height = 2 * round(0.5 * width * float(np.clip(shape, 0.25, 2.0)))
        model.vis.global_.offwidth, model.vis.global_.offheight = width, height
        try:
            self._renderer = mujoco.Renderer(model, height, width)
        except Exception as error:  # whatever the machine's OpenGL raises
            raise NoGraphics(f"no OpenGL to render with: {' '.join(str(error).split())}") from None
        self._aspect = width / height

    def pictures(self, scenes: Iterable[Scene], robot_id: int | None = None) -> Iterator[Frame]:
        """Iterate over pictures: from above, or as one robot sees it.

        Raises:
            AltmarlError: the robot is not in the run.
        """
        for scene in scenes:
            if robot_id is not None and robot_id not in scene.ids:
                raise AltmarlError(f"robot {robot_id} is not in the run, which has the ids {list(scene.ids)[:20]}")
            for i, (x, y) in enumerate(scene.places[: len(self._bodies)]):
                yaw = scene.headings[i]
                self._bodies.put(i, (x, y, yaw if np.isfinite(yaw) else 0.0))
            for zone, geoms in enumerate(self._bodies.zone_geoms):
                colour = _THERE if zone == scene.zone else _NEXT if zone == scene.next_zone else _OTHER
                self._bodies.model.geom_rgba[geoms] = colour
            self._mujoco.mj_forward(self._bodies.model, self._bodies.data)
            camera = self._above() if robot_id is None else self._from(scene, scene.ids.index(robot_id))
            self._renderer.update_scene(self._bodies.data, camera)
            yield _captioned(np.asarray(self._renderer.render()), scene.caption)

    def _above(self) -> Any:
        camera = self._mujoco.MjvCamera()
        width, height = self._high - self._low
        half = np.radians(0.5 * self._bodies.model.vis.global_.fovy)
        camera.distance = 0.55 * max(height, width / self._aspect) / np.tan(half)
        camera.lookat[:] = *(0.5 * (self._low + self._high)), 0.0
        camera.azimuth, camera.elevation = 90.0, -89.9
        return camera

    def _from(self, scene: Scene, i: int) -> Any:
        camera = self._mujoco.MjvCamera()
        (x, y), yaw = scene.places[i], float(np.nan_to_num(scene.headings[i]))
        camera.lookat[:] = x + _AHEAD * np.cos(yaw), y + _AHEAD * np.sin(yaw), 0.0
        camera.distance = float(np.hypot(_AHEAD, _EYE))
        camera.azimuth, camera.elevation = np.degrees(yaw), -np.degrees(np.arctan2(_EYE, _AHEAD))
        return camera


def _inside(outline: FloatArray) -> FloatArray:
    """The border of a zone [corner, xy; m], moved inwards, so that two zones that adjoin are told apart."""
    inner = shapely.Polygon(outline).buffer(-_INSET)
    return shapely.get_coordinates(inner.exterior) if isinstance(inner, shapely.Polygon) and not inner.is_empty else outline


def _load_with_graphics() -> Any:
    """Import MuJoCo so that it renders without a display, unless MUJOCO_GL says how, or it is imported already."""
    chosen = "MUJOCO_GL" in os.environ
    os.environ.setdefault("MUJOCO_GL", "egl")
    try:
        return load_mujoco()
    except (AttributeError, RuntimeError) as error:  # of the libraries of EGL
        raise NoGraphics(f"no OpenGL to render with: {' '.join(str(error).split())}") from None
    finally:
        if not chosen:
            del os.environ["MUJOCO_GL"]


def _captioned(picture: Frame, caption: str) -> Frame:
    from PIL import Image, ImageDraw

    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    box = draw.textbbox((8, 6), caption)
    draw.rectangle((box[0] - 4, box[1] - 3, box[2] + 4, box[3] + 3), fill=(255, 255, 255))
    draw.text((8, 6), caption, fill=(20, 20, 20))
    return np.asarray(image)
