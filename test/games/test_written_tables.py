import numpy as np
import pytest

from altmarl_ros.games import load_game

CHARGERS = """
name: chargers
gamma: 0.95
tables:
  global_states: [line, chargers]
  local_states: [charged, low, empty]
  global_actions: [run the line, power the chargers]
  local_actions: [work, rest]
  P_g:
    - ["*", run the line, {line: 1}]
    - ["*", power the chargers, {chargers: 1}]
  P_l:
    - [charged, line, work, {same: 0.8, low: 0.2}]
    - [low, line, work, {same: 0.8, empty: 0.2}]
    - [empty, chargers, rest, {same: 0.5, low: 0.5}]
    - [low, chargers, rest, {low: 0.5, charged: 0.5}]
  r_g: [[line, power the chargers, -0.5], [1, 0, -0.5]]
  r_l:
    - ["*", line, work, -1]
    - [[charged, low], line, work, 1.0]
    - [low, line, work, 0.8]
  alpha: 0.3
"""


def test_a_game_written_line_by_line(game_file):
    game = load_game(game_file(CHARGERS))
    P_l = np.tile(np.eye(3)[:, None, None, :], (1, 2, 2, 1))
    for s_l, s_next in ((0, 1), (1, 2)):
        P_l[s_l, 0, 0] = 0.8 * np.eye(3)[s_l] + 0.2 * np.eye(3)[s_next]
    for s_l, s_next in ((2, 1), (1, 0)):
        P_l[s_l, 1, 1] = 0.5 * np.eye(3)[s_l] + 0.5 * np.eye(3)[s_next]
    np.testing.assert_array_equal(game.P_l, P_l)
    np.testing.assert_array_equal(game.P_g, np.tile(np.eye(2), (2, 1, 1)))
    np.testing.assert_array_equal(game.r_g, [[0, -0.5], [-0.5, 0]])
    np.testing.assert_array_equal(game.r_l[:, 0], [[1, 0], [0.8, 0], [-1, 0]])
    assert not game.r_l[:, 1].any()
    assert game.initial.alpha.tolist() == [0.3] * 3
    assert game.initial.rho_g.tolist() == [0.5] * 2
    assert game.local_state_names == ("charged", "low", "empty")
    assert game.global_action_names == ("run the line", "power the chargers")
    assert game.local_action_names == ("work", "rest")


def test_sizes_in_place_of_names_and_a_start(game_file):
    text = """
name: ring
gamma: 0.9
tables:
  global_states: 3
  local_states: 65535
  global_actions: 1
  local_actions: 2
  P_l:
    - ["*", "*", 1, {0: 1.0}]
  rho_g: {2: 1}
"""
    game = load_game(game_file(text))
    assert (game.n_local_states, game.n_global_states) == (65535, 3)
    assert game.local_kernel.n_kinds == 1
    assert len(game.local_kernel.rows.data) == 2 * 65535
    assert game.initial.rho_g.tolist() == [0, 0, 1]
    assert (game.P_g[:, 0] == np.eye(3)).all()
    assert len(game.content_hash) == 16


def test_a_state_may_be_called_same(game_file):
    text = """
name: same
gamma: 0.9
tables:
  global_states: 1
  local_states: [other, same]
  global_actions: 1
  local_actions: 1
  P_l: [[other, 0, 0, {other: 0.25, same: 0.75}]]
  alpha: {"*": 1, same: 2}
"""
    game = load_game(game_file(text))
    assert game.P_l[:, 0, 0].tolist() == [[0.25, 0.75], [0, 1]]
    assert game.initial.alpha.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("old", "new", "culprit"),
    [
        (
            "[charged, line, work,",
            "[charged, line,",
            "tables.P_l[0] must be a list of local state, global state, local action and next",
        ),
        (
            "[charged, line, work,",
            "[half, line, work,",
            "tables.P_l[0]: 'half' is no local state; there are 3: charged, low, empty",
        ),
        ("[charged, line, work,", "[charged, line, 2,", "tables.P_l[0]: '2' is no local action; there are 2: work, rest"),
        ("[charged, line, work,", "[true, line, work,", "tables.P_l[0]: 'True' is no local state"),
        (
            "{same: 0.8, low: 0.2}",
            "{same: 0.8, low: 0.3}",
            "tables.P_l[0]: the probabilities must not be negative and sum to 1",
        ),
        ("{same: 0.8, low: 0.2}", "{same: 1.2, low: -0.2}", "tables.P_l[0]: the probabilities must not be negative"),
        ("{same: 0.8, low: 0.2}", "{same: .nan, low: 0.2}", "tables.P_l[0]: 'nan' is no finite number"),
        ("{same: 0.8, low: 0.2}", "0.5", "tables.P_l[0] must end with a mapping"),
        ("{same: 0.8, low: 0.2}", "{}", "tables.P_l[0] must end with a mapping"),
        ("[low, line, work, 0.8]", "[low, line, work, much]", "tables.r_l[2]: 'much' is no finite number"),
        (
            "[[line, power the chargers, -0.5]",
            "[[line, -0.5]",
            "tables.r_g[0] must be a list of global state, global action and a",
        ),
        (
            "local_states: [charged, low, empty]",
            "local_states: [low, low]",
            "tables.local_states must be distinct printable",
        ),
        ("local_states: [charged, low, empty]", "local_states: ['*']", "tables.local_states must be distinct printable"),
        (
            "local_states: [charged, low, empty]",
            'local_states: [charged, low, "\\e[31m"]',
            "tables.local_states must be distinct",
        ),
        ("local_states: [charged, low, empty]", "local_states: 65536", "tables.local_states are 65536, must be 1 to 65535"),
        ("local_states: [charged, low, empty]", "local_states: 0", "tables.local_states are 0"),
        ("[line, chargers]\n  local_states: [charged, low, empty]", "60000\n  local_states: 60000", "are too many"),
        ("gamma: 0.95", "", "gamma is missing"),
        ("alpha: 0.3", "alpha: {low: 1}", "start.alpha[s_l=0] is 0, must be positive"),
        ("alpha: 0.3", "alpha: {low: x}", "tables.alpha.low: 'x' is no finite number"),
        ("alpha: 0.3", "rho_g: {line: 0.5}", "start.rho_g sums to 0.5"),
        ("alpha: 0.3", "beta: 1", "tables.beta"),
        ("gamma: 0.95", "gamma: 0.95\nbuilder: warehouse", "needs exactly one of the keys"),
        ("gamma: 0.95", "gamma: 0.95\nparameters: {zones: 5}", "parameters are for a builder"),
    ],
)
def test_what_is_wrong_is_named(game_file, assert_refused, old, new, culprit):
    assert old in CHARGERS
    assert_refused(game_file(CHARGERS.replace(old, new)), culprit)
