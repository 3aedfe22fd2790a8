"""The memory that `altmarl game check` prints is what `altmarl train` allocates, within 30 %, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from altmarl_ros.cli.main import main
from altmarl_ros.errors import ResourceError
from altmarl_ros.games import TabularGame, load_game
from altmarl_ros.games.attention import AttentionParameters, build_attention
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.learning.counts.backups import GLearnOptions, check_training, training_memory
from altmarl_ros.learning.shares.cost import training_memory as training_memory_over_shares
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.shares import SharesProcess

CASES = Path(__file__).parents[1] / "data" / "cases"
GROWTH = """
import ctypes
from pathlib import Path

def memory(field):
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024  # ru_maxrss would begin with that of the process which started this one

def growth(work):
    ctypes.CDLL(None).malloc_trim(0)  # what was left free before, by compiling above all, would be used again
    Path("/proc/self/clear_refs").write_text("5")  # the peak from now on
    begun = memory("VmRSS")
    work()
    return memory("VmHWM") - begun
"""
PROGRAM = f"""{GROWTH}
import json, sys
from pathlib import Path
import scipy.optimize  # which only larger games load, whatever k is
from altmarl_ros.games import load_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.learning.counts.backups import GLearnOptions
from altmarl_ros.policies import save_bundle

def trained(game, K, backup):
    g_learn = GLearnOptions(backup=backup, max_sweeps=2, threads=2)
    options = TrainingOptions(
        K=K, rounds=1, runs=4, n=20, horizon=10, certificate_runs=4, search_seconds=0.5, g_learn=g_learn
    )
    save_bundle(train(load_game(game), options, None, Path("state")), "bundle.npz")

game, K, backup = json.loads(sys.argv[1])
trained("warehouse", 2, backup)  # compiles, and loads whatever a training needs
print(growth(lambda: trained(game, K, backup)))
"""

OVER_SHARES = f"""{GROWTH}
import sys
from pathlib import Path
import scipy.optimize
from altmarl_ros.games import load_game
from altmarl_ros.games.attention import AttentionParameters, build_attention
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.policies import save_bundle

def trained(game):
    options = TrainingOptions(K=25, rounds=1, runs=4, n=20, horizon=10, certificate_runs=4, search_seconds=0.5)
    save_bundle(train(game, options, None, Path("state")), "bundle.npz")

side = int(sys.argv[1])
trained(load_game("warehouse"))
trained(build_attention(AttentionParameters(width=2, height=2)))
print(growth(lambda: trained(build_attention(AttentionParameters(width=side, height=side)))))
"""


def write_game(path, S_g, A_g, S_l, A_l, inertia=0.9):
    rng = np.random.default_rng(0)
    moving = rng.dirichlet(np.ones(S_l), (S_l, S_g, A_l))
    np.savez(
        path.with_suffix(".npz"),
        P_g=rng.dirichlet(np.ones(S_g), (S_g, A_g)),
        P_l=inertia * np.eye(S_l)[:, None, None, :] + (1 - inertia) * moving,
        r_g=rng.normal(size=(S_g, A_g)),
        r_l=rng.normal(size=(S_l, S_g, A_l)),
    )
    path.write_text(f"name: {path.stem}\narrays: {path.stem}.npz\ngamma: 0.9\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sizes", "K", "backup"),
    [
        ((2, 2, 12, 2), 5, "sampled"),
        ((2, 2, 14, 2), 6, "exact"),
        pytest.param((10, 4, 12, 2), 6, "sampled", marks=pytest.mark.soak),
        pytest.param((20, 20, 4, 3), 40, "sampled", marks=pytest.mark.soak),
        pytest.param((3, 3, 20, 2), 5, "sampled", marks=pytest.mark.soak),
        pytest.param((5, 5, 5, 3), 28, "exact", marks=pytest.mark.soak),
        pytest.param((4, 4, 6, 2), 12, "sampled", marks=pytest.mark.soak),
    ],
)
def test_memory_needed_is_what_a_training_allocates(tmp_path, sizes, K, backup):
    write_game(tmp_path / "game.yaml", *sizes)
    arguments = json.dumps([str(tmp_path / "game.yaml"), K, backup])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, arguments], capture_output=True, text=True, timeout=300, cwd=tmp_path, check=True
    )
    needed = training_memory(load_game(tmp_path / "game.yaml"), K, GLearnOptions(backup=backup, threads=2))
    assert needed > 15 << 20  # below, what the allocator rounds up is not small
    assert 0.7 < int(done.stdout) / needed < 1.3, (int(done.stdout) / 2**20, needed / 2**20)


@pytest.mark.slow
@pytest.mark.parametrize("side", [8, *(pytest.param(side, marks=pytest.mark.soak) for side in (10, 14, 18))])
def test_memory_needed_over_shares_is_what_a_training_allocates(tmp_path, side):
    done = subprocess.run(
        [sys.executable, "-c", OVER_SHARES, str(side)], capture_output=True, text=True, timeout=600, cwd=tmp_path, check=True
    )
    game = build_attention(AttentionParameters(width=side, height=side))
    needed = training_memory_over_shares(game, SharesProcess.under_policy(game, LocalPolicy.uniform(game)))
    assert needed > 30 << 20
    assert 0.7 < int(done.stdout) / needed < 1.3, (int(done.stdout) / 2**20, needed / 2**20)


@pytest.mark.slow
def test_check_and_train_tell_the_same_memory_of_case_06(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    game = str(CASES / "06-memory-contradiction" / "g30.yaml")
    assert main(["game", "check", game, "-k", "5", "--json"]) == 0
    (cost,) = json.loads(capfd.readouterr().out)["costs"]
    assert (cost["backup"], cost["memory"] > 1 << 30) == ("sampled", True)
    ladder = ["--k", "5", "--backup", "sampled", "--memory", "1024"]
    assert main(["train", "--game", game, *ladder, "--out", "out.npz"]) == 2
    (line,) = [line for line in capfd.readouterr().err.splitlines() if line.strip()]
    assert f"needs {cost['memory'] / 2**20:,.0f} MiB, over the limit of 1,024 MiB" in line


@pytest.mark.parametrize("gamma", [1 - 1e-6, 1 - 1e-10, np.nextafter(1.0, 0.0)])
def test_a_discount_whose_episodes_do_not_fit_is_refused_before_work(random_game, gamma):
    game = random_game(0, gamma=gamma)
    with pytest.raises(ResourceError, match=r"gamma is 0\.99.*: an episode would take .* ticks, must be at most 100,000"):
        train(game, TrainingOptions(K=1, runs=5, n=5), lambda progress: pytest.fail("worked"))


def test_games_with_groups_are_counted_by_group(random_game):
    game = random_game(0, S_l=12)
    grouped = TabularGame("grouped", game.P_g, game.P_l, game.r_g, game.r_l, gamma=game.gamma, groups=np.arange(12) // 4)
    options = GLearnOptions(memory_limit=1 << 20)
    check_training(grouped, 20, options)
    with pytest.raises(ResourceError, match="on 12 local states"):
        check_training(game, 20, options)
