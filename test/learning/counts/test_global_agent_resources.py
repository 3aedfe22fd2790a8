import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from altmarl_ros.errors import ResourceError
from altmarl_ros.games import TabularGame
from altmarl_ros.learning.counts.backups import GLearnOptions, choose_backup, memory_needed
from altmarl_ros.learning.counts.global_agent import g_learn
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.workers import _SERIAL_BELOW


@pytest.mark.parametrize(("inertia", "expected"), [(0.8, "exact"), (0.0, "sampled")])
def test_auto_is_exact_where_the_kernel_allows_it(random_game, inertia, expected):
    game = random_game(0, inertia=inertia)
    P_l = game.P_l if inertia else np.full_like(game.P_l, 0.5)  # rows all alike: singular
    game = TabularGame("auto", game.P_g, P_l, game.r_g, game.r_l, gamma=game.gamma)
    assert g_learn(game, LocalPolicy.uniform(game), 3).backup == expected


@pytest.mark.parametrize("backup", ["auto", "exact", "sampled"])
def test_too_little_memory_is_refused_before_work_with_k_and_size(warehouse, backup):
    options = GLearnOptions(backup=backup, memory_limit=1 << 20)
    needed = memory_needed(warehouse, 40, options) / 2**20
    with pytest.raises(ResourceError, match=rf"k=40 on 5 local states .* needs {needed:,.0f} MiB, over the limit of 1 MiB"):
        g_learn(warehouse, LocalPolicy.uniform(warehouse), 40, options)


def test_auto_says_why(warehouse):
    P_pi, options = LocalPolicy.uniform(warehouse).transition(warehouse), GLearnOptions()
    choice = choose_backup(warehouse, P_pi, 25, options)
    assert choice.name == "exact"
    assert choice.reason.startswith("rounding errors grow 1")
    unstable = np.tile(np.random.default_rng(0).dirichlet(np.full(5, 0.5), 5), (5, 1, 1))
    assert choose_backup(warehouse, unstable, 25, options).reason.startswith("exact backup: at s_g=0 and k=25 rounding errors")


def test_auto_takes_what_fits_the_memory(warehouse):
    P_pi = LocalPolicy.uniform(warehouse).transition(warehouse)
    both = [memory_needed(warehouse, 25, GLearnOptions(backup=backup)) for backup in ("exact", "sampled")]
    between = GLearnOptions(memory_limit=sum(both) // 2)
    fitting = ("exact", "sampled")[both.index(min(both))]
    assert choose_backup(warehouse, P_pi, 25, between).name == fitting
    with pytest.raises(ResourceError, match=r"over the limit of .* k = 24 fits"):
        choose_backup(warehouse, P_pi, 25, GLearnOptions(memory_limit=min(both) - 1))


@pytest.mark.slow
def test_memory_of_many_kernels_is_foreseen(random_game):
    """Weights and objects of S_g S_l (S_l - 1) elementary kernels were left out: the peak was 1.8 times what was said."""
    small, game = (random_game(0, S_g=3, S_l=S_l, inertia=0.9) for S_l in (3, 28))
    options = GLearnOptions(backup="exact", max_sweeps=2, threads=2)
    g_learn(small, LocalPolicy.uniform(small), 2, options)  # compiles
    tracemalloc.start()
    g_learn(game, LocalPolicy.uniform(game), 2, options)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0.7 < peak / memory_needed(game, 2, options) < 1.05


@pytest.mark.slow
@pytest.mark.parametrize("backup", ["exact", "sampled"])
def test_threads_change_nothing(warehouse, backup):
    one, many = (
        g_learn(warehouse, LocalPolicy.uniform(warehouse), 16, GLearnOptions(backup=backup, threads=threads))
        for threads in (1, 4)
    )
    assert one.V.size >= _SERIAL_BELOW
    np.testing.assert_array_equal(one.V, many.V)
    np.testing.assert_array_equal(one.policy, many.policy)


def test_a_failing_backup_ends_the_threads_too():
    """Run in another process, since threads that wait forever would keep pytest from ending."""
    program = """
from altmarl_ros.games import load_game
from altmarl_ros.learning.counts import global_agent
from altmarl_ros.learning.counts.backups import GLearnOptions
from altmarl_ros.learning.counts.bellman import StatewiseSweep
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.counts import number_of_counts

class Failing(StatewiseSweep):
    name = "failing"
    def expect(self, *_):
        raise MemoryError("no memory left")

global_agent.make_backup = lambda *_: (Failing(), "to fail")
game = load_game("warehouse")
global_agent.g_learn(game, LocalPolicy.uniform(game), 16, GLearnOptions(threads=2))
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False)
    assert "MemoryError: no memory left" in ended.stderr


def test_shares_are_no_backup_of_count_vectors(warehouse):
    with pytest.raises(ResourceError, match="has the backups exact and sampled, not shares"):
        g_learn(warehouse, LocalPolicy.uniform(warehouse), 2, GLearnOptions(backup="shares"))


def test_unknown_backup_is_refused_with_the_known_ones():
    with pytest.raises(ResourceError, match="backup 'fast' is unknown; known are auto, shares, exact, sampled"):
        GLearnOptions(backup="fast")


def test_every_further_sweep_tightens_the_bound_on_the_loss(random_game):
    game = random_game(0)
    options = [GLearnOptions(tolerance=1e-9, max_sweeps=sweeps) for sweeps in range(1, 6)]
    bounds = [g_learn(game, LocalPolicy.uniform(game), 2, each).loss_bound for each in options]
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[-1] < bounds[0]
