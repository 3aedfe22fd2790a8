import numpy as np
import pytest
from scipy.sparse import csr_array

from altmarl_ros.games import load_game

BY_ARRAYS = "name: mine\narrays: tables.npz\ngamma: 0.8\n"


def edited(arrays, name, index, value):
    """Return the arrays with one entry set, a whole array replaced (index None), or an array left out (value None)."""
    if value is None:
        return {key: array for key, array in arrays.items() if key != name}
    if index is None:
        return {**arrays, name: value}
    changed = arrays[name].copy()
    changed[index] = value
    return {**arrays, name: changed}


def test_game_from_arrays(game_file, arrays):
    start = {"rho_g": [0.25, 0.75], "alpha": [1.0, 2.0, 3.0]}
    game = load_game(game_file(BY_ARRAYS + "local_state_names: [a, b, c]\n", {**arrays, **start}))
    for name, values in arrays.items():
        np.testing.assert_array_equal(getattr(game, name), values)
    np.testing.assert_array_equal(game.initial.rho_g, start["rho_g"])
    np.testing.assert_array_equal(game.initial.alpha, start["alpha"])
    assert (game.name, game.gamma, game.local_state_names) == ("mine", 0.8, ("a", "b", "c"))


@pytest.mark.parametrize(
    ("edit", "culprit"),
    [
        pytest.param(("P_l", (2, 0, 1), [0.3, 0.3, 0.37]), "P_l[s_l=2, s_g=0, a_l=1] sums to 0.97, not 1", id="row sum"),
        pytest.param(("P_g", (1, 0), [1.1, -0.1]), "P_g[s_g=1, a_g=0, s_g'=1] is -0.1", id="negative"),
        pytest.param(("r_g", (1, 0), np.nan), "r_g[s_g=1, a_g=0] is nan", id="nan"),
        pytest.param(("r_l", None, np.zeros((2, 2, 2))), "r_l has shape (2, 2, 2), must be (3, 2, 2)", id="shape"),
        pytest.param(("P_g", None, np.array(1.0)), "P_g has shape ()", id="no axes"),
        pytest.param(("r_g", None, np.full((2, 1), 1j)), "r_g", id="complex"),
        pytest.param(("r_g", None, np.zeros((2, 1), "M8[s]")), "r_g", id="dates"),
        pytest.param(("r_g", None, np.array([["1"], ["2"]])), "r_g", id="text"),
        pytest.param(("r_g", None, np.array([[None], [1.0]])), "not an .npz file of numbers", id="pickled"),
        pytest.param(("P_l", None, None), "lacks P_l", id="missing array"),
        pytest.param(("r_h", None, np.zeros(1)), "unknown array r_h", id="unknown array"),
        pytest.param(("rho_g", None, [0.5, 0.6]), "rho_g sums to 1.1", id="start"),
        pytest.param(("alpha", None, [1.0, 0.0, 1.0]), "alpha[s_l=1] is 0", id="concentration"),
    ],
)
def test_broken_arrays_are_refused_by_name(game_file, arrays, assert_refused, edit, culprit):
    assert_refused(game_file(BY_ARRAYS, edited(arrays, *edit)), culprit)


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_truncated_arrays_are_refused(game_file, tmp_path, kept, assert_refused):
    path = game_file(BY_ARRAYS)
    content = (tmp_path / "tables.npz").read_bytes()
    (tmp_path / "tables.npz").write_bytes(content[: int(kept * len(content))])
    assert_refused(path, "tables.npz is not an .npz file of numbers")


def test_bare_npy_is_refused(game_file, tmp_path, assert_refused):
    path = game_file("name: mine\narrays: bare.npy\ngamma: 0.5\n")
    np.save(tmp_path / "bare.npy", np.zeros(3))
    assert_refused(path, "bare.npy is not an .npz file of numbers")


def sparse(arrays, pooled=False):
    """The same arrays with kernels in compressed sparse rows."""
    S_l, S_g = arrays["P_l"].shape[:2]
    kinds = arrays["P_l"][:, :1] if pooled else arrays["P_l"]
    parts = {key: arrays[key] for key in ("r_g", "r_l")}
    for name, rows in (("P_g", arrays["P_g"].reshape(-1, S_g)), ("P_l", kinds.transpose(1, 2, 0, 3).reshape(-1, S_l))):
        matrix = csr_array(rows)
        parts |= {f"{name}_{part}": getattr(matrix, part) for part in ("indptr", "indices", "data")}
    return parts if pooled else {**parts, "moves_at": np.arange(S_g)}


def test_game_from_sparse_rows(game_file, arrays):
    dense = load_game(game_file(BY_ARRAYS, arrays))
    assert load_game(game_file(BY_ARRAYS, sparse(arrays))).content_hash == dense.content_hash
    alike = {**arrays, "P_l": np.repeat(arrays["P_l"][:, :1], 2, axis=1)}
    dense = load_game(game_file(BY_ARRAYS, alike))
    game = load_game(game_file(BY_ARRAYS, sparse(alike, pooled=True)))
    assert game.content_hash == dense.content_hash
    assert game.local_kernel.n_kinds == 1


@pytest.mark.parametrize(
    ("edit", "culprit"),
    [
        pytest.param(("P_l_data", 1, 9.0), "P_l[s_l=", id="row sum"),
        pytest.param(("P_l_data", 1, np.nan), "is nan, must be finite", id="nan"),
        pytest.param(("P_g_data", 0, -0.5), "P_g[s_g=0, a_g=0, s_g'=0] is -0.5, must not be negative", id="negative"),
        pytest.param(("P_l_data", None, None), "lacks P_l_data", id="missing part"),
        pytest.param(("P_l_indices", 0, 3), "P_l_indices must be 0 to 2", id="column"),
        pytest.param(("P_l_indices", 0, -1), "P_l_indices must be 0 to 2", id="negative column"),
        pytest.param(("P_l_indices", None, np.zeros(3)), "P_l_indices has shape (3,) of float64", id="fractions"),
        pytest.param(("P_l_indptr", 1, 10**6), "P_l_indptr must ascend from 0 to", id="pointer"),
        pytest.param(("P_l_indptr", None, np.zeros(2, int)), "P_l_indptr has shape (2,) of int64, must be (13,)", id="rows"),
        pytest.param(("P_g_data", None, np.zeros((2, 2))), "P_g_indices has shape", id="axes"),
        pytest.param(("moves_at", 1, 2), "moves_at must hold 2 whole numbers", id="kind"),
        pytest.param(("moves_at", None, np.array([0, np.nan])), "moves_at must hold 2 whole numbers", id="no kind"),
        pytest.param(("P_l", None, np.ones((3, 2, 2, 3))), "has both P_l and P_l_indptr", id="both"),
    ],
)
def test_broken_sparse_rows_are_refused_by_name(game_file, arrays, assert_refused, edit, culprit):
    assert_refused(game_file(BY_ARRAYS, edited(sparse(arrays), *edit)), culprit)


def test_kinds_of_movement_are_for_sparse_rows(game_file, arrays, assert_refused):
    assert_refused(
        game_file(BY_ARRAYS, {**arrays, "moves_at": np.zeros(2, int)}), "has moves_at, which is for a P_l in sparse rows"
    )
