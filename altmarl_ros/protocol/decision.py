"""The start of a session and one decision, as a running coordinator makes it and a replay makes it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Collection, Mapping

import numpy as np

from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.observation import DEFAULT_MODEL, ObservationModel, make_model
from altmarl_ros.observation.catalogue import DEFAULT_TURNOVER
from altmarl_ros.policies import PolicyBundle
from altmarl_ros.policies.lookahead import Lookahead
from altmarl_ros.protocol.standby import Handover


@dataclass(frozen=True)
class Rule:
    """What else than policy and reports a decision depends on.

    Attributes:
        model: observation model.
        turnover: of `sticky`.
        temperature: of the global action [reward units]; 0: the best one.
        seed: of the draws by temperature, together with session and tick.
    """

    model: str = DEFAULT_MODEL
    turnover: float = DEFAULT_TURNOVER
    temperature: float = 0.0
    seed: int = 0

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Rule:
        """By a coordinator's parameters; what they lack, in old records, has its default."""
        given = {
            "model": "sampling.model",
            "turnover": "sampling.turnover",
            "temperature": "policy.temperature",
            "seed": "sampling.seed",
        }
        return cls(**{field: parameters[name] for field, name in given.items() if name in parameters})


class Decider:
    """Makes the decisions of one session after another, by a rule and policies that may change between two ticks."""

    def __init__(self, game: TabularGame, bundle: PolicyBundle, rule: Rule = Rule()) -> None:
        """Raises AltmarlError where the rule is none, or asks for values that the bundle lacks."""
        self._game, self._bundle, self._rule = game, bundle, rule
        self.model: ObservationModel = make_model(rule.model, game, bundle, rule.turnover)
        self._lookahead = Lookahead(game, bundle) if rule.temperature > 0.0 else None
        self._decided_in: int | None = None  # s_g of the last decision

    @property
    def rule(self) -> Rule:
        """By which it decides."""
        return self._rule

    @property
    def bundle(self) -> PolicyBundle:
        """By which it decides."""
        return self._bundle

    def resume(self, known: Handover) -> None:
        """Start from another coordinator's last estimate; afresh where none was heard, or one that is none."""
        self.model.reset(1)
        self._decided_in = None
        shares, error, s_g = np.array(known.estimate, dtype=np.float64), known.sampling_error, known.estimated_in
        game = self._game
        if s_g is None or s_g >= game.n_global_states or shares.shape != (game.n_local_states,):
            return
        if (shares >= 0).all() and abs(shares.sum() - 1.0) < 1e-3 and 0 <= error < np.inf:
            self.model.resume(shares[None] / shares.sum(), np.array([error]), np.array([s_g]))
            self._decided_in = s_g

    def adopt(self, bundle: PolicyBundle) -> None:
        """Decide by these policies from now on; what is known of the robots stays."""
        self._lookahead = Lookahead(self._game, bundle) if self._rule.temperature > 0.0 else None
        self._bundle = bundle
        self.model.adopt(self._game, bundle.pi_l, bundle.ladder)

    def follow(self, rule: Rule) -> None:
        """Decide by this rule from now on; another observation model goes on from the estimate of the one before."""
        self._lookahead = Lookahead(self._game, self._bundle) if rule.temperature > 0.0 else None
        before, self._rule = self._rule, rule
        if (rule.model, rule.turnover) == (before.model, before.turnover):
            return
        known = Handover()
        if self._decided_in is not None:
            shares = tuple(self.model.estimate[0].tolist())
            known = Handover(None, None, self._decided_in, shares, float(self.model.error[0]))
        self.model = make_model(rule.model, self._game, self._bundle, rule.turnover)
        self.resume(known)

    def decide(self, session: int, tick: int, global_state: int, local_states: Collection[int], live: int) -> int:
        """a_g for s_g, the reported local states, and a fleet of which `live` robots are in the draw."""
        counts = np.bincount(np.array(list(local_states), dtype=np.int64), minlength=self._game.n_local_states)
        s_g = np.array([global_state])
        best = int(self.model.decide(s_g, counts[None].astype(np.int64), max(live, len(local_states)))[0])
        self._decided_in = global_state
        if self._lookahead is None:
            return best
        chance = np.random.default_rng([self._rule.seed, session, tick]).random()  # a replay draws the same
        return self._lookahead.draw(global_state, self.model.estimate[0], best, self._rule.temperature, chance)


def compile_models(game: TabularGame, bundle: PolicyBundle, names: Collection[str]) -> None:
    """Make the observation models decide once and again, so that none is compiled in the middle of a tick."""
    for name in names:
        decider = Decider(game, bundle, Rule(name))
        for tick in range(2):
            decider.decide(0, tick, 0, (0,), 1)
