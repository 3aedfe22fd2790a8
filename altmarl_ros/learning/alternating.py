"""Runs ALTERNATING-MARL (arXiv 2603.03759, algorithm 1): best responses in turn, until none improves the team's value.

    repeat   G-LEARN: pi_g' against pi_l;   UPDATE
             L-LEARN: pi_l' against pi_g;   UPDATE
    until neither step is kept

UPDATE keeps a step only if the team's value rises by more than the uncertainty of the comparison: both pairs play the
same starts with the same seeds, and the mean paired difference must exceed `confidence` of its standard errors. At the
end the ladder k' = 0..K is solved against the final pi_l.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import TabularGame
from altmarl_ros.learning.aggregation import aggregate
from altmarl_ros.learning.backups import GLearnOptions, check_memory
from altmarl_ros.learning.certificate import NashGap
from altmarl_ros.learning.equilibrium import nash_gap
from altmarl_ros.learning.global_agent import GlobalSolution, g_learn, lift
from altmarl_ros.learning.local_agent import l_learn, pooled
from altmarl_ros.learning.population import Rollouts, effective_horizon, simulate, start_fleets
from altmarl_ros.learning.training_state import StateKeeper, Step, TrainingState
from altmarl_ros.observation import DEFAULT_MODEL, Fresh, make_filter
from altmarl_ros.policies import Ladder, LocalPolicy, PolicyBundle
from altmarl_ros.policies.counts import number_of_counts

LEARNABLE = ("filtered", "fresh")
"""Observation models for which a pair can be learned; a pair for `fresh` also serves `sticky`."""


@dataclass(frozen=True)
class TrainingOptions:
    """Options of ALTERNATING-MARL.

    Attributes:
        K: the highest number of reports per tick for which the ladder has a rung.
        rounds: greatest number of rounds.
        n: number of robots in the evaluations.
        runs: episodes per evaluation; None takes 400, or 100 if robots are simulated one by one.
        horizon: ticks per episode; None takes `effective_horizon`.
        temperature: temperature of the local policy [reward units]; 0 makes it greedy.
        learn_for: the observation model, one of LEARNABLE, through which the coordinator plays in the rounds. It matters,
            since robots respond to the coordinator's behaviour: with `fresh`, the paper's rule, decisions flip with the
            sampling noise.
        confidence: number of standard errors by which a step must improve the value to be kept.
        seed: seed of all random numbers.
        certificate_runs: episodes that choose deviations for the final pair's NashGap, and as many that measure them;
            0 leaves the NashGap out, None takes 100, or 20 if robots are simulated one by one.
        g_learn: options of G-LEARN.
    """

    K: int = 25
    rounds: int = 10
    n: int = 1000
    runs: int | None = None
    horizon: int | None = None
    temperature: float = 0.0
    learn_for: str = DEFAULT_MODEL
    confidence: float = 2.0
    seed: int = 0
    certificate_runs: int | None = None
    g_learn: GLearnOptions = field(default_factory=GLearnOptions)

    def __post_init__(self) -> None:
        for name, least in (("K", 0), ("rounds", 1), ("n", 1), ("runs", 2), ("horizon", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise AltmarlError(f"{name} is {value}, must be at least {least}")
        if self.certificate_runs is not None and (self.certificate_runs < 0 or self.certificate_runs == 1):
            raise AltmarlError(f"certificate_runs is {self.certificate_runs}, must be 0 or at least 2")
        if self.learn_for not in LEARNABLE:
            raise AltmarlError(f"a pair cannot be learned for model {self.learn_for!r}, but for {' or '.join(LEARNABLE)}")
        for name in ("temperature", "confidence"):
            if not getattr(self, name) >= 0:
                raise AltmarlError(f"{name} is {getattr(self, name)}, must not be negative")

    @property
    def top(self) -> int:
        """The number of reports per tick in the rounds."""
        return min(self.K, self.n)


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    Attributes:
        stage: `rounds` after a step, `ladder` after a rung of the final ladder.
        done: rounds begun, or rungs done.
        total: rounds or rungs in all.
        step: the step that was done, in stage `rounds`.
        pair: the pair held after that step.
    """

    stage: str
    done: int
    total: int
    step: Step | None = None
    pair: tuple[Ladder, LocalPolicy] | None = None


