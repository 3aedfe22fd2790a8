"""Draws the scenes of a run as a map, and beside it what the coordinator believes and what the team earns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable, Iterator

import numpy as np

from altmarl_ros.cli.films.board import Board
from altmarl_ros.cli.films.video_file import Frame
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.monitoring import Layout, Scene
from altmarl_ros.plotting import BLUE, GREEN, GREY, ORANGE, PURPLE, as_rgb, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 100
_SHAPE = 0.56  # height of a picture to its width
_KIND_COLOURS = (BLUE, PURPLE, GREEN, GREY)
_SHOWN = 120  # ticks of the reward's line
_SMOOTH = 10  # ticks
_MOST_BARS = 12
_LONGEST_TITLE = 28  # characters
_ROBOT = 0.8  # radius of a robot to its width among many: they may touch


class BoardPictures:
    """Draws pictures of one width: the map on the left, belief and reward on the right."""

    def __init__(self, layout: Layout, board: Board, game: TabularGame, *, width: int) -> None:
        """Make the figure, `width` pixels wide."""
        from matplotlib.figure import Figure

        self._layout, self._board = layout, board
        self._figure: Figure = Figure(figsize=(width / _DPI, round(_SHAPE * width / 2) * 2 / _DPI), dpi=_DPI)
        self._unit = width / 860  # points
        self._map = self._figure.add_axes((0.0, 0.08, 0.56, 0.85))
        self._belief = self._figure.add_axes((0.735, 0.60, 0.24, 0.29))
        self._reward = self._figure.add_axes((0.625, 0.14, 0.35, 0.29))
        title = f"{game.name}: {board.robots} robots"
        if len(title) > _LONGEST_TITLE:  # the caption, which begins there, tells the robots too
            title = game.name if len(game.name) <= _LONGEST_TITLE else f"{game.name[: _LONGEST_TITLE - 3]}..."
        self._figure.text(0.012, 0.945, title, fontsize=12 * self._unit, weight="bold")
        self._caption = self._figure.text(0.56, 0.945, "", fontsize=9 * self._unit, ha="right", color="#555555")
        self._draw_map()
        self._draw_legend()
        self._draw_belief()
        self._draw_reward()

    def pictures(self, scenes: Iterable[tuple[int, Scene]]) -> Iterator[Frame]:
        """Iterate over pictures of scenes, each with the index of its tick."""
        from matplotlib.collections import PatchCollection
        from matplotlib.patches import Circle

        for t, scene in scenes:
            self._show(max(t, 0), scene)
            robots = PatchCollection([Circle((x, y), _ROBOT * scene.size) for x, y in scene.places], zorder=4)
            kinds = self._board.kind_of[max(t, 0)] if self._board.kind_of else {}
            robots.set_facecolor([_KIND_COLOURS[kinds.get(i, 0)] for i in scene.ids])
            robots.set_edgecolor([ORANGE if heard else "white" for heard in scene.heard])
            robots.set_linewidth(0.6)
            self._map.add_collection(robots)
            yield as_rgb(self._figure)
            robots.remove()

    def _show(self, t: int, scene: Scene) -> None:
        """Set everything but the robots to one tick."""
        board = self._board
        demand = int(board.demand[t])
        for zone, fill in enumerate(self._fills):
            fill.set_facecolor(ORANGE if zone == scene.zone else GREEN if zone == demand else GREY)
            fill.set_alpha(0.5 if zone in (scene.zone, demand) else 0.15)
        self._caption.set_text(f"{scene.caption.partition(':')[0]}: {board.heard[t]} of {board.robots} robots heard")
        for bar, share, mark, true in zip(self._bars, board.believed[t], self._marks, board.true[t], strict=True):
            bar.set_width(100.0 * share)
            mark.set_xdata([100.0 * true])
            mark.set_visible(bool(true > 0.0))
        begin = max(0, t + 1 - _SHOWN)
        self._line.set_data(np.arange(begin, t + 1), self._smooth[begin : t + 1])
        self._reward.set_xlim(begin, begin + _SHOWN)

    def _draw_map(self) -> None:
        layout, axes = self._layout, self._map
        corners = np.vstack([*(zone.outline for zone in layout.zones), *layout.walls])
        low, high = corners.min(axis=0) - 0.4, corners.max(axis=0) + 0.4
        high[1] = max(high[1], *(zone.label[1] + 0.7 for zone in layout.zones))
        axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
        axes.axis("off")
        self._fills = [axes.fill(*zone.outline.T, color=GREY, alpha=0.15, lw=0)[0] for zone in layout.zones]
        for zone in layout.zones:
            axes.text(zone.label[0], zone.label[1], zone.name, ha="center", va="center", fontsize=8 * self._unit)
        for wall in layout.walls:
            axes.plot(*wall.T, color="black", lw=1.5)

    def _draw_legend(self) -> None:
        from matplotlib.lines import Line2D

        kinds = self._board.kinds
        names = [kind or ("robot" if len(kinds) == 1 else "empty" if "loaded" in kinds else "free") for kind in kinds]
        entries = [(f"robot, {name}" if len(kinds) > 1 else name, "o", _KIND_COLOURS[i], 1.0) for i, name in enumerate(names)]
        entries.append(("coordinator's place", "s", ORANGE, 0.5))
        if (self._board.demand >= 0).any():
            entries.append(("the demand, which nobody sees", "s", GREEN, 0.5))
        handles = [
            Line2D([], [], ls="", marker=marker, ms=7 * self._unit, mec="none", color=colour, alpha=alpha, label=label)
            for label, marker, colour, alpha in entries
        ]
        self._figure.legend(
            handles=handles,
            loc="lower left",
            bbox_to_anchor=(0.0, 0.0),
            ncols=len(handles),
            frameon=False,
            fontsize=8 * self._unit,
            handletextpad=0.1,
            columnspacing=1.0,
        )

    def _draw_belief(self) -> None:
        board, axes = self._board, self._belief
        self._style(axes, board.title)
        rows = np.arange(len(board.names))[::-1]
        self._bars = axes.barh(rows, np.zeros(len(rows)), color=BLUE, height=0.6)
        self._marks = [axes.plot([0], [row], "|", ms=14 * self._unit, mew=2.5, color=GREEN, clip_on=False)[0] for row in rows]
        largest = max(float(board.believed.max()), float(np.nanmax(board.true, initial=0.0)))
        if len(rows) <= _MOST_BARS:
            axes.set_yticks(rows, board.names)
        else:
            axes.set_yticks([])
        axes.set_xlim(0, 100.0 if largest > 0.7 else 110.0 * largest)
        axes.set_xlabel("%, green mark: the truth", fontsize=8 * self._unit)

    def _draw_reward(self) -> None:
        rewards, axes = self._board.rewards, self._reward
        summed = np.cumsum(np.concatenate([[0.0], rewards]))
        count = np.minimum(np.arange(1, len(rewards) + 1), _SMOOTH)
        self._smooth = (summed[1:] - summed[np.arange(1, len(rewards) + 1) - count]) / count
        self._style(axes, f"Team reward per tick (mean of {_SMOOTH})")
        (self._line,) = axes.plot([], [], color=BLUE, lw=1.8 * self._unit)
        low, high = float(self._smooth.min()), float(self._smooth.max())
        axes.set_ylim(min(0.0, low), 1.1 * high if high > 0.0 else 1.0)
        axes.set_xlabel("tick", fontsize=8 * self._unit)

    def _style(self, axes: Axes, title: str) -> None:
        tidy(axes)
        axes.set_title(title, fontsize=10 * self._unit, loc="right" if axes is self._belief else "left", weight="bold")
        axes.tick_params(labelsize=8 * self._unit)
