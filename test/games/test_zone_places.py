import numpy as np

from altmarl_ros.games.attention import AttentionParameters, build_attention
from altmarl_ros.games.zone_places import MOST_ON_A_RING, grid_places


def test_few_zones_belong_on_a_ring():
    assert grid_places(tuple(f"zone {i}" for i in range(MOST_ON_A_RING))) is None


def test_many_zones_fill_the_rows_of_a_square():
    places = grid_places(tuple(f"zone {i}" for i in range(100)))
    assert places[[0, 9, 10, 99]].tolist() == [[0, 0], [9, 0], [0, 1], [9, 9]]
    places = grid_places(tuple(f"zone {i}" for i in range(26)))
    assert len({tuple(place) for place in places}) == 26
    assert places.max() == 5


def test_zones_of_the_grid_builder_lie_where_they_are():
    game = build_attention(AttentionParameters(width=5, height=2))
    places = grid_places(game.local_state_names)
    np.testing.assert_array_equal(places[:, 0] + 5 * places[:, 1], np.arange(10))
