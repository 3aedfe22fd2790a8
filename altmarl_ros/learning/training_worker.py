"""The process of a TrainingJob: reads a request on standard input, trains, compares, and reports on standard output."""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from altmarl_ros.errors import AltmarlError
from altmarl_ros.learning.training_job import TrainingRequest

if TYPE_CHECKING:
    from altmarl_ros.games import TabularGame
    from altmarl_ros.learning.alternating import Progress, TrainingOptions

_ROUNDS = 0.5  # share of the rounds in the whole progress of a training that ends with a ladder


def main() -> int:
    """Run the process; the exit code is 0 if all was reported, and 1 if the work cannot be done."""
    request = TrainingRequest(**json.loads(sys.stdin.readline()))
    os.nice(request.nice)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # other output goes to standard error, so that it is not taken for a report
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _work(request, answers)
    except AltmarlError as error:
        _say(answers, "failed", str(error))
        return 1
    return 0


def _work(request: TrainingRequest, answers: IO[str]) -> None:
    # Imported here, since loading the solver's libraries takes a second, which must be spent at this process's low priority.
    from altmarl_ros.games.rewards import Rewards
    from altmarl_ros.learning.alternating import TrainingOptions, train
    from altmarl_ros.learning.counts.backups import GLearnOptions
    from altmarl_ros.learning.paired import paired_score
    from altmarl_ros.learning.shares.solver import SharesOptions
    from altmarl_ros.policies import load_bundle, save_bundle

    game = Rewards(**request.rewards).of(request.game)
    given = dict(request.options)
    parts = {"g_learn": GLearnOptions(**given.get("g_learn", {})), "shares": SharesOptions(**given.get("shares", {}))}
    options = TrainingOptions(**{**given, **parts})
    present = load_bundle(request.present, game, same_rewards=False)
    _say(answers, "progress", {"fraction": 0.0, "message": "the first best response of the coordinator"})
    bundle = train(game, options, _Teller(answers, game, options), first=present.pi_l if request.from_present else None)
    bundle = replace(bundle, report={**bundle.report, "rewards": dict(request.rewards)})
    save_bundle(bundle, Path(request.out))
    trained = {"policy_id": bundle.policy_id, "value": bundle.report["value"], "seconds": bundle.report["seconds"]}
    _say(answers, "trained", trained)
    score = paired_score(
        game,
        present,
        bundle,
        n=request.n,
        k=request.k,
        model=request.model,
        turnover=request.turnover,
        runs=request.runs,
        seed=options.seed + 1,
    )
    _say(answers, "scored", {name: [value["mean"], value["half_width"]] for name, value in asdict(score).items()})


class _Teller:
    """Reports how far a training is."""

    def __init__(self, answers: IO[str], game: TabularGame, options: TrainingOptions) -> None:
        from altmarl_ros.learning.training_options import learns_ladder
        from altmarl_ros.policies.counts import number_of_counts

        self._answers, self._furthest = answers, 0.0
        self._work = [number_of_counts(k, game.n_groups) for k in range(options.K + 1)]  # count vectors of each rung
        self._rounds = _ROUNDS if learns_ladder(game, options) else 1.0

    def __call__(self, progress: Progress) -> None:
        if progress.step is not None:
            step = progress.step
            fraction = self._rounds * (progress.done - (0.5 if step.learner == "global" else 0.0)) / progress.total
            kept = "kept" if step.kept else "not kept"
            message = f"round {step.round + 1}, {step.learner}: {step.value:.2f} ± {1.96 * step.standard_error:.2f}, {kept}"
        else:
            fraction = _ROUNDS + (1.0 - _ROUNDS) * sum(self._work[: progress.done]) / sum(self._work)
            message = f"ladder, rung {progress.done - 1} of {progress.total - 1}"
        self._furthest = max(self._furthest, fraction)
        _say(self._answers, "progress", {"fraction": self._furthest, "message": message})


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


def _say(answers: IO[str], kind: str, values: Any) -> None:
    print(json.dumps({kind: values}), file=answers, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
