import numpy as np
import pytest

from altmarl_ros.errors import GameError
from altmarl_ros.games import load_game
from altmarl_ros.games.identification import identify
from altmarl_ros.games.sources import BUILDERS, builtin_games, save_identified, save_identified_game
from altmarl_ros.games.spec import describe_game, load_floor_map

BY_BUILDER = "name: mine\nbuilder: warehouse\n"
BY_ARRAYS = "name: mine\narrays: tables.npz\ngamma: 0.8\n"


@pytest.mark.parametrize("name", builtin_games())
def test_builtin_games_load(name):
    assert load_game(name).name == name


def test_a_file_that_bears_the_name_of_a_builtin_game_is_meant_by_its_path(monkeypatch, tmp_path):
    (tmp_path / "warehouse").write_text(BY_BUILDER)
    monkeypatch.chdir(tmp_path)
    assert load_game("warehouse").name == "warehouse"
    assert load_game("./warehouse").name == "mine"


@pytest.mark.parametrize("name", builtin_games())
def test_builtin_games_have_a_line_about_them(name):
    assert len(describe_game(name)) > 20


def test_a_game_without_description_is_described_by_its_builder(game_file):
    assert describe_game(game_file(BY_BUILDER)).startswith("Robots on a ring of zones")
    assert describe_game(game_file(BY_ARRAYS)) == ""


@pytest.fixture
def kernel(warehouse):
    """Identify the warehouse's kernel from ten moves from every zone to zone 0."""
    counts = np.zeros(warehouse.P_l.shape, dtype=np.int64)
    counts[..., 0] = 10
    return identify(warehouse.P_l, counts)


def test_identified_kernel_takes_the_place_of_the_builders(kernel, warehouse, game_file, tmp_path):
    save_identified(kernel, tmp_path / "seen.npz")
    game = load_game(game_file(BY_BUILDER + "identified: seen.npz\n"))
    np.testing.assert_allclose(game.P_l, (10 * warehouse.P_l + 10 * np.eye(5)[0]) / 20, rtol=1e-12)
    np.testing.assert_array_equal(game.r_l, warehouse.r_l)
    assert game.content_hash != warehouse.content_hash


def test_identified_game_is_a_copy_wherever_it_is_written(game_file, arrays, tmp_path):
    source = game_file(BY_ARRAYS + "local_state_names: [a, b, c]\n")
    kernel = identify(arrays["P_l"], np.full(arrays["P_l"].shape, 7), weight=1.0)
    save_identified_game(source, kernel, tmp_path / "elsewhere" / "again.yaml")
    game = load_game(tmp_path / "elsewhere" / "again.yaml")
    assert (game.name, game.local_state_names, game.gamma) == ("again", ("a", "b", "c"), 0.8)
    np.testing.assert_allclose(game.P_l, kernel.P_l, rtol=1e-12)
    save_identified_game(tmp_path / "elsewhere" / "again.yaml", kernel, tmp_path / "twice.yaml")
    assert load_game(tmp_path / "twice.yaml").content_hash == game.content_hash


def test_identified_game_does_not_overwrite_the_arrays_of_its_source(game_file, arrays, tmp_path):
    source, before = game_file(BY_ARRAYS), (tmp_path / "tables.npz").read_bytes()
    kernel = identify(arrays["P_l"], np.zeros(arrays["P_l"].shape, dtype=np.int64))
    with pytest.raises(GameError, match=r"tables.npz holds the arrays of .*game.yaml"):
        save_identified_game(source, kernel, tmp_path / "tables.yaml")
    assert (tmp_path / "tables.npz").read_bytes() == before


def test_identified_floor_keeps_its_plan(tmp_path):
    game = load_game("floor")
    save_identified_game("floor", identify(game.P_l, np.zeros(game.P_l.shape, dtype=np.int64)), tmp_path / "mine.yaml")
    assert load_floor_map(tmp_path / "mine.yaml").plan.names == game.local_state_names


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        (BY_BUILDER + "identified: nowhere.npz\n", "identified: "),
        (BY_BUILDER + "identified: tables.npz\n", "tables.npz has an unknown array P_g"),
        (BY_BUILDER + "identified: seen.npz\nparameters: {zones: 6}\n", "P_l has shape (5, 5, 3, 5), must be (5, 6, 3, 5)"),
        (BY_BUILDER + "identified: [seen.npz]\n", "identified"),
    ],
)
def test_broken_identified_kernels_are_refused_by_name(kernel, game_file, tmp_path, *, assert_refused, text, culprit):
    save_identified(kernel, tmp_path / "seen.npz")
    assert_refused(game_file(text), culprit)


def test_builder_takes_its_parameters(game_file):
    game = load_game(game_file(BY_BUILDER + "parameters: {zones: 4, gamma: 0.5}\nlocal_action_names: [x, y, z]\n"))
    assert (game.n_local_states, game.gamma, game.local_action_names) == (4, 0.5, ("x", "y", "z"))


def test_third_party_builder_by_entry_point(game_file, monkeypatch, warehouse):
    class EntryPoint:
        name = "theirs"

        def load(self):
            return BUILDERS["warehouse"]

    monkeypatch.setattr("altmarl_ros.games.sources.builders.entry_points", lambda group: [EntryPoint()])
    game = load_game(game_file("name: mine\nbuilder: theirs\n"))
    assert game.content_hash == warehouse.content_hash


