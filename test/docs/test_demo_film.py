"""The film in README shows the game, the settings and the version of the demo that is here: `make demo` makes a new one."""

import inspect
import json

import pytest
from PIL import Image

from altmarl_ros import __version__
from altmarl_ros.cli.commands.demo import demo
from altmarl_ros.games import load_game
from page_shell import ROOT

FILM = ROOT / "docs" / "images" / "demo.gif"


def test_the_film_is_of_this_demo():
    settings = {name: parameter.default for name, parameter in inspect.signature(demo).parameters.items()}
    with Image.open(FILM) as film:
        told = json.loads(film.info["comment"])
    assert told == {
        "game_name": settings["game"],
        "game_hash": load_game(settings["game"]).content_hash,
        "robots": settings["robots"],
        "k": settings["k"],
        "period": settings["period"],
        "seed": settings["seed"],
        "version": __version__,
    }, "cp demo/film.gif docs/images/demo.gif after make demo"


def test_the_film_is_shown_by_readme_moves_and_is_small():
    assert f"]({FILM.relative_to(ROOT)})" in (ROOT / "README.md").read_text()
    assert FILM.stat().st_size < 3_000_000
    with Image.open(FILM) as film:
        assert film.n_frames > 50
        assert film.info["loop"] == 0


@pytest.mark.parametrize("name", ["README.md", "docs/how-to/dashboard.md"])
def test_commands_of_the_demo_are_told(name):
    assert "altmarl dashboard --record" in (ROOT / name).read_text()
