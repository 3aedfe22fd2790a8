"""Types of robots in games: joined, told in game files, taken apart again; games without them stay as they were."""

from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError, GameError
from altmarl_ros.games import HiddenState, RobotTypes, Start, TabularGame, game_of_type, join_types, load_game
from altmarl_ros.games.warehouse import WarehouseParameters, build_warehouse

FAST = {"stay_logit": 1.0, "move_logit": 4.0}


def ring(**changes):
    return build_warehouse(WarehouseParameters(zones=3, **changes))


def two_types(*games, number=(1.0, 1.0)):
    games = games or (ring(), ring(**FAST))
    return join_types("two", RobotTypes(("usual", "fast"), np.array(number), games[0].local_state_names), games)


def test_each_type_moves_and_earns_by_its_own_game():
    usual, fast = ring(), ring(**FAST, reward=3.0)
    game = two_types(usual, fast)
    assert game.local_state_names[:4] == ("zone 0, usual", "zone 1, usual", "zone 2, usual", "zone 0, fast")
    np.testing.assert_array_equal(game.P_l[:3, :, :, :3], usual.P_l)
    np.testing.assert_array_equal(game.P_l[3:, :, :, 3:], fast.P_l)
    assert not game.P_l[:3, :, :, 3:].any()
    assert not game.P_l[3:, :, :, :3].any()
    for t, own in enumerate((usual, fast)):
        again = game_of_type(game, t)
        assert again.content_hash == own.content_hash
        assert again.local_state_names == own.local_state_names


def test_types_share_the_room_of_a_place():
    assert two_types().places.of.tolist() == [0, 1, 2, 0, 1, 2]


def test_hashes_tell_types_from_states_and_the_number_of_each_from_how_it_moves():
    game = two_types()
    more = two_types(number=(3.0, 1.0))
    alike = replace(game, types=None)
    assert len({each.content_hash for each in (game, more, alike)}) == 3
    assert game.dynamics_hash == more.dynamics_hash != alike.dynamics_hash


def hidden_ring(P_d):
    game = ring()
    P_l = np.stack([game.P_l, ring(**FAST).P_l])
    hidden = HiddenState(P_d, P_l, np.stack([game.r_l, 2.0 * game.r_l]))
    return TabularGame("hidden", game.P_g, r_g=game.r_g, gamma=game.gamma, start=game.start, hidden=hidden)


def test_types_go_with_a_hidden_state():
    P_d = np.array([[0.9, 0.1], [0.2, 0.8]])
    one = hidden_ring(P_d)
    game = two_types(one, one)
    assert game.hidden.r_l.shape == (6, 2 * 3, 3)
    again = game_of_type(game, 1)
    assert again.content_hash == one.content_hash
    with pytest.raises(GameError, match=r"types.fast: the hidden state differs"):
        two_types(one, hidden_ring(P_d.T / P_d.T.sum(axis=1, keepdims=True)))


@pytest.mark.parametrize(
    ("number", "n", "expected"),
    [((1, 1), 7, [4, 3]), ((20, 5), 25, [20, 5]), ((20, 5), 10, [8, 2]), ((0.7, 0.3), 1, [1, 0]), ((1, 3), 0, [0, 0])],
)
def test_numbers_of_a_fleet_add_up(number, n, expected):
    types = RobotTypes(("a", "b"), np.array(number, dtype=float), ("here",))
    assert types.numbers(n).tolist() == expected


def test_a_common_start_places_types_alike_and_their_own_starts_do_not():
    rng = np.random.default_rng(0)
    shares = two_types().initial.draw_shares(2000, rng).reshape(-1, 2, 3)
    np.testing.assert_allclose(shares[:, 0], shares[:, 1])
    np.testing.assert_allclose(shares.sum(axis=2), 0.5)
    apart = two_types(ring(), replace(ring(**FAST), start=Start(np.full(3, 1 / 3), np.array([1.0, 2.0, 3.0]))))
    drawn = apart.initial.draw_shares(2000, rng).reshape(-1, 2, 3)
    assert abs(np.corrcoef(drawn[:, 0, 0], drawn[:, 1, 0])[0, 1]) < 0.1
    np.testing.assert_allclose(drawn[:, 1].mean(axis=0), np.array([1, 2, 3]) / 12, atol=0.02)
    counts = apart.initial.draw_counts(9, 5, rng).reshape(-1, 2, 3)
    assert (counts.sum(axis=2) == [5, 4]).all()