def train(
    game: TabularGame,
    options: TrainingOptions = TrainingOptions(),
    on_progress: Callable[[Progress], None] | None = None,
    state_path: Path | None = None,
    first: LocalPolicy | None = None,
) -> PolicyBundle:
    """Learn a policy bundle.

    Args:
        game: the game to learn.
        options: what to compute.
        on_progress: called after every step and rung; an exception that it raises cancels the training.
        state_path: if given, the state is saved there after every round and now and then between rungs. An interrupted
            training of the same game and options continues from it; the file is removed at the end.
        first: the robots' policy that the first best response answers; uniform by default.

    Raises:
        ResourceError: the top rung does not fit the memory limit.
        AltmarlError: the state cannot be written.
    """
    check_memory(game, options.K, options.g_learn)
    tell = on_progress or (lambda progress: None)
    keeper = StateKeeper(game, options, state_path)
    state = keeper.state
    if first is not None and state.pi_g is None:
        state.pi_l = first
    comparison = _Comparison(game, options)
    held = None if state.pi_g is None else comparison.play(*_held_pair(game, options, state))
    while not state.settled:
        held = _round(comparison, state, held, tell)
        keeper.keep()

    def on_rung(k: int, solution: GlobalSolution) -> None:
        state.rungs.append(solution.policy)
        state.rung_V = solution.V
        keeper.keep_now_and_then()
        tell(Progress("ladder", k + 1, options.K + 1))

    assert held is not None
    assert state.pi_g is not None
    counted, alone = aggregate(game, state.pi_l, held.occupancy)
    rungs = learn_ladder(counted, alone, options, on_rung=on_rung, solved=tuple(state.rungs), V=state.rung_V).rungs
    if options.top == options.K:  # the pair that UPDATE kept, which may differ from a new best response
        rungs = (*rungs[:-1], state.pi_g)
    assert state.rung_V is not None
    ladder = Ladder(rungs, game.n_local_states, game.n_global_actions, game.groups, state.rung_V.astype(np.float32))
    gap, runs = None, options.certificate_runs
    if runs is None:
        runs = 100 if game.continuous is None else 20
    if runs:
        gap = nash_gap(
            game,
            ladder,
            state.pi_l,
            k=options.K,
            n=options.n,
            runs=runs,
            seed=options.seed,
            method="sampled",
            relearn=None,  # the top rung is G-LEARN's answer to this pi_l already
            model=options.learn_for,
        )
    report = _report(options, state, held, gap)
    keeper.forget()
    return PolicyBundle(
        ladder=ladder,
        pi_l=LocalPolicy(state.pi_l.probabilities, l_learn(game, held.occupancy).Q),
        game=game.name,
        game_hash=game.content_hash,
        gamma=game.gamma,
        seed=options.seed,
        report=report,
        dynamics_hash=game.dynamics_hash,
        r_g=game.r_g,
    )


def learn_ladder(
    game: TabularGame,
    pi_l: LocalPolicy,
    options: TrainingOptions,
    *,
    on_rung: Callable[[int, GlobalSolution], None] | None = None,
    solved: tuple[NDArray[np.uint16], ...] = (),
    V: FloatArray | None = None,
) -> Ladder:
    """Solve the rungs k' = 0..K against pi_l; each starts from the values of the rung below.

    Args:
        game: the game, aggregated if it has groups.
        pi_l: the robots' policy.
        options: K and the options of G-LEARN.
        on_rung: called after every rung with its k' and solution.
        solved: the rungs from 0 on that are solved already.
        V: values of the last of these [rank of c, s_g].
    """
    rungs = list(solved)
    for k in range(len(rungs), options.K + 1):
        solution = g_learn(game, pi_l, k, options.g_learn, V=None if V is None else lift(V, k, game.n_local_states))
        V = solution.V
        rungs.append(solution.policy)
        if on_rung:
            on_rung(k, solution)
    return Ladder(tuple(rungs), game.n_local_states, game.n_global_actions)


