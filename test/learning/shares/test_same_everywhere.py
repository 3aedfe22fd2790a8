"""Decisions by shares are the same under another BLAS kernel, another number of threads, and without vector instructions."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from altmarl_ros.games import load_game
from altmarl_ros.games.attention import AttentionParameters, build_attention
from altmarl_ros.learning.shares.estimates import SimulatedEstimates
from altmarl_ros.learning.shares.solver import SharesOptions, learn_shares
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.shares import SharesProcess

FIELDS = ("alpha", "start", "choice", "following", "following_start")
PROGRAM = """
import hashlib, json, sys
import numpy as np
from altmarl_ros.games import load_game
from altmarl_ros.games.attention import AttentionParameters, build_attention
from altmarl_ros.observation import make_filter
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.shares import SharesPolicy, SharesProcess, ValueVectors

world, file = sys.argv[1:]
game = build_attention(AttentionParameters(width=5, height=5)) if world == "grid" else load_game(world)
held = np.load(file)
pi_l = LocalPolicy(held["pi_l"])
process = SharesProcess.under_policy(game, pi_l)
vectors = ValueVectors(*(held[name] for name in ("alpha", "start", "choice", "following", "following_start")))
policy = SharesPolicy(process, vectors)
model = make_filter(game, pi_l, policy)
model.reset(12)
rng, S_l = np.random.default_rng(0), process.n_local_states
actions, digest = [], hashlib.sha256()
for tick in range(60):
    reports = np.stack([np.bincount(rng.integers(S_l, size=tick % 4), minlength=S_l) for run in range(12)])
    actions.append(model.decide(rng.integers(len(vectors.start) - 1, size=12), reports, 40).tolist())
    told = model.estimate, policy.action_values(0, model.estimate[0])
    if world == "continuous_warehouse":  # weights of its starts come from logarithms, whose last bits differ
        told = [np.round(values, 6) for values in told]
    digest.update(b"".join(values.tobytes() for values in told))
process = hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in process.arrays[:-1]))
print(json.dumps([actions, process.hexdigest(), digest.hexdigest()]))
"""


def vector_instructions():
    """Instructions that numpy found at run time, which it can be told to leave alone."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    return " ".join(name for name in __cpu_dispatch__ if __cpu_features__.get(name))


ELSEWHERE = {
    "another BLAS kernel and four threads": {
        "OPENBLAS_CORETYPE": "Nehalem",
        "OPENBLAS_NUM_THREADS": "4",
        "OMP_NUM_THREADS": "4",
        "NUMBA_NUM_THREADS": "4",
    },
    "no vector instructions of numpy": {"NPY_DISABLE_CPU_FEATURES": vector_instructions(), "OPENBLAS_NUM_THREADS": "1"},
    "no vector instructions of compiled loops": {"NUMBA_CPU_NAME": "generic", "NUMBA_NUM_THREADS": "1"},
}


def decided(world, file, environment):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, world, file],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module", params=["warehouse", "grid", "continuous_warehouse"])
def solved_world(request, tmp_path_factory):
    grid = request.param == "grid"
    game = build_attention(AttentionParameters(width=5, height=5)) if grid else load_game(request.param)
    pi_l = np.random.default_rng(0).dirichlet(np.ones(game.r_l.shape[2]), game.r_l.shape[:2])
    process = SharesProcess.under_policy(game, LocalPolicy(pi_l))
    sampler = SimulatedEstimates(game.initial, runs=40, ticks=20)
    vectors = learn_shares(process, game.initial, sampler, SharesOptions(points=150)).policy.vectors
    file = tmp_path_factory.mktemp(request.param) / "policy.npz"
    np.savez(file, pi_l=pi_l, **{name: getattr(vectors, name) for name in FIELDS})
    return request.param, str(file), decided(request.param, str(file), {})


@pytest.mark.slow
@pytest.mark.parametrize("where", ELSEWHERE)
def test_decisions_are_the_same(solved_world, where):
    world, file, here = solved_world
    assert len({action for tick in here[0] for action in tick}) > 3  # it does decide
    assert decided(world, file, ELSEWHERE[where]) == here
