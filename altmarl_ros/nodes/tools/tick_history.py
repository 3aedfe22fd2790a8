"""Collects the newest ticks of a running fleet, as `TickView`s."""

from __future__ import annotations

from collections import deque

from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import TabularGame, load_game
from altmarl_ros.monitoring import TickView, true_reward, true_shares
from altmarl_ros.msg import CoordinatorStatus, FleetConfiguration, FleetTruth
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.protocol.messages import Verdict
from altmarl_ros.protocol.operated import on_roster
from altmarl_ros.records.rows import Configuration
from altmarl_ros.simulation.markov_world import Truth

_KEPT = 400  # ticks
_PERIODS = 8  # ticks from which the period is estimated where the coordinator does not say it


class TickHistory(GuardedNode):
    """Keeps the newest ticks.

    Subscriptions: <fleet_prefix>/status, truth, configuration.

    Attributes:
        heard: number of ticks heard so far.
    """

    def __init__(self, fleet_prefix: str = "/fleet") -> None:
        super().__init__("altmarl_top", start_parameter_services=False, enable_rosout=False)
        self.heard = 0
        self._status_topic = f"{fleet_prefix}/status"
        self._statuses: deque[CoordinatorStatus] = deque(maxlen=_KEPT)
        self._truths: dict[tuple[int, int], Truth] = {}
        self._configurations: dict[int, Configuration] = {}
        self._games: dict[str, TabularGame | None] = {}
        self.create_subscription(CoordinatorStatus, self._status_topic, self._on_status, qos.account_qos())
        self.create_subscription(FleetTruth, f"{fleet_prefix}/truth", self._on_truth, qos.account_qos())
        self.create_subscription(FleetConfiguration, f"{fleet_prefix}/configuration", self._on_configuration, qos.account_qos())

    def views(self, last: int) -> list[TickView]:
        """Return the last ticks, oldest first, with what is known of them by now."""
        return [self._view(status) for status in list(self._statuses)[-last:]]

    @property
    def has_truths(self) -> bool:
        """Whether the truth of any tick has come."""
        return bool(self._truths)

    def knows_truth(self) -> bool:
        """Tell whether the truth of the newest tick has come, or nobody publishes truths."""
        newest = self._statuses[-1] if self._statuses else None
        return newest is None or (newest.session, newest.tick) in self._truths or not self._truths

    def _on_status(self, message: CoordinatorStatus) -> None:
        self._statuses.append(message)
        self.heard += 1

    def _on_truth(self, message: FleetTruth) -> None:
        truth = conversions.truth_from_message(message)
        self._truths[truth.session, truth.tick] = truth
        while len(self._truths) > _KEPT:
            del self._truths[next(iter(self._truths))]

    def _on_configuration(self, message: FleetConfiguration) -> None:
        configuration = conversions.configuration_from_message(message)
        self._configurations[configuration.session] = configuration
        while len(self._configurations) > _KEPT:
            del self._configurations[next(iter(self._configurations))]

    def _view(self, status: CoordinatorStatus) -> TickView:
        configuration = self._configurations.get(status.session)
        parameters = configuration.parameters if configuration else {}
        game = self._game(configuration) if configuration else None
        truth = self._truths.get((status.session, status.tick))
        estimate = tuple(float(share) for share in status.estimate)
        if game is not None and not _fits(game, status):
            game = None
        S_l = len(estimate)
        if truth is not None and (max(truth.local_states, default=0) >= S_l or (truth.counts and len(truth.counts) % S_l)):
            truth = None
        operated = conversions.operated_by_robot(status)
        role = "" if "standby" not in parameters else "standby" if parameters["standby"] else "first"
        return TickView(
            session=status.session,
            tick=status.tick,
            policy_id=status.policy_id,
            next_policy_id=status.next_policy_id,
            role=role,
            coordinators=self.count_publishers(self._status_topic),
            paused=bool(parameters.get("paused", False)),
            game=configuration.game_name if configuration else "",
            zones=game.local_state_names if game else tuple(f"state {i}" for i in range(len(estimate))),
            model=str(parameters.get("sampling.model", "")),
            period=self._period(status, parameters.get("tick.period")),
            robots=status.robots,
            live=status.live,
            k=status.k,
            k_eff=status.k_eff,
            asked=status.asked,
            backfilled=status.backfilled,
            heard=status.heard,
            rung=status.rung,
            report_bytes=status.report_bytes,
            bandwidth_limit=status.bandwidth_limit,
            latency=status.latency,
            missed=status.missed_ticks,
            held=status.held_ticks,
            age_mean=status.age_mean,
            age_p95=status.age_p95,
            age_max=status.age_max,
            global_state=status.global_state,
            global_action=status.global_action,
            action=game.global_action_names[status.global_action] if game else str(status.global_action),
            zone=status.global_state if game and game.n_global_states == game.n_local_states else None,
            next_zone=status.global_action if game and game.n_global_actions == game.n_local_states else None,
            estimate=estimate,
            truth=true_shares(truth, len(estimate)) if truth else None,
            sampling_error=status.sampling_error,
            estimated_reward=status.estimated_reward,
            true_reward=true_reward(game, truth, status.global_state, status.global_action) if game and truth else None,
            hidden=_hidden_names(game, status),
            belief=tuple(float(share) for share in status.hidden_belief),
            hidden_state=truth.hidden_state if truth else None,
            operated={robot_id: str(each) for robot_id, each in operated.items()},
            on_roster=on_roster(operated),
            verdicts={verdict.value: int(getattr(status, verdict.value)) for verdict in Verdict},
        )

    def _game(self, configuration: Configuration) -> TabularGame | None:
        """Return the game of a configuration; None if this machine does not have it."""
        wanted = configuration.game_hash
        if wanted not in self._games:
            try:
                game = load_game(str(configuration.parameters.get("game", "")))
            except AltmarlError:
                game = None
            self._games[wanted] = game if game is not None and game.content_hash == wanted else None
        return self._games[wanted]

    def _period(self, status: CoordinatorStatus, configured: object) -> float | None:
        if isinstance(configured, float) and configured > 0:
            return configured
        same = [other for other in list(self._statuses)[-_PERIODS:] if other.session == status.session]
        if not same or same[-1].tick <= same[0].tick:
            return None
        first, last = (other.stamp.sec + 1e-9 * other.stamp.nanosec for other in (same[0], same[-1]))
        return (last - first) / (same[-1].tick - same[0].tick) if last > first else None


def _hidden_names(game: TabularGame | None, status: CoordinatorStatus) -> tuple[str, ...]:
    if game is not None and game.hidden is not None:
        return game.hidden.names
    return tuple(f"hidden {d}" for d in range(len(status.hidden_belief)))


def _fits(game: TabularGame, status: CoordinatorStatus) -> bool:
    sizes = (game.n_local_states, game.n_global_states, game.n_global_actions)
    hidden = 0 if game.hidden is None else len(game.hidden)
    fits = len(status.estimate) == sizes[0] and len(status.hidden_belief) in (0, hidden)
    return fits and status.global_state < sizes[1] and status.global_action < sizes[2]