BUILDER = """
name: two_kinds
builder: warehouse
parameters: {zones: 3}
types:
  usual: {robots: 6}
  fast: {robots: 2, parameters: {stay_logit: 1.0, move_logit: 4.0}}
"""

TABLES = """
name: two_kinds
gamma: 0.9
tables:
  global_states: [idle, busy]
  local_states: [dock, hall]
  global_actions: [wait]
  local_actions: [go]
  P_l: [[dock, "*", go, {hall: 1.0}], [hall, "*", go, {dock: 1.0}]]
  r_l: [[dock, busy, go, 1.0]]
types:
  quick: {share: 0.25}
  slow: {share: 0.75, P_l: [[dock, "*", go, {same: 0.5, hall: 0.5}]], r_l: [[hall, idle, go, 2.0]]}
room: {dock: 4}
"""


def written(tmp_path, text):
    path = tmp_path / "game.yaml"
    path.write_text(text)
    return path


def test_a_builder_takes_other_parameters_for_a_type(tmp_path):
    game = load_game(written(tmp_path, BUILDER))
    assert (game.types.names, game.types.numbers(8).tolist()) == (("usual", "fast"), [6, 2])
    assert game_of_type(game, 1).content_hash == ring(**FAST).content_hash


def test_a_type_adds_lines_to_the_tables_of_a_game(tmp_path):
    game = load_game(written(tmp_path, TABLES))
    np.testing.assert_allclose(game.P_l[2, 0, 0], [0, 0, 0.5, 0.5])
    np.testing.assert_allclose(game.P_l[0, 0, 0], [0, 1, 0, 0])
    assert game.r_l[:, :, 0].tolist() == [[0, 1], [0, 0], [0, 1], [2, 0]]
    assert game.room.by_place() == {"dock": 4, "hall": None}
    assert game.room.limits(10).tolist() == [4, 10]


def test_a_type_has_arrays_of_its_own(tmp_path):
    fast = ring(**FAST)
    np.savez(tmp_path / "fast.npz", P_l=fast.P_l, r_l=fast.r_l + 1.0)
    text = BUILDER.replace("parameters: {stay_logit: 1.0, move_logit: 4.0}", "arrays: fast.npz")
    own = game_of_type(load_game(written(tmp_path, text)), 1)
    np.testing.assert_allclose(own.P_l, fast.P_l)
    np.testing.assert_allclose(own.r_l, fast.r_l + 1.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("robots: 2", "share: 0.2"), "either all of them say 'robots', or all say 'share'"),
        (("robots: 2, ", ""), "types.fast needs one of the keys 'robots' and 'share'"),
        (("stay_logit: 1.0", "gamma: 0.9"), "types.fast: gamma differs from that of 'usual'"),
        (("stay_logit: 1.0", "zones: 4"), "types.fast: local_state_names differs"),
        (("stay_logit: 1.0", "target_logit: 1.0"), "types.fast: P_g differs"),
        (("parameters: {stay_logit", "P_l: [], r_l: [x], parameters: {stay_logit"), "lines of a game with tables"),
        (("stay_logit: 1.0", "stay_logic: 1.0"), "types.fast: parameters.stay_logic"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, change, message):
    with pytest.raises(AltmarlError, match=message):
        load_game(written(tmp_path, BUILDER.replace(*change)))


def test_types_never_change():
    game = two_types()
    P_l = np.full((6, 3, 3, 6), 1 / 6)
    with pytest.raises(GameError, match="types never change"):
        replace(game, P_l=P_l)
