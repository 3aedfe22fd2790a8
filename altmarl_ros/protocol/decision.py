"""How a coordinator decides: the same code makes the decisions of a running fleet, of a replay and of a shadow policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.observation import Filtered, ObservationModel, SwitchingFilter, make_model, models_for, numbers_in
from altmarl_ros.policies import PolicyBundle
from altmarl_ros.policies.lookahead import Lookahead, has_values
from altmarl_ros.protocol.messages import Tick
from altmarl_ros.protocol.settings import DecisionSettings
from altmarl_ros.protocol.standby import Handover


@dataclass(frozen=True, eq=False)
class Decision:
    """The outcome of one tick.

    Attributes:
        tick: the broadcast that was answered, with all robots that were polled.
        k: number of reports wanted.
        k_eff: number of reports that the bandwidth limit allowed, at most k.
        asked: number of robots polled by the first broadcast.
        heard: number of accepted reports.
        rung: number of reports for which the deciding policy was learned; that of this tick if it serves every number.
        action: a_g(t).
        estimate: estimated share of robots per local state [S_l].
        sampling_error: largest standard deviation of an estimated share.
        belief: probability of each hidden state [D]; empty in a game without one.
        reward: team reward of the tick under the estimate and pi_l.
        suspended: robots that left the draw because of this tick.
        answers: local state reported by each robot that was heard, in the order in which they came.
        returned: local states of the robots that an operator gave back since the tick before.
        evidence: weights by which others' knowledge of the hidden state counted [D]; empty: nothing was told.
    """

    tick: Tick
    k: int
    k_eff: int
    asked: int
    heard: int
    rung: int
    action: int
    estimate: NDArray[np.float64]
    sampling_error: float
    belief: tuple[float, ...]
    reward: float
    suspended: tuple[int, ...]
    answers: Mapping[int, int]
    returned: tuple[int, ...] = ()
    evidence: tuple[float, ...] = ()

    @property
    def backfilled(self) -> int:
        """Number of robots asked in place of silent ones."""
        return len(self.tick.polled) - self.asked


class DecisionMaker:
    """Makes the decisions of one session after another; its settings and policies may change between two ticks.

    Attributes:
        model: the observation model, for one fleet.
    """

    def __init__(self, game: TabularGame, bundle: PolicyBundle, settings: DecisionSettings = DecisionSettings()) -> None:
        """Make the observation model that the settings name.

        Raises:
            AltmarlError: the model is unknown, the turnover is out of range, or the temperature asks for values that the
                bundle lacks.
        """
        self._game, self._bundle, self._settings = game, bundle, settings
        self.model: ObservationModel = make_model(settings.model, game, bundle, settings.turnover)
        self._lookahead = Lookahead(game, bundle) if settings.temperature > 0.0 else None
        self._decided_in: int | None = None  # s_g of the last decision

    @property
    def settings(self) -> DecisionSettings:
        """The settings in force."""
        return self._settings

    @property
    def bundle(self) -> PolicyBundle:
        """The policies in force."""
        return self._bundle

    def resume(self, known: Handover) -> None:
        """Begin a session from another coordinator's last estimate; without one, or with one that is invalid, afresh."""
        self.model.reset(1)
        self._decided_in = None
        shares, error, s_g = np.array(known.estimate, dtype=np.float64), known.sampling_error, known.estimated_in
        game = self._game
        if s_g is None or s_g >= game.n_global_states or shares.shape != (game.n_local_states,):
            return
        if (shares >= 0).all() and abs(shares.sum() - 1.0) < 1e-3 and 0 <= error < np.inf:
            estimate = shares[None] / shares.sum(), np.array([error]), np.array([s_g])
            if isinstance(self.model, SwitchingFilter):
                self.model.resume(*estimate, belief=_valid_belief(known.belief, game.n_hidden_states))
            else:
                self.model.resume(*estimate)
            self._decided_in = s_g

    def adopt(self, bundle: PolicyBundle) -> None:
        """Decide by these policies from now on; what is known of the robots stays."""
        self._lookahead = Lookahead(self._game, bundle) if self._settings.temperature > 0.0 else None
        self._bundle = bundle
        self.model.adopt(self._game, bundle.pi_l, bundle.pi_g)

    def follow(self, settings: DecisionSettings) -> None:
        """Decide by these settings from now on; another observation model goes on from the estimate of the one before."""
        before, self._settings = self._settings, settings
        if settings == before:
            return
        self._lookahead = Lookahead(self._game, self._bundle) if settings.temperature > 0.0 else None
        if (settings.model, settings.turnover) == (before.model, before.turnover):
            return
        known = Handover()
        if self._decided_in is not None:
            shares = tuple(self.model.estimate[0].tolist())
            error, belief = float(self.model.error[0]), tuple(self.belief.tolist())
            known = Handover(None, None, self._decided_in, shares, error, belief)
        self.model = make_model(settings.model, self._game, self._bundle, settings.turnover)
        self.resume(known)

    def decide(
        self,
        session: int,
        tick: int,
        global_state: int,
        local_states: Collection[int],
        live: int,
        *,
        by_type: NDArray[np.int64] | None = None,
        returned: Collection[int] = (),
        evidence: Sequence[float] = (),
    ) -> int:
        """The global action a_g of one tick.

        Args:
            session: session of the tick; with `tick` it seeds the draw by temperature.
            tick: number of the tick in its session.
            global_state: s_g of the tick.
            local_states: local state in each accepted report.
            live: number of robots in the draw.
            by_type: of these, the number of each type [T], in a game with types; None: as the game's shares have it.
            returned: local states of the robots that came back into the draw since the last tick.
            evidence: weights of the hidden states that others tell [D]; empty: none.
        """
        s_g = np.array([global_state])
        team = max(live, len(local_states), len(returned))
        if by_type is not None and isinstance(self.model, (Filtered, SwitchingFilter)):
            self.model.count(by_type)
            team = live
        if returned:
            self.model.admit(self._counts(returned))
        if evidence and isinstance(self.model, SwitchingFilter):
            self.model.inform(np.array([evidence], dtype=np.float64))
        best = int(self.model.decide(s_g, self._counts(local_states), team)[0])
        self._decided_in = global_state
        if self._lookahead is None:
            return best
        chance = np.random.default_rng([self._settings.seed, session, tick]).random()  # a replay draws the same
        return self._lookahead.draw(global_state, self.joint, best, self._settings.temperature, chance)

    def _counts(self, local_states: Collection[int]) -> NDArray[np.int64]:
        states = np.array(list(local_states), dtype=np.int64)
        return np.bincount(states, minlength=self._game.n_local_states)[None].astype(np.int64)

    @property
    def belief(self) -> FloatArray:
        """The probability of each hidden state [D]; empty in a game without one."""
        return np.asarray(self.model.belief[0]) if isinstance(self.model, SwitchingFilter) else np.empty(0)

    @property
    def joint(self) -> FloatArray:
        """The estimated shares [S_l]; with a hidden state those of (d, s_l) [d * S_l + s_l]."""
        return np.asarray(self.model.joint[0] if isinstance(self.model, SwitchingFilter) else self.model.estimate[0])


def recorded_types(game: TabularGame, estimate: Sequence[float], live: int) -> NDArray[np.int64] | None:
    """The number of robots of each type [T] for which a recorded decision was made; None in a game without types."""
    if game.types is None or len(estimate) != game.n_local_states:
        return None
    return numbers_in(estimate, live, game.types)


def _valid_belief(given: tuple[float, ...], D: int) -> FloatArray | None:
    """The belief of another coordinator [1, D]; None where it is none."""
    belief = np.array(given, dtype=np.float64)
    if belief.shape != (D,) or not ((belief >= 0).all() and abs(belief.sum() - 1.0) < 1e-3):
        return None
    return np.asarray(belief[None] / belief.sum())


def compile_models(game: TabularGame, bundle: PolicyBundle) -> None:
    """Let each observation model that the game allows decide twice, so that none is compiled in the middle of a tick."""
    temperature = 1.0 if has_values(bundle) else 0.0
    for name in models_for(game):
        decision_maker = DecisionMaker(game, bundle, DecisionSettings(name, temperature=temperature))
        for tick in range(2):
            decision_maker.decide(0, tick, 0, (0,), 1)
