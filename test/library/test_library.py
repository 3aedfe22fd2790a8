"""Tests that the package from Python is lazy, and does what the commands do."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import altmarl_ros as altmarl
from altmarl_ros.cli.main import main
from altmarl_ros.errors import AltmarlError, BundleError, GameError
from altmarl_ros.games import TabularGame, builtin_games

QUICK = {"rounds": 1, "runs": 20, "robots": 30, "k": 3, "search": 0.0, "seed": 4}


@pytest.fixture(scope="module")
def pair(warehouse, shares_bundle):
    return altmarl.TrainedPair(warehouse, shares_bundle)


@pytest.fixture(scope="module")
def trained(tiny_file):
    return altmarl.train(tiny_file, **QUICK)


def test_importing_the_package_imports_nothing_else():
    program = "import sys; before = set(sys.modules); import altmarl_ros; print(*set(sys.modules) - before)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert not {name for name in run.stdout.split() if name.split(".")[0] in ("numpy", "scipy", "numba", "pydantic", "yaml")}
    assert not {name for name in run.stdout.split() if name.startswith("altmarl_ros.")}


def test_every_name_that_is_offered_is_there():
    offered = {name for name in altmarl.__all__ if name != "__version__"}
    assert offered == set(altmarl._OFFERED) <= set(dir(altmarl))
    for name in offered:
        assert getattr(altmarl, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        altmarl.trian  # noqa: B018


def test_a_game_is_built_as_from_a_file():
    built = altmarl.build("deliveries", name="mine", corners=3, room=0.5)
    assert (built.name, built.n_global_states) == ("mine", 3)
    assert built.room is not None
    assert altmarl.build("warehouse").content_hash == altmarl.load_game("warehouse").content_hash
    with pytest.raises(GameError, match="corner"):
        altmarl.build("deliveries", corner=3)
    with pytest.raises(GameError, match="unknown"):
        altmarl.build("deliverys")


@pytest.mark.parametrize("name", builtin_games())
def test_a_saved_game_is_the_same_game(name, tmp_path):
    game = altmarl.load_game(name)
    path = tmp_path / "kept.yaml"
    if game.continuous is not None:
        with pytest.raises(GameError, match="continuous states"):
            altmarl.save_game(game, path)
        return
    same = altmarl.load_game(altmarl.save_game(game, path))
    assert same.content_hash == game.content_hash
    assert same.dynamics_hash == game.dynamics_hash
    assert same.local_state_names == game.local_state_names
    assert same.global_action_names == game.global_action_names


@pytest.mark.parametrize("room", [0.5, {"default": 20}, {}])
def test_room_and_places_are_saved(room, tmp_path):
    game = altmarl.build("deliveries", room=room)
    same = altmarl.load_game(altmarl.save_game(game, tmp_path / "kept.yaml"))
    assert same.content_hash == game.content_hash
    assert same.room.by_place() == game.room.by_place()


def test_a_pair_for_robots_with_types_is_loaded_with_its_game(kinds, kinds_bundle, kinds_file, tmp_path):
    with pytest.raises(GameError, match="has types of robots, which arrays do not say"):
        altmarl.save_game(kinds, tmp_path / "kept.yaml")
    path = altmarl.TrainedPair(kinds, kinds_bundle).save(tmp_path / "pair.npz")
    assert [file.name for file in tmp_path.iterdir()] == ["pair.npz"]
    with pytest.raises(AltmarlError, match="give the game"):
        altmarl.load(path)
    assert altmarl.load(path, kinds_file).game.types.names == ("fast", "slow")


def test_a_game_goes_into_a_yaml_file(tmp_path):
    with pytest.raises(GameError, match=r"ends in \.yaml"):
        altmarl.save_game(altmarl.load_game("warehouse"), tmp_path / "game.npz")
    (tmp_path / "file").write_text("")
    with pytest.raises(GameError, match="file"):
        altmarl.save_game(altmarl.load_game("warehouse"), tmp_path / "file" / "game.yaml")


@pytest.mark.slow
def test_python_and_the_commands_learn_and_find_the_same(trained, tiny_file, tmp_path, capfd):
    path = tmp_path / "trained.npz"
    options = ["--rounds", "1", "--runs", "20", "--robots", "30", "--k", "3", "--search", "0", "--seed", "4"]
    assert main(["train", "--game", str(tiny_file), "--out", str(path), *options, "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["policy_id"] == trained.bundle.policy_id
    told = ["--game", str(tiny_file), "--policy", str(path), "--robots", "30", "--seed", "7", "--json"]
    assert main(["evaluate", "-k", "1", "-k", "5", "--runs", "30", *told]) == 0
    rows = json.loads(capfd.readouterr().out)["results"]
    scores = trained.evaluate([1, 5], runs=30, seed=7)
    assert [(row["model"], row["value"]) for row in rows] == [(score.rule, score.value) for score in scores.scores]
    assert main(["certify", "-k", "3", "--runs", "10", *told]) == 0
    (gap,) = json.loads(capfd.readouterr().out)["gaps"]
    assert gap == json.loads(json.dumps(trained.certify(runs=10, seed=7).as_json()))


@pytest.mark.slow
def test_scores_are_found_by_their_rule_and_written_as_a_table(pair):
    scores = pair.evaluate(2, runs=10, models=["filtered"])
    assert scores["filtered, k = 2"].k == 2
    assert scores["all robots seen"].value > scores["random actions"].value
    assert "filtered, k = 2" in str(scores)
    with pytest.raises(KeyError, match="random actions"):
        scores["filtered, k = 3"]


def test_a_pair_is_saved_and_loaded(pair, tmp_path):
    path = pair.save(tmp_path / "pair.npz")
    same = altmarl.load(path)
    assert same.bundle.content_hash == pair.bundle.content_hash
    assert same.game.name == "warehouse"
    assert [file.name for file in tmp_path.iterdir()] == ["pair.npz"]
    assert same.value == pair.value
    assert f"{pair.value:.2f}" in repr(same)
    with pytest.raises(BundleError, match="was learned for game 'warehouse'"):
        altmarl.load(path, "federated")


@pytest.mark.slow
def test_a_game_of_ones_own_is_saved_beside_its_pair(tmp_path):
    game = altmarl.build("warehouse", name="depot", zones=3)
    path = altmarl.train(game, **QUICK).save(tmp_path / "depot.npz")
    assert altmarl.load(path).game.content_hash == game.content_hash
    (tmp_path / "depot_game.yaml").unlink()
    with pytest.raises(BundleError, match="not built in"):
        altmarl.load(path)
    assert altmarl.load(path, game).game is game


@pytest.mark.slow
def test_a_ladder_says_up_to_which_k_it_serves(tmp_path):
    ladder = altmarl.train("warehouse", **{**QUICK, "k": 2}, backup="exact", learn_for="fresh")
    with pytest.raises(BundleError, match="k is 3, must be at most 2"):
        ladder.evaluate(3)
    with pytest.raises(BundleError, match="must not be negative"):
        ladder.certify(-1)


@pytest.mark.slow
def test_the_plot_shows_the_training_and_the_scores(pair, tmp_path):
    figure = pair.plot(k=(1, 5), runs=10)
    learned, earned = figure.axes
    assert len(learned.get_xticks()) == len(pair.bundle.report["steps"])
    assert {text.get_text() for text in earned.get_legend().get_texts()} >= {"filtered", "fresh", "all robots seen"}
    figure.savefig(tmp_path / "pair.png")
    assert (tmp_path / "pair.png").stat().st_size > 5000


def test_training_answers_a_bad_argument_by_its_name():
    with pytest.raises(AltmarlError, match="rounds is 0"):
        altmarl.train("warehouse", rounds=0)


@pytest.mark.slow
def test_the_verdict_is_a_sentence(trained):
    assert trained.verdict == trained.bundle.report["verdict"]["sentence"]
    bare = replace(trained.bundle, report={"value": 1.0})
    assert replace(trained, bundle=bare).verdict == ""


@pytest.mark.slow
def test_types_are_those_of_the_package(trained):
    assert isinstance(trained, altmarl.TrainedPair)
    assert isinstance(trained.game, TabularGame)
    assert np.isfinite(trained.value)
