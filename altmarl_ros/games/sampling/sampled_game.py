"""A game whose tables were sampled, with the counts behind them, their errors, and what was hardly visited."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Iterator

import numpy as np

from altmarl_ros.arrays import FloatArray, IntArray
from altmarl_ros.games.hidden import HiddenState
from altmarl_ros.games.sampling.labels import Labels
from altmarl_ros.games.sampling.tally import Tally
from altmarl_ros.games.start import Start
from altmarl_ros.games.tabular import TabularGame

FEW = 30
"""Samples below which a row counts as hardly visited: the error of a probability near 1/2 is then above 0.09."""

_LISTED = 10  # rows that are written out


@dataclass(frozen=True, eq=False)
class SampledGame:
    """A game that was made from samples; a combination that was never seen leaves the state as it is and earns nothing.

    Attributes:
        game: the game.
        tally: counts of transitions, and sums of rewards.
        labels: what the simulator calls states and actions.
    """

    game: TabularGame
    tally: Tally
    labels: Labels

    @classmethod
    def of(cls, name: str, tally: Tally, labels: Labels, gamma: float, start: Start | None) -> SampledGame:
        """Make the tables: shares of the counts, and means of the rewards."""
        P_g = _shares(tally.global_moves, axis=0)
        P_l = _shares(tally.local_moves, axis=1)  # [d, s_l, s_g, a_l, s_l']
        names: dict[str, Any] = {
            "local_state_names": _names(labels.local_states),
            "global_action_names": _names(labels.global_actions),
            "local_action_names": _names(labels.local_actions),
        }
        if labels.hidden_states:
            P_d = _shares(tally.hidden_moves, axis=0)
            hidden = HiddenState(P_d, P_l, tally.r_l.mean, names=_names(labels.hidden_states))
            game = TabularGame(name, P_g, r_g=tally.r_g.mean, gamma=gamma, start=start, hidden=hidden, **names)
        else:
            game = TabularGame(name, P_g, P_l[0], tally.r_g.mean, tally.r_l.mean[0], gamma=gamma, start=start, **names)
        return cls(game, tally, labels)

    @cached_property
    def global_samples(self) -> IntArray:
        """How often each row of P_g was seen [s_g, a_g]."""
        return np.asarray(self.tally.global_moves.sum(axis=-1))

    @cached_property
    def local_samples(self) -> IntArray:
        """How often each row of P_l was seen [d, s_l, s_g, a_l]; one d without a hidden state."""
        return np.asarray(self.tally.local_moves.sum(axis=-1))

    @property
    def global_error(self) -> FloatArray:
        """Standard errors of P_g [s_g, a_g, s_g']; not a number where nothing was seen."""
        return _errors(self.tally.global_moves)

    @property
    def local_error(self) -> FloatArray:
        """Standard errors of P_l [d, s_l, s_g, a_l, s_l']; not a number where nothing was seen."""
        return _errors(self.tally.local_moves)

    def hardly_visited(self, fewer_than: int = FEW) -> list[str]:
        """List the rows that were seen less often than that, the rarest first, in words."""
        rows = sorted(self._rows(fewer_than))
        return [f"{what}: {'never seen' if n == 0 else f'seen {n} times'}" for n, what in rows]

    def _rows(self, fewer_than: int) -> Iterator[tuple[int, str]]:
        labels = self.labels
        for s_g, a_g in np.argwhere(self.global_samples < fewer_than).tolist():
            where = f"coordinator at {labels.global_states[s_g]!s}, {labels.global_actions[a_g]!s}"
            yield int(self.global_samples[s_g, a_g]), where
        for d, s_l, s_g, a_l in np.argwhere(self.local_samples < fewer_than).tolist():
            hidden = f", hidden {labels.hidden_states[d]!s}" if labels.hidden_states else ""
            where = f"robot at {labels.local_states[s_l]!s}, {labels.local_actions[a_l]!s}"
            yield int(self.local_samples[d, s_l, s_g, a_l]), f"{where}; coordinator at {labels.global_states[s_g]!s}{hidden}"

    def __str__(self) -> str:
        S_g, A_g, S_l, A_l, D = self.labels.sizes
        lines = [
            f"{self.game.name}: {S_g} global and {S_l} local states"
            + (f", {D} hidden" if D > 1 else "")
            + f", {A_g} global and "
            f"{A_l} local actions, from {int(self.global_samples.sum()):,} ticks",
            f"P_g: {_summary(self.global_samples, self.global_error)}; r_g to {_largest(self.tally.r_g.error)}",
            f"P_l: {_summary(self.local_samples, self.local_error)}; r_l to {_largest(self.tally.r_l.error)}",
        ]
        rare = self.hardly_visited()
        lines.append(f"seen less than {FEW} times: {f'{len(rare):,} rows' if rare else 'nothing'}")
        more = [f"  and {len(rare) - _LISTED:,} more"] if len(rare) > _LISTED else []
        return "\n".join([*lines, *(f"  {line}" for line in rare[:_LISTED]), *more])


def _shares(counts: IntArray, axis: int) -> FloatArray:
    """Probabilities from counts [.., next]; a row without any stays at the state that `axis` numbers."""
    total = counts.sum(axis=-1, keepdims=True)
    stay = np.eye(counts.shape[-1]).reshape(
        [counts.shape[-1] if i in (axis, counts.ndim - 1) else 1 for i in range(counts.ndim)]
    )
    return np.asarray(np.where(total > 0, counts / np.maximum(total, 1), stay))


def _errors(counts: IntArray) -> FloatArray:
    total = counts.sum(axis=-1, keepdims=True)
    p = counts / np.maximum(total, 1)
    return np.asarray(np.where(total > 0, np.sqrt(p * (1.0 - p) / np.maximum(total, 1)), np.nan))


def _summary(samples: IntArray, errors: FloatArray) -> str:
    return f"rows seen {samples.min():,} to {samples.max():,} times, probabilities to {_largest(errors)}"


def _largest(errors: FloatArray) -> str:
    known = errors[~np.isnan(errors)]
    return f"± {known.max():.3g} at worst" if known.size else "an unknown error"


def _names(labels: tuple[object, ...]) -> tuple[str, ...]:
    return tuple(str(label) for label in labels)
