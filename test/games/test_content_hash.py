import numpy as np
import pytest

from altmarl_ros.games import builtin_games, content_hash, load_game
from altmarl_ros.games.attention import AttentionParameters, build_attention
from altmarl_ros.games.discretise import ContinuousWarehouseParameters, build_continuous_warehouse
from altmarl_ros.games.kernels import LocalKernel
from altmarl_ros.games.random_game import RandomGameParameters, build_random_game
from altmarl_ros.games.warehouse import WarehouseParameters, build_warehouse

# Content and dynamics hashes, those without a hidden state of the first format, in which games were dense arrays: records and
# bundles name them.
BUILT_IN = {
    "charging": ("33c0f0dd5e990745", "68e2d4044dcfee7b"),
    "continuous_warehouse": ("733eb12b6b25c504", "0399ff1bf724965d"),
    "coverage": ("4ffd1d73b9927a06", "342cd4467e71caaf"),
    "deliveries": ("12ed5e0140349017", "dc2ac8791abca99a"),
    "federated": ("c34450f1d931b4b0", "8a462b483df7d594"),
    "floor": ("0387f979fe6e2de6", "bd1ce8b817408997"),
    "hall": ("4eb27afbd8a55394", "272f4b95c63634ee"),
    "warehouse": ("a0e9b7646a266c60", "d9164f36ecfbd2e8"),
    "warehouse_distance": ("8a3fa4e1b643aabc", "d9164f36ecfbd2e8"),
}
OTHERS = [
    (lambda: build_random_game(RandomGameParameters()), ("d55e093be06e4f38", "599c81c00fb11b40")),
    (
        lambda: build_random_game(RandomGameParameters(seed=1, global_states=2, local_states=5, local_actions=3)),
        ("49a056a44263afb6", "64ffa17bfc022d35"),
    ),
    (
        lambda: build_random_game(RandomGameParameters(seed=7, global_states=6, local_states=4)),
        ("5e203ee474df7361", "1ee188121cb2ce43"),
    ),
    (
        lambda: build_warehouse(WarehouseParameters(zones=12, global_reward="distance")),
        ("3c51559a243a7ba5", "0d6ad70d1142c485"),
    ),
    (
        lambda: build_continuous_warehouse(
            ContinuousWarehouseParameters(bins=3, global_cells_per_bin=3, local_cells_per_bin=7)
        ),
        ("f60f78c54d8b826d", "e01b9862f480e652"),
    ),
    (lambda: build_attention(AttentionParameters(width=4, height=3)), ("12962ac9e136f822", "a07c9c678754da49")),
]


@pytest.mark.parametrize("name", builtin_games())
def test_hashes_of_built_in_games_stay(name):
    game = load_game(name)
    assert (game.content_hash, game.dynamics_hash) == BUILT_IN[name]


@pytest.mark.parametrize(("build", "hashes"), OTHERS)
def test_hashes_of_other_games_stay(build, hashes):
    game = build()
    assert (game.content_hash, game.dynamics_hash) == hashes


@pytest.fixture
def large(monkeypatch):
    """Hashes every game as one that is too large to be written out."""
    monkeypatch.setattr(content_hash, "MOST_DENSE_BYTES", 0)


@pytest.mark.usefixtures("large")
def test_large_games_are_hashed_by_what_is_not_zero():
    def grid(**changes):
        return build_attention(AttentionParameters(width=3, height=3, **changes))

    game = grid()
    assert game.content_hash == grid().content_hash != "12962ac9e136f822"
    assert game.dynamics_hash == grid(reward=9.0).dynamics_hash != grid(success=0.8).dynamics_hash
    assert game.content_hash != grid(reward=9.0).content_hash
    assert game.dynamics_hash != grid(attention_success=0.7).dynamics_hash


@pytest.mark.usefixtures("large")
def test_large_games_are_the_same_however_movement_is_shared():
    game = build_attention(AttentionParameters(width=3, height=1))
    moves = game.local_kernel.moves[0]
    noise = [P * 1 for P in moves]
    noise[0].data = noise[0].data + np.resize([1e-14, -1e-14], len(noise[0].data))  # another processor's exp()
    kernels = [game.local_kernel, LocalKernel.from_moves([moves, noise], np.array([0, 1, 0]))]
    assert [kernel.n_kinds for kernel in kernels] == [1, 2]
    hashes = {content_hash.game_hash("x", (game.global_kernel, kernel), []) for kernel in kernels}
    assert len(hashes) == 1
    other = LocalKernel.from_moves([moves, moves[::-1]], np.array([0, 1, 0]))
    assert content_hash.game_hash("x", (game.global_kernel, other), []) not in hashes


def test_a_grid_of_400_zones_is_hashed_quickly_and_in_little_memory():
    import time
    import tracemalloc

    game = build_attention(AttentionParameters(width=20, height=20))
    tracemalloc.start()
    began = time.process_time()
    assert len(game.content_hash) == 16
    spent, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert spent < 5.0
    assert peak < 100e6
