import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from altmarl_ros import __version__
from altmarl_ros.cli.films.board_pictures import BoardPictures
from altmarl_ros.cli.films.moments import FilmedRun, load_filmed_run
from altmarl_ros.cli.films.physics_pictures import NoGraphics, PhysicsPictures
from altmarl_ros.cli.films.plan_pictures import plan_pictures
from altmarl_ros.cli.films.video_file import encoder, write_video
from altmarl_ros.cli.main import app
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import load_floor_map, load_game
from altmarl_ros.monitoring import floor_layout
from altmarl_ros.records.rows import FloorRow, StatusRow
from altmarl_ros.records.run_record import RunRecord
from altmarl_ros.simulation.physical.config import BaseConfig

T, N = 4, 6


@pytest.fixture
def record(tmp_path):
    """A run of a game without places, of which zones alone are known."""
    rng = np.random.default_rng(0)
    per_tick = {name: np.arange(T) for name in ("session", "tick", "asked", "heard", "rung", "reports", "report_bytes")}
    states = rng.integers(0, 5, (T, N))
    run = RunRecord(
        **per_tick,
        global_state=np.arange(T) % 5,
        global_action=np.arange(T) % 3,
        latency=np.zeros(T),
        estimate=np.full((T, 5), 0.2),
        local_state=states,
        local_action=np.zeros((T, N), dtype=int),
        actions=np.ones((T, N), dtype=int),
        about={"game": "warehouse", "robot_ids": list(range(10, 10 + N))},
    )
    return run.save(tmp_path / "run.npz")


@pytest.fixture
def driven():
    return driven_run()


def driven_run():
    """A run on a floor: robot 7 drives 3 m ahead in 3 s and turns round, robot 8 stands."""
    game, floor = load_game("hall"), load_floor_map("hall")
    status = StatusRow(1.0, 1, 5, 1, 2, 3, 4, 4, 2, 100, 0.1, 2, 0.1, (0.2,) * 5, ((7, 0),))
    rows = tuple(
        FloorRow(float(t), 1.0, 0, {7: (1.0 + t, 2.0), 8: (6.0, 5.0)}, {7: (3.0 + 0.1 * t) % (2 * np.pi), 8: 0.0})
        for t in range(4)
    )
    return FilmedRun(game, floor, floor_layout(floor), True, 0.0, 3.0, (status,), (1.0,), rows, ({7: 0, 8: 1},))


