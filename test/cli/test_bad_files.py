"""Every broken game and every broken bundle ends a command with one clear line and exit code 2."""

import numpy as np
import pytest

from altmarl_ros.cli.main import main
from altmarl_ros.games import load_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.policies import save_bundle

GAME = "name: mine\nbuilder: warehouse\n"
ARRAYS = "name: mine\narrays: tables.npz\ngamma: 0.9\n"

BROKEN_GAMES = {
    "empty": ("", "mapping"),
    "a list": ("- a\n- b\n", "mapping"),
    "not YAML": ("name: [a\n", "not valid YAML"),
    "binary": ("\x00\x01", "not valid YAML"),
    "python object": ("name: !!python/object:os.system x\n", "not valid YAML"),
    "alias": ("name: &a x\nbuilder: *a\n", "aliases"),
    "key twice": (GAME + "name: again\n", "'name' stands twice"),
    "no name": ("builder: warehouse\n", "name"),
    "no builder": ("name: mine\n", "'builder', 'arrays' and 'tables'"),
    "both": (GAME + "arrays: tables.npz\n", "'builder', 'arrays' and 'tables'"),
    "unknown key": (GAME + "colour: red\n", "colour"),
    "unknown builder": ("name: mine\nbuilder: warehuose\n", "'warehuose'"),
    "unknown parameter": (GAME + "parameters: {zoness: 5}\n", "parameters.zoness"),
    "too few zones": (GAME + "parameters: {zones: 2}\n", "parameters.zones"),
    "zones are text": (GAME + "parameters: {zones: two}\n", "parameters.zones"),
    "gamma above 1": (GAME + "parameters: {gamma: 1.2}\n", "parameters.gamma"),
    "gamma is NaN": (GAME + "parameters: {gamma: .nan}\n", "parameters.gamma"),
    "names of the wrong number": (GAME + "local_state_names: [a]\n", "local_state_names"),
    "arrays are missing": (ARRAYS.replace("tables", "nowhere"), "nowhere.npz"),
    "row sum": (ARRAYS, "P_l[s_l=2, s_g=0, a_l=1] sums to 0.97, not 1"),
    "arrays of text": (ARRAYS.replace("tables", "text"), "'P_g'"),
    "no gamma": ("name: mine\narrays: tables.npz\n", "gamma"),
}


def run(arguments, capfd):
    code = main(arguments)
    lines = [line for line in capfd.readouterr().err.splitlines() if line.strip()]
    return code, lines


@pytest.mark.parametrize("kind", BROKEN_GAMES)
def test_broken_game(kind, tmp_path, capfd):
    text, culprit = BROKEN_GAMES[kind]
    game = load_game("warehouse")
    P_l = game.P_l.copy()
    P_l[2, 0, 1] *= 0.97
    np.savez(tmp_path / "tables.npz", P_g=game.P_g, P_l=P_l, r_g=game.r_g, r_l=game.r_l)
    np.savez(tmp_path / "text.npz", P_g=np.array(["a"]), P_l=P_l, r_g=game.r_g, r_l=game.r_l)
    (tmp_path / "game.yaml").write_text(text)
    code, lines = run(["train", "--game", str(tmp_path / "game.yaml"), "--out", str(tmp_path / "out.npz")], capfd)
    assert code == 2
    assert len(lines) == 1, lines
    assert "game.yaml" in lines[0]
    assert culprit in lines[0]
    assert not (tmp_path / "out.npz").exists()


BROKEN_BUNDLES = {
    "empty": (lambda content: b"", "not an .npz file"),
    "text": (lambda content: b"hello", "not an .npz file"),
    "first half": (lambda content: content[: len(content) // 2], "not an .npz file"),
    "last byte gone": (lambda content: content[:-1], "not an .npz file"),
    "last half": (lambda content: content[len(content) // 2 :], "not an .npz file"),
    "zeroed middle": (lambda content: content[:400] + bytes(200) + content[600:], "not an .npz file"),
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    made = train(load_game("warehouse"), TrainingOptions(K=2, runs=10, n=20, rounds=1, certificate_runs=0, learn_for="fresh"))
    return save_bundle(made, tmp_path_factory.mktemp("bundle") / "good.npz")


@pytest.mark.parametrize("kind", BROKEN_BUNDLES)
def test_damaged_bundle(kind, bundle, tmp_path, capfd):
    damage, culprit = BROKEN_BUNDLES[kind]
    path = tmp_path / "bad.npz"
    path.write_bytes(damage(bundle.read_bytes()))
    code, lines = run(["evaluate", "-p", str(path)], capfd)
    assert code == 2
    assert len(lines) == 1, lines
    assert "bad.npz" in lines[0]
    assert culprit in lines[0]


FOREIGN_BUNDLES = {
    "arrays of something else": ({"header": None, "pi_l": None}, "no header"),
    "missing rung": ({"rung_1": None}, "'rung_1' is missing"),
    "extra array": ({"rung_9": np.zeros(1)}, "'rung_9' is unknown"),
    "altered policy": ({"pi_l": np.full((5, 5, 3), 1 / 3)}, "altered"),
    "header of bytes": ({"header": np.arange(9, dtype=np.uint8)}, "header"),
    "foreign header": ({"header": np.frombuffer(b'{"format": "other"}', np.uint8)}, "not a policy bundle"),
}


@pytest.mark.parametrize("kind", FOREIGN_BUNDLES)
def test_foreign_bundle(kind, bundle, tmp_path, capfd):
    changes, culprit = FOREIGN_BUNDLES[kind]
    with np.load(bundle) as file:
        arrays = {**{name: file[name] for name in file.files}, **changes}
    np.savez(tmp_path / "bad.npz", **{name: array for name, array in arrays.items() if array is not None})
    code, lines = run(["evaluate", "-p", str(tmp_path / "bad.npz")], capfd)
    assert code == 2
    assert len(lines) == 1, lines
    assert "bad.npz" in lines[0]
    assert culprit in lines[0]


def test_bundle_of_another_game(bundle, capfd):
    code, lines = run(["evaluate", "-p", str(bundle), "--game", "federated"], capfd)
    assert code == 2
    assert len(lines) == 1, lines
    assert "good.npz: was learned for game 'warehouse'" in lines[0]
    assert lines[0].endswith("; train again, or give its game: --game warehouse")


@pytest.mark.parametrize("command", ["replay", "recover", "record"])
def test_what_needs_a_bag_says_so_of_an_npz_file(command, bundle, capfd):
    code, lines = run([command, "run.npz"], capfd)
    assert code == 2
    (line,) = lines
    assert f"run.npz: {command} needs a bag, which is a folder" in line
