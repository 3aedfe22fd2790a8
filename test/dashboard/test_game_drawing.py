import numpy as np
import pytest

from altmarl_ros.dashboard.game_drawing import game_drawing
from altmarl_ros.games.attention import AttentionParameters, build_attention


@pytest.mark.parametrize(("width", "height"), [(10, 10), (20, 20), (5, 2)])
def test_zones_of_a_grid_are_drawn_as_a_map_and_do_not_overlap(width, height):
    drawing = game_drawing(build_attention(AttentionParameters(width=width, height=height)), None, 0, 0, 0)
    centres = np.array([place["centre"] for place in drawing["places"]])
    assert centres.max(axis=0).tolist() == [width - 1, height - 1]
    assert len(np.unique(centres, axis=0)) == width * height
    assert max(place["radius"] for place in drawing["places"]) < 0.5


def test_many_zones_of_an_unknown_game_are_drawn_in_rows():
    places = game_drawing(None, None, 100, 5, 5)["places"]
    assert places[99]["centre"] == [9.0, 9.0]
    assert len(game_drawing(None, None, 8, 5, 5)["places"]) == 8
