"""Runs ALTERNATING-MARL (arXiv 2603.03759, algorithm 1): best responses in turn, until none improves the team's value.

    repeat   G-LEARN: pi_g' against pi_l;   UPDATE
             L-LEARN: pi_l' against pi_g;   UPDATE
    until neither step is kept

A step may have several candidate responses (`_candidates`), of which the one of the highest value is taken. UPDATE keeps it
only if the team's value rises by more than the uncertainty of the comparison: both pairs play the same starts with the same
seeds, and the mean paired difference must exceed `confidence` of its standard errors. How the coordinator responds, and what
becomes of its policy at the end, is the GlobalLearner's. After the rounds other responses and starts are tried for some seconds
(module closing), and what is reported is measured in episodes by which nothing was chosen.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Callable

from altmarl_ros.games import TabularGame
from altmarl_ros.learning.closing import Closing
from altmarl_ros.learning.comparison import MEASURED, PairComparison
from altmarl_ros.learning.gaps.certificate import NashGap
from altmarl_ros.learning.gaps.equilibrium import nash_gap
from altmarl_ros.learning.global_learners import GlobalLearner, Pair, learn_ladder, make_learner
from altmarl_ros.learning.local_responses import local_responses, local_values, room_solution, views
from altmarl_ros.learning.long_run import play_on
from altmarl_ros.learning.populations.population import Rollouts, simulations_at_once
from altmarl_ros.learning.response_search import Gain
from altmarl_ros.learning.room.report import RoomReport
from altmarl_ros.learning.training_options import (
    LEARNABLE,
    TrainingOptions,
    check_options,
    default_certificate_runs,
    default_search,
)
from altmarl_ros.learning.training_state import StateKeeper, Step, TrainingState
from altmarl_ros.learning.verdict import Verdict, judge
from altmarl_ros.policies import LocalPolicy, PolicyBundle
from altmarl_ros.policies.shares import SharesPolicy
from altmarl_ros.workers import side_by_side

__all__ = ["LEARNABLE", "Progress", "TrainingOptions", "learn_ladder", "train"]


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    Attributes:
        stage: `rounds` after a step, `ladder` after a rung of the final ladder, where the policy is one.
        done: rounds begun, or rungs done.
        total: rounds or rungs in all.
        step: the step that was done, in stage `rounds`.
        pair: the pair held after that step.
    """

    stage: str
    done: int
    total: int
    step: Step | None = None
    pair: Pair | None = None


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
        ResourceError: the coordinator's policy does not fit the memory limit.
        AltmarlError: the state cannot be written.
    """
    check_options(game, options)
    tell = on_progress or (lambda progress: None)
    keeper = StateKeeper(game, options, state_path)
    state = keeper.state
    if first is not None and state.pi_g is None:
        state.pi_l = first
    training = _Training(game, options, make_learner(game, options), PairComparison(game, options))
    while not state.settled:
        training.round(state, tell)
        keeper.keep()
    search = training.search(state)
    visits = training.comparison.visits(training.pair(state))

    def on_rung(k: int) -> None:
        keeper.keep_now_and_then()
        tell(Progress("ladder", k + 1, options.K + 1))

    pi_g = training.learner.finished(state, visits, on_rung)
    held = training.pair(state)

    def certify() -> tuple[NashGap | None, Verdict | None]:
        runs = default_certificate_runs(game) if options.certificate_runs is None else options.certificate_runs
        if not runs:
            return None, None
        gap = nash_gap(
            game,
            pi_g,
            held.pi_l,
            k=options.K,
            n=options.n,
            runs=runs,
            seed=options.seed,
            method="auto",
            relearn=options.g_learn if search and not search["closed"] else None,  # else G-LEARN has answered this pi_l already
            model=options.learn_for,
        )
        return gap, judge(game, Pair(pi_g, held.pi_l), options, gap)

    def measure() -> Rollouts:
        return training.comparison.play(held, MEASURED)

    works: tuple[Callable[[], Any], ...] = (certify, measure)  # both know the pair alone
    (gap, verdict), measured = side_by_side(lambda work: work(), works, simulations_at_once(game))
    report = {**_report(options, state, measured, gap, verdict), "search": search, **training.in_the_long_run(state)}
    keeper.forget()
    return PolicyBundle(
        pi_g=pi_g,
        pi_l=LocalPolicy(state.pi_l.probabilities, local_values(game, visits, options.n)),
        game=game.name,
        game_hash=game.content_hash,
        gamma=game.gamma,
        seed=options.seed,
        report=report,
        dynamics_hash=game.dynamics_hash,
        r_g=None if isinstance(pi_g, SharesPolicy) else game.r_g,
    )


@dataclass(frozen=True)
class _Training:
    """What the rounds of one training use."""

    game: TabularGame
    options: TrainingOptions
    learner: GlobalLearner
    comparison: PairComparison

    def round(self, state: TrainingState, tell: Callable[[Progress], None]) -> None:
        """Try a response of each side, and write what is kept into the state."""
        kept_any = False
        for side in ("global", "local"):
            began = time.monotonic()
            candidates = self._candidates(side, state)
            pair = max(candidates, key=self._score) if len(candidates) > 1 else candidates[0]
            gain = Gain(0.0) if state.pi_g is None else self.comparison.gain(pair, self.pair(state))
            kept = state.pi_g is None or gain.certain(self.options.confidence)
            if kept:
                state.pi_g, state.pi_l = pair.pi_g, pair.pi_l
            played = self.comparison.play(pair)
            kept_any |= kept
            state.steps.append(
                Step(
                    round=state.rounds,
                    learner=side,
                    value=played.value,
                    standard_error=played.standard_error,
                    gain=gain.mean,
                    gain_error=gain.error,
                    kept=kept,
                    seconds=time.monotonic() - began,
                )
            )
            assert state.pi_g is not None
            tell(Progress("rounds", state.rounds + 1, self.options.rounds, state.steps[-1], Pair(state.pi_g, state.pi_l)))
        state.rounds += 1
        state.settled = not kept_any or state.rounds == self.options.rounds

    def _score(self, pair: Pair) -> float:
        return float(self.comparison.scores(self.comparison.play(pair)).mean())

    def pair(self, state: TrainingState) -> Pair:
        """The pair that is held."""
        assert state.pi_g is not None
        return Pair(state.pi_g, state.pi_l)

    def search(self, state: TrainingState) -> dict[str, Any] | None:
        """Search for responses that the rounds did not try, write the best pair into the state, and say what was done."""
        game, options = self.game, self.options
        seconds = default_search(game, options) if options.search_seconds is None else options.search_seconds
        if not seconds:
            return None
        began, held = time.monotonic(), self.pair(state)
        rounds: dict[int, float] = {}
        for step in state.steps:
            rounds[step.round] = rounds.get(step.round, 0.0) + step.seconds
        found = Closing(game, options, self.learner, self.comparison).run(held, seconds, min(rounds.values()))
        state.pi_g, state.pi_l = found.pair
        return {
            "closed": found.closed,
            "starts": found.starts,
            "tried": found.tried,
            "kept": found.kept,
            "gain": self.comparison.gain(found.pair, held).mean,
            "seconds": round(time.monotonic() - began, 3),
        }

    def in_the_long_run(self, state: TrainingState) -> dict[str, Any]:
        """Say what the held pair does once the start is forgotten, and what room is worth where it is limited."""
        game, n = self.game, self.options.n
        played = play_on(game, self.pair(state), self.comparison)
        if played is None:
            return {"long_run": None, "room": None}
        done, visits = played
        if game.room is None:
            return {"long_run": done.as_json(), "room": None}
        report = RoomReport.of(game.room, room_solution(game, visits, n), done, n)
        return {"long_run": done.as_json(), "room": report.as_json()}

    def _candidates(self, side: str, state: TrainingState) -> list[Pair]:
        """Pairs that a step tries: responses of the coordinator (`global`) or the robots (`local`) to the pair that is held."""
        if state.pi_g is None:
            return self.learner.responses(state, None)
        visits = self.comparison.visits(self.pair(state))
        if side == "global":
            return self.learner.responses(state, visits)
        game, options = self.game, self.options
        robots = [
            pi_l
            for occupancy in views(game, visits)
            for pi_l in local_responses(game, state.pi_l, occupancy, n=options.n, temperature=options.temperature)
        ]
        different = {pi_l.probabilities.tobytes(): pi_l for pi_l in robots}
        return [self.learner.against(state.pi_g, pi_l) for pi_l in different.values()]


def _report(
    options: TrainingOptions, state: TrainingState, held: Rollouts, gap: NashGap | None, verdict: Verdict | None
) -> dict[str, Any]:
    name, reason = state.method
    return {
        "options": asdict(options),
        "steps": [asdict(step) for step in state.steps],
        "g_learn": name,
        "g_learn_reason": reason,
        "value": held.value,
        "standard_error": held.standard_error,
        "nash_gap": gap.as_json() if gap else None,
        "verdict": verdict.as_json() if verdict else None,
        "seconds": round(state.elapsed(), 3),
    }
