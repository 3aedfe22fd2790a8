"""`altmarl game`: what it lists and tells."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from altmarl_ros.cli.game_check.summary import hidden_summary, kernel_sizes, slowest_modes
from altmarl_ros.cli.main import main
from altmarl_ros.games import load_game
from altmarl_ros.games.attention import AttentionParameters, build_attention
from altmarl_ros.games.game_files import BUILDERS, builtin_games
from altmarl_ros.policies import LocalPolicy


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def test_list_has_every_game_and_builder_with_a_line(capfd):
    assert main(["game", "list", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert set(told["games"]) == set(builtin_games())
    assert set(told["builders"]) >= set(BUILDERS)
    assert all(told["games"].values())
    assert all(told["builders"].values())


def test_one_broken_package_does_not_hide_the_other_builders(monkeypatch, capfd):
    class EntryPoint:
        name = "theirs"

        def load(self):
            raise ImportError("no module named wheels")

    monkeypatch.setattr("altmarl_ros.games.game_files.builders.entry_points", lambda group: [EntryPoint()])
    assert main(["game", "list"]) == 0
    printed = capfd.readouterr().out
    assert "theirs" in printed
    assert "broken: builder 'theirs' cannot be loaded: ImportError: no module named wheels" in printed
    assert "warehouse" in printed


def test_check_names_states_and_actions_and_what_does_not_fit(capfd):
    assert main(["game", "check", "floor", "-k", "5", "-k", "500"]) == 0
    printed = capfd.readouterr().out
    assert "robots: 5 states (dock, north aisle, south aisle, packing, charging), 4 actions (stay, neighbour 1" in printed
    assert "odd: nothing" in printed
    assert "k = 500: nothing, over the limit of 2.0 GiB, which altmarl train --memory raises" in printed


def test_check_tells_what_is_odd_and_where_the_exact_backup_would_fail(tmp_path, capfd):
    rng = np.random.default_rng(0)
    P_l = np.tile(rng.dirichlet(np.ones(8), 8)[:, None, None, :], (1, 2, 2, 1))  # ill-conditioned, and s_g means nothing
    tables = {
        "P_g": rng.dirichlet(np.ones(2), (2, 2)),
        "P_l": P_l,
        "r_g": np.zeros((2, 2)),
        "r_l": rng.random((8, 1, 2)) * np.ones((8, 2, 2)),
    }
    np.savez(tmp_path / "tables.npz", **tables)
    (tmp_path / "mine.yaml").write_text("name: mine\narrays: tables.npz\ngamma: 0.9\n")
    assert main(["game", "check", "mine.yaml", "-k", "4", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert ["do not feel the global state" in line for line in told["oddities"]] == [True]
    assert told["costs"][0]["backup"] == "sampled"
    assert "rounding errors could grow by" in told["costs"][0]["reason"]


@pytest.mark.parametrize("case", ["square", "row"])
@pytest.mark.parametrize("ks", [["1"], ["0", "1", "2"], ["1", "12", "13", "25"]])
def test_check_computes_only_what_was_asked_and_never_fails_by_more(case, ks, capfd):
    """Case 05 of the field: the exact backup works at k = 1 and is refused at k = 12, which nobody asked for."""
    game = Path(__file__).parents[2] / "data" / "cases" / "05-game-check-probe" / f"{case}.yaml"
    assert main(["game", "check", str(game), "--json", *(word for k in ks for word in ("-k", k))]) == 0
    costs = json.loads(capfd.readouterr().out)["costs"]
    assert [cost["k"] for cost in costs] == [int(k) for k in ks]
    assert all(cost["seconds"] > 0 and cost["memory"] > 0 for cost in costs)
    assert {cost["k"]: cost["backup"] for cost in costs if cost["k"] in (1, 25)}.items() <= {
        1: "exact",
        25: "sampled",
    }.items()


def test_times_are_said_to_be_estimates(capfd):
    assert main(["game", "check", "warehouse", "-k", "2"]) == 0
    assert "estimated time" in capfd.readouterr().out


def test_a_game_too_large_for_eigenvalues_is_checked_all_the_same(monkeypatch, tmp_path, capfd):
    S = 40
    monkeypatch.setattr("altmarl_ros.cli.game_check.summary._MAX_EIGENVALUE_WORK", S**3 - 1)
    P_l = np.roll(np.eye(S), 1, axis=1)[:, None, None]
    np.savez(tmp_path / "t.npz", P_g=np.ones((1, 1, 1)), P_l=P_l, r_g=np.zeros((1, 1)), r_l=np.ones((S, 1, 1)))
    (tmp_path / "large.yaml").write_text("name: large\narrays: t.npz\ngamma: 0.9\n")
    assert main(["game", "check", "large.yaml", "-k", "3"]) == 0
    assert "mixing: not computed, the game is too large" in capfd.readouterr().out


def test_joint_mixing_is_the_second_eigenvalue_of_the_pair(capfd):
    game = load_game("federated")
    assert main(["game", "check", "federated", "-k", "2", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)["joint_mode"]
    pairs = np.zeros((15, 15))
    for s_g in range(3):
        for s_l in range(5):
            for after_g in range(3):
                for after_l in range(5):
                    chance = game.P_g[s_g, :, after_g].mean() * game.P_l[s_l, s_g, :, after_l].mean()
                    pairs[5 * s_g + s_l, 5 * after_g + after_l] = chance
    assert told == pytest.approx(sorted(np.abs(np.linalg.eigvals(pairs)))[-2])


@pytest.mark.slow
def test_check_tells_what_many_zones_cost(tmp_path, capfd):
    (tmp_path / "grid.yaml").write_text("name: grid\nbuilder: grid\nparameters: {width: 18, height: 18}\n")
    assert main(["game", "check", "grid.yaml"]) == 0
    printed = capfd.readouterr().out
    assert "not zero: 209,628 of 34,012,224 entries of P_g; 7,740 of P_l, once for all s_g, of 170,061,120" in printed
    assert re.search(r"training over shares, for every k at once: about [\d.,]+ MiB beside .* about [\d.]+ (s|min)", printed)
    assert "training on count vectors: not for a game of this size" in printed
    assert main(["game", "check", "grid.yaml", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert told["costs"] == []
    assert told["kernels"]["kinds"] == 1
    assert told["over_shares"]["seconds"] > 0
    assert told["over_shares"]["memory"] > told["kernels"]["memory"] > 8 * 18**4


def test_one_kind_of_movement_has_the_modes_of_each_global_state():
    game = build_attention(AttentionParameters(width=3, height=2))
    dense = LocalPolicy.uniform(game).transition(game)
    expected = np.sort(np.abs(np.linalg.eigvals(dense)), axis=1)[:, -2]
    np.testing.assert_allclose(slowest_modes(game), expected, rtol=1e-9)


@pytest.mark.parametrize("command", ["check", "list"])
def test_help_has_an_example(command, capfd):
    assert main(["game", command, "--help"]) == 0
    assert f"Example: altmarl game {command}" in " ".join(capfd.readouterr().out.split())


def test_a_hidden_state_is_told_with_its_names_and_how_long_it_lasts():
    told = hidden_summary(load_game("deliveries"))
    assert told is not None
    assert (told.states, told.names[0]) == (4, "loads at pick-up 1")
    np.testing.assert_allclose(told.dwell, 60.0)
    assert hidden_summary(load_game("warehouse")) is None


def test_kernels_of_every_regime_are_counted():
    game = load_game("deliveries")
    size, rows = kernel_sizes(game), game.hidden.local_kernel.rows
    assert (size.P_l, size.kinds) == (len(rows.data), 16)
    assert size.memory > rows.data.nbytes + rows.indices.nbytes + rows.indptr.nbytes + game.hidden.r_l.nbytes
    assert size.dense == 8 * (4 * 4 * 4 + 18 * 16 * 6 * 18)


def test_check_tells_room_and_who_does_not_fit(tmp_path, capfd):
    (tmp_path / "tight.yaml").write_text("name: tight\nbuilder: warehouse\nroom: {default: 4, zone 2: 2}\n")
    assert main(["game", "check", "tight.yaml", "-k", "1", "--robots", "18"]) == 0
    assert "room: zone 0 4 robots, zone 1 4 robots, zone 2 2 robots" in capfd.readouterr().out
    assert main(["game", "check", "tight.yaml", "-k", "1", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["room"]["zone 2"] == 2
    assert main(["game", "check", "tight.yaml", "--robots", "19"]) == 2
    assert "19 robots do not fit: all places together have room for 18" in capfd.readouterr().err