def test_entry_point_that_is_no_builder_is_refused(game_file, monkeypatch, assert_refused):
    class EntryPoint:
        name = "theirs"

        def load(self):
            return print

    monkeypatch.setattr("altmarl_ros.games.sources.builders.entry_points", lambda group: [EntryPoint()])
    assert_refused(game_file("name: mine\nbuilder: theirs\n"), "'theirs'")


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        pytest.param("", "must be a mapping of keys, is NoneType", id="empty"),
        pytest.param("- a\n- b\n", "must be a mapping of keys, is list", id="list"),
        pytest.param("warehouse", "must be a mapping of keys, is str", id="scalar"),
        pytest.param(bytes(range(256)), "not valid YAML", id="binary"),
        pytest.param("name: [a\n", "not valid YAML", id="unclosed"),
        pytest.param("[" * 5000, "not valid YAML", id="deep"),
        pytest.param("#" * (1 << 20) + "\n", "larger than 1048576 bytes", id="oversize"),
        pytest.param("name: a\n---\nname: b\n", "not valid YAML", id="two documents"),
        pytest.param(BY_BUILDER + "name: again\n", "'name' stands twice", id="duplicate key"),
        pytest.param(BY_BUILDER + "parameters: {zones: 3, zones: 4}\n", "'zones' stands twice", id="nested duplicate"),
        pytest.param("name: &a x\nbuilder: *a\n", "aliases are not supported", id="alias"),
        pytest.param("name: !!python/name:os.system x\n", "not valid YAML", id="python tag"),
        pytest.param('name: !!timestamp "x"\n', "not valid YAML", id="false timestamp"),
        pytest.param('name: !!bool "x"\n', "not valid YAML", id="false bool"),
        pytest.param('name: !!int ""\n', "not valid YAML", id="false int"),
        pytest.param("{1: a, name: b, builder: warehouse}", "key 1 must be a string", id="number as key"),
        pytest.param("builder: warehouse\n", "name", id="no name"),
        pytest.param("name: ''\nbuilder: warehouse\n", "name", id="empty name"),
        pytest.param("name: [a]\nbuilder: warehouse\n", "name", id="name of wrong type"),
        pytest.param("name: mine\n", "'builder', 'arrays' and 'tables'", id="neither builder nor arrays"),
        pytest.param(BY_BUILDER + "arrays: tables.npz\n", "'builder', 'arrays' and 'tables'", id="builder and arrays"),
        pytest.param(BY_BUILDER + "colour: red\n", "colour", id="unknown key"),
        pytest.param("name: mine\nbuilder: warehuose\n", "builder 'warehuose' is unknown", id="unknown builder"),
        pytest.param(BY_BUILDER + "gamma: 0.5\n", "gamma belongs under 'parameters'", id="misplaced gamma"),
        pytest.param(BY_BUILDER + "parameters: [5]\n", "parameters", id="parameters of wrong type"),
        pytest.param(BY_BUILDER + "parameters: {zones: two}\n", "parameters.zones", id="zones of wrong type"),
        pytest.param(BY_BUILDER + "parameters: {zones: 2}\n", "parameters.zones", id="too few zones"),
        pytest.param(BY_BUILDER + "parameters: {gamma: .nan}\n", "gamma", id="gamma nan"),
        pytest.param(BY_BUILDER + "parameters: {zoness: 5}\n", "parameters.zoness", id="unknown parameter"),
        pytest.param(BY_BUILDER + "parameters: {7: 5}\n", "parameters.7", id="number as parameter"),
        pytest.param(BY_BUILDER + "local_state_names: [a, b]\n", "local_state_names", id="too few names"),
        pytest.param(BY_BUILDER + "local_action_names: [a, a, b]\n", "local_action_names", id="repeated name"),
        pytest.param(BY_BUILDER + "global_action_names: [[a]]\n", "global_action_names.0", id="name is a list"),
        pytest.param("name: mine\narrays: tables.npz\n", "gamma is missing", id="no gamma"),
        pytest.param("name: mine\narrays: tables.npz\ngamma: 1.5\n", "gamma is 1.5", id="gamma out of range"),
        pytest.param("name: mine\narrays: tables.npz\ngamma: high\n", "gamma", id="gamma of wrong type"),
        pytest.param(BY_ARRAYS + "parameters: {zones: 5}\n", "parameters are for a builder", id="parameters of arrays"),
        pytest.param("name: mine\narrays: nowhere.npz\ngamma: 0.5\n", "nowhere.npz cannot be read", id="no arrays file"),
        pytest.param("name: mine\narrays: .\ngamma: 0.5\n", "cannot be read", id="arrays is a folder"),
        pytest.param("name: mine\narrays: game.yaml\ngamma: 0.5\n", "game.yaml is not an .npz file", id="arrays is YAML"),
    ],
)
def test_broken_yaml_is_refused_by_name(game_file, text, culprit, assert_refused):
    assert_refused(game_file(text), culprit)


@pytest.mark.parametrize(
    "source", ["nowhere.yaml", "no_such_game", "/", "/dev/zero", "nul\0byte.yaml", "x" * 300, "x" * 300 + ".yaml"]
)
def test_strange_source_is_refused(source, assert_refused):
    assert_refused(source, source)