def _round(comparison: _Comparison, state: TrainingState, held: Rollouts | None, tell: Callable[[Progress], None]) -> Rollouts:
    """Try a best response of each side, write what is kept into the state, and return the rollouts of the pair then held."""
    game, options = comparison.game, comparison.options
    kept_any = False
    for learner in ("global", "local"):
        began = time.monotonic()
        pi_g, pi_l = state.pi_g, state.pi_l
        if learner == "global":
            counted, alone = aggregate(game, pi_l, None if held is None else held.occupancy)
            solution = g_learn(counted, alone, options.top, options.g_learn, V=state.V)
            state.V, state.backup, pi_g = solution.V, (solution.backup, solution.reason), solution.policy
            responses = [pi_l]
        else:
            assert held is not None
            seen = (held.occupancy, pooled(held.occupancy))
            responses = [l_learn(game, occupancy, options.temperature).pi_l for occupancy in seen]
        assert pi_g is not None
        ladder = _top_rung(game, options.top, pi_g)
        pi_l = max(responses, key=lambda response: comparison.play(ladder, response).value)
        played = comparison.play(ladder, pi_l)
        gain, gain_error = comparison.gain(played, held)
        kept = gain > options.confidence * gain_error
        if kept:
            state.pi_g, state.pi_l, held = pi_g, pi_l, played
        kept_any |= kept
        state.steps.append(
            Step(
                round=state.rounds,
                learner=learner,
                value=played.value,
                standard_error=played.standard_error,
                gain=gain if np.isfinite(gain) else 0.0,
                gain_error=gain_error,
                kept=kept,
                seconds=time.monotonic() - began,
            )
        )
        tell(Progress("rounds", state.rounds + 1, options.rounds, state.steps[-1], _held_pair(game, options, state)))
    state.rounds += 1
    state.settled = not kept_any or state.rounds == options.rounds
    assert held is not None
    return held


def _held_pair(game: TabularGame, options: TrainingOptions, state: TrainingState) -> tuple[Ladder, LocalPolicy]:
    assert state.pi_g is not None
    return _top_rung(game, options.top, state.pi_g), state.pi_l


class _Comparison:
    """Plays every pair from the same starts with the same random numbers, and each pair once."""

    def __init__(self, game: TabularGame, options: TrainingOptions) -> None:
        self.game, self.options = game, options
        self._horizon = options.horizon or effective_horizon(game.gamma)
        runs = options.runs or (400 if game.continuous is None else 100)
        self._start = start_fleets(game, options.n, runs, np.random.default_rng([options.seed, 0]))
        self._played: dict[int, Rollouts] = {}

    def play(self, ladder: Ladder, pi_l: LocalPolicy) -> Rollouts:
        key = hash((ladder.rungs[-1].tobytes(), pi_l.probabilities.tobytes()))
        if key not in self._played:
            model = Fresh(ladder) if self.options.learn_for == "fresh" else make_filter(self.game, pi_l, ladder)
            rng = np.random.default_rng([self.options.seed, 1])
            self._played[key] = simulate(
                self.game, pi_l, model, k=self.options.K, start=self._start, horizon=self._horizon, rng=rng
            )
        return self._played[key]

    def gain(self, candidate: Rollouts, held: Rollouts | None) -> tuple[float, float]:
        if held is None:
            return float("inf"), 0.0
        difference = candidate.returns - held.returns
        return float(difference.mean()), float(difference.std(ddof=1) / np.sqrt(len(difference)))


def _top_rung(game: TabularGame, K: int, policy: NDArray[np.uint16]) -> Ladder:
    # In these evaluations all reports come in at every tick, so the lower rungs are never used.
    lower = [np.zeros((game.n_global_states, number_of_counts(k, game.n_groups)), np.uint16) for k in range(K)]
    return Ladder((*lower, policy), game.n_local_states, game.n_global_actions, game.groups)


def _report(options: TrainingOptions, state: TrainingState, held: Rollouts, gap: NashGap | None) -> dict[str, Any]:
    name, reason = state.backup
    return {
        "options": asdict(options),
        "steps": [asdict(step) for step in state.steps],
        "backup": name,
        "backup_reason": reason,
        "value": held.value,
        "standard_error": held.standard_error,
        "nash_gap": gap.as_json() if gap else None,
        "seconds": round(state.elapsed(), 3),
    }