def frames_of(path):
    """The pictures of a film, read back [picture, row, column, rgb]."""
    if path.suffix == ".gif":
        with Image.open(path) as film:
            return np.stack([np.asarray(_at(film, k)) for k in range(film.n_frames)])
    raw = subprocess.run(
        [encoder(), "-loglevel", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
        capture_output=True,
        check=True,
    )
    return np.frombuffer(raw.stdout, dtype=np.uint8).reshape(-1, 64, 80, 3)


def _at(film, k):
    film.seek(k)
    return film.convert("RGB")


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_a_film_holds_the_pictures_that_were_written(tmp_path, suffix):
    levels = (20, 120, 220)
    count = write_video(tmp_path / f"film{suffix}", (np.full((64, 80, 3), level, dtype=np.uint8) for level in levels), 10.0)
    frames = frames_of(tmp_path / f"film{suffix}")
    assert count == len(frames) == 3
    np.testing.assert_allclose(frames.mean(axis=(1, 2, 3)), levels, atol=6)
    assert [path.name for path in tmp_path.iterdir()] == [f"film{suffix}"]


@pytest.mark.slow
def test_a_film_of_a_record_without_places_is_a_plan(record, tmp_path):
    out = tmp_path / "fleet.gif"
    result = CliRunner().invoke(app, ["film", str(record), "--out", str(out), "--width", "200", "--rate", "2", "--speed", "2"])
    assert result.exit_code == 0, result.output
    assert "plan" in result.output
    frames = frames_of(out)
    assert len(frames) in (T, T + 1)  # two that are alike are one, which is shown for longer
    assert frames.shape[2] == 200
    assert (np.abs(np.diff(frames.astype(int), axis=0)).max(axis=(1, 2, 3)) > 50).any()  # robots and the place move


@pytest.fixture
def delivered(tmp_path):
    """A run of the built-in deliveries, whose demand is at the second pick-up from tick 40 on; robot 0 is loaded then."""
    game = load_game("deliveries")
    T, N = 80, 3
    d = np.where(np.arange(T) < 40, 0, 1)
    states = np.full((T, N), game.local_state_names.index("pick-up 2"))
    states[40:, 0] = game.local_state_names.index("pick-up 2 loaded")
    per_tick = {name: np.full(T, 2) for name in ("session", "asked", "heard", "rung", "reports", "report_bytes")}
    run = RunRecord(
        **per_tick,
        tick=np.arange(T),
        global_state=d,
        global_action=d,
        latency=np.zeros(T),
        estimate=np.full((T, game.n_local_states), 1 / game.n_local_states),
        local_state=states,
        local_action=np.zeros((T, N), dtype=int),
        actions=np.ones((T, N), dtype=int),
        hidden_state=d,
        belief=np.full((T, 4), 0.25),
        about={"game": "deliveries", "game_hash": game.content_hash, "seed": 7, "policy": "of somebody"},
    )
    return run.save(tmp_path / "run.npz")


def test_a_board_shows_crew_demand_and_loads(delivered, tmp_path):
    run = load_filmed_run(delivered)
    places = [zone.name for zone in run.layout.zones]
    before, after = run.scene(10.0), run.scene(60.0)
    assert (places[before.zone], places[after.zone]) == ("drop 1", "drop 2")
    assert [places[p] for p in run.board.demand[[0, 60]]] == ["pick-up 1", "pick-up 2"]
    assert run.board.kinds == ("", "loaded")
    assert run.board.kind_of[60] == {0: 1, 1: 0, 2: 0}
    assert 0 < run.board.telling_tick(50) <= 40
    first, last = BoardPictures(run.layout, run.board, run.game, width=400).pictures([(10, before), (60, after)])
    assert first.shape[1] == 400
    changed = (first != last).any(axis=2)
    assert changed[:, :220].any()  # the map
    assert changed[:, 220:].any()  # belief and reward


@pytest.mark.slow
def test_a_film_says_what_it_shows(delivered, tmp_path):
    out = tmp_path / "film.gif"
    arguments = ["film", str(delivered), "--out", str(out), "--width", "160", "--rate", "1", "--speed", "20", "--begin", "40"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    with Image.open(out) as film:
        told = json.loads(film.info["comment"])
    assert told == {"game_hash": load_game("deliveries").content_hash, "seed": 7, "version": __version__}


def test_robots_go_from_zone_to_zone_between_ticks(record):
    run = load_filmed_run(record)
    begin, middle, end = (run.scene(time).places for time in (0.0, 0.5, 1.0))
    np.testing.assert_allclose(middle, 0.5 * (begin + end))
    assert run.scene(0.0).ids == tuple(range(10, 16))
    assert "tick 2" in run.scene(2.2).caption


def test_true_places_are_on_straight_ways_between_those_that_were_recorded(driven):
    scene = driven.scene(1.5)
    np.testing.assert_allclose(scene.places, [[2.5, 2.0], [6.0, 5.0]])
    assert scene.headings[0] == pytest.approx(3.15)  # across the cut at pi
    assert scene.zone == 2
    assert "before" in driven.scene(0.5).caption
    assert [t for t, _ in driven.scenes(0.5)] == [-1, -1, 0, 0, 0, 0, 0]
    assert len(list(driven.scenes(0.5, 3))) == 3
    assert len(list(driven.scenes(0.5, begin=2.0))) == 3


def test_a_plan_shows_robots_where_they_are(driven):
    first, last = plan_pictures(driven.layout, [driven.scene(0.0), driven.scene(3.0)], 400, 0.25)
    assert first.shape == last.shape
    assert first.shape[1] == 400
    assert (first != last).any()


def render(path, robot):
    """Render three pictures of the run, in a process whose MuJoCo has not chosen its graphics yet."""
    run = driven_run()
    try:
        pictures = PhysicsPictures(run.floor, run.layout, 2, BaseConfig(radius=0.25), width=240)
    except NoGraphics as error:
        print(error)
        return
    np.save(path, list(pictures.pictures([run.scene(0.0), run.scene(0.0), run.scene(3.0)], robot)))
    with pytest.raises(AltmarlError, match="robot 3 is not in the run"):
        list(pictures.pictures([run.scene(0.0)], 3))


@pytest.mark.slow
@pytest.mark.parametrize("robot", [None, 7])
def test_rendered_pictures_show_what_moves(tmp_path, robot):
    path = str(tmp_path / "pictures.npy")
    program = f"import runpy; runpy.run_path({__file__!r})['render']({path!r}, {robot!r})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    if "no OpenGL" in done.stdout:
        pytest.skip(done.stdout)
    frames = np.load(path)
    np.testing.assert_array_equal(frames[0], frames[1])
    assert (frames[0] != frames[2]).any()
    assert frames[0].std() > 5.0


def test_what_cannot_be_filmed_is_named(record, tmp_path):
    for arguments, why in (
        ([str(record), "--out", "film.avi"], ".mp4 or .gif"),
        ([str(record), "--view", "below"], "above, plan, board or a robot's id"),
        ([str(tmp_path / "nothing.npz"), "--out", str(tmp_path / "x.gif")], "nothing.npz"),
    ):
        result = CliRunner().invoke(app, ["film", *arguments])
        assert result.exit_code != 0
        assert why in " ".join((result.output + str(result.exception)).split())
    with pytest.raises(AltmarlError, match="nothing to film"):
        write_video(tmp_path / "empty.mp4", [], 10.0)
    assert encoder()
