"""The `trainer` executable: learns a new policy beside a running fleet, scores it as a shadow, and puts it in force.

A new reward makes another game, but the fleet goes on with its own, on which coordinator, robots and records agree. The
candidate's bundle names the game that it was learned for and its dynamics, and a coordinator accepts what was learned on the
dynamics of its own game (policies/bundle.py). So `estimated_reward` of /fleet/status is still by the rewards of the fleet's
game, while the scores here are by the new rewards.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any, Callable, Iterable, Mapping, Sequence

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from std_srvs.srv import Trigger

from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import TabularGame, load_game
from altmarl_ros.learning.training_job import Report, TrainingJob, TrainingRequest
from altmarl_ros.learning.training_options import learns_ladder
from altmarl_ros.msg import TrainingProgress
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.common.parameter_sets import declare, watch
from altmarl_ros.nodes.common.remote_parameters import RemoteParameters, check_node_name
from altmarl_ros.nodes.common.running import run
from altmarl_ros.nodes.common.status_subscriber import StatusSubscriber
from altmarl_ros.nodes.trainer.conversions import progress_to_message
from altmarl_ros.nodes.trainer.deployment import Deployment, Order, longest_announcement
from altmarl_ros.nodes.trainer.parameters import PARAMETERS, folder_of, options_of, rewards_of
from altmarl_ros.policies import PolicyBundle, load_bundle
from altmarl_ros.policy_updates import BUSY, Candidate, NotNow, Score, Stage
from altmarl_ros.policy_updates.kept_policies import KeptPolicies
from altmarl_ros.policy_updates.shadow import Shadow
from altmarl_ros.protocol.decision import DecisionMaker
from altmarl_ros.protocol.settings import DecisionSettings
from altmarl_ros.records import Configuration, StatusRow

_POLL = 0.1  # s
_REPEAT = 0.5  # s; between two messages about what goes on
_CANDIDATE = "candidate.npz"
_LEARNED_FOR = ("game", "gamma", "K", "backup", "memory")  # parameters that change what is learned for


class TrainerNode(GuardedNode):
    """A node that trains candidates in a process of its own, and deploys them to the coordinator.

    Topics:
        publishes `~/progress`;
        subscribes to `configuration` and `status` under the parameter `fleet_prefix` (default `/fleet`).
    Services: `~/train`, `~/cancel`, `~/deploy` and `~/rollback` (std_srvs/Trigger). Each answers at once, a refusal with its
        reason; what becomes of it is on `~/progress`. It calls the parameter services of the coordinator.
    Parameters: `PARAMETERS` in nodes/trainer/parameters.py. A live one holds from the next training, shadow or deployment on.
    """

    def __init__(self) -> None:
        super().__init__("trainer")
        self._values = values = declare(self, PARAMETERS)
        watch(self, PARAMETERS, values, self.files_read, self._apply)
        self._check(values, frozenset())
        self._candidate = Candidate()
        self._job: TrainingJob | None = None
        self._shadow: Shadow | None = None
        self._shadow_end = 0.0
        self._deployment: Deployment | None = None
        self._overdue: Order | None = None  # given up, but the coordinator may still take it
        self._bundle: PolicyBundle | None = None  # the candidate
        self._began = self._seconds = 0.0  # of the last training
        self._auto_deployed = False  # the candidate, or tried to
        self._published: tuple[Any, ...] = ()  # fields of the last progress message
        self._published_at = 0.0
        self._game = load_game(values["game"])  # of the fleet
        self._kept = KeptPolicies(folder_of(values, self._game))
        endpoints = Endpoints(self)
        self._fleet = StatusSubscriber(endpoints, str(values["fleet_prefix"]), self._on_status)
        self._coordinator = RemoteParameters(self, values["coordinator"])
        self._publisher = endpoints.publisher(TrainingProgress, "~/progress", qos.latched_qos())
        for name, act in (
            ("train", self._train),
            ("cancel", self._cancel),
            ("deploy", self._deploy),
            ("rollback", self._roll_back),
        ):
            self.create_service(Trigger, f"~/{name}", self._answering(act))
        self.create_timer(_POLL, self._on_timer, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._publish_progress()

    def stop(self) -> None:
        """End the training process, if there is one."""
        if self._job is not None:
            self._job.cancel()

    def reads_files(self, names: Iterable[str]) -> bool:
        """See GuardedNode: the game is read to check what would be learned for."""
        return any(name in _LEARNED_FOR or name.startswith("reward.") for name in names)

    def read_files(self, values: Mapping[str, Any], names: frozenset[str]) -> TabularGame | None:
        """See GuardedNode: check the options, by the game where they concern it, and return it where it is set."""
        return self._check(values, names)

    def _check(self, values: Mapping[str, Any], names: frozenset[str]) -> TabularGame | None:
        if not names or "coordinator" in names:
            check_node_name("coordinator", values["coordinator"])
        if names and not self.reads_files(names):
            return None
        game = rewards_of(values).of(values["game"])
        options_of(values, game, None, 1)
        return load_game(values["game"]) if "game" in names else None

    def _apply(self, game: TabularGame | None, names: frozenset[str]) -> None:
        if game is not None:
            self._game = game
            self._kept = KeptPolicies(folder_of(self._values, game))
        if "coordinator" in names:
            self._coordinator.destroy()
            self._coordinator = RemoteParameters(self, self._values["coordinator"])

    def _answering(self, act: Callable[[], str]) -> Callable[[Trigger.Request, Trigger.Response], Trigger.Response]:
        def answer(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            try:
                response.success, response.message = True, act()
            except (AltmarlError, OSError) as error:
                response.success, response.message = False, str(error)
            self._publish_progress()
            return response

        return answer

    def _train(self) -> str:
        values = self._values
        self._candidate.check_idle()
        configuration = self._configuration()
        game, present = rewards_of(values).of(values["game"]), self._present(configuration)
        parameters, status = configuration.parameters, self._fleet.status
        robots = 1 if status is None else status.live
        wanted, most = parameters["sampling.k"], present.pi_g.most_reports
        options = options_of(values, game, wanted if most is None else most, robots)
        ladder = learns_ladder(game, options)
        if ladder and wanted > options.K:
            raise AltmarlError(f"parameter 'K' is {options.K}, below the {wanted} reports that the coordinator wants")
        request = TrainingRequest(
            game=values["game"],
            out=str(self._kept.folder / _CANDIDATE),
            present=str(self._kept.save(present)),
            n=options.n,
            k=wanted,
            model=parameters["sampling.model"],
            turnover=parameters["sampling.turnover"],
            runs=values["runs"],
            rewards=asdict(rewards_of(values)),
            options=asdict(options),
            from_present=values["start"] == "present",
            nice=values["nice"],
        )
        self._end_work()
        self._job = TrainingJob(request)
        self._candidate.begin()
        self._auto_deployed, self._began, self._seconds = False, time.monotonic(), 0.0
        learned = f"rungs 0..{options.K}" if ladder else f"over shares, k = {options.K}"
        return f"training for {game.name}, {learned}, {options.n} robots in the evaluations"

    def _configuration(self) -> Configuration:
        """The fleet's configuration.

        Raises:
            AltmarlError: none was received, or it is of another game.
        """
        configuration = self._fleet.configuration
        if configuration is None:
            raise AltmarlError(f"no coordinator is heard on {self._values['fleet_prefix']}/configuration")
        if configuration.game_hash != self._game.content_hash:
            raise AltmarlError(
                f"the fleet plays game {configuration.game_name!r} {configuration.game_hash}, parameter 'game' is "
                f"{self._values['game']!r} {self._game.content_hash}"
            )
        return configuration

    def _present(self, configuration: Configuration) -> PolicyBundle:
        path = configuration.parameters["policy.file"]
        bundle = load_bundle(path, self._game, same_rewards=False)
        if bundle.content_hash != configuration.policy_hash:
            raise AltmarlError(f"{path}: is not the policy in force any more: set policy.file of the coordinator again")
        return bundle

    def _cancel(self) -> str:
        self._candidate.cancel()
        self._end_work()
        return self._candidate.message

    def _deploy(self) -> str:
        policy_id = self._candidate.check_deployable(self._fleet.policy_id)
        assert self._bundle is not None, "a candidate without policies"
        configuration = self._configuration()
        self._kept.save(self._present(configuration))
        return self._order(Order(policy_id, self._kept.save(self._bundle), configuration.policy_id, rollback=False))

    def _roll_back(self) -> str:
        self._candidate.check_idle()
        in_force = self._configuration().policy_id
        policy_id = self._kept.before(in_force)
        if policy_id is None:
            raise NotNow("no policy is kept to which to return")
        return self._order(Order(policy_id, self._kept.path(policy_id), in_force, rollback=True))

    def _order(self, order: Order) -> str:
        seconds = self._values["deploy.timeout"] + longest_announcement(self._fleet.configuration)
        self._deployment, self._overdue = Deployment(self, self._coordinator, order, seconds), None
        message = f"{'back to' if order.rollback else 'to'} policy {order.policy_id:08x}"
        self._candidate.deploy(order.policy_id, message)
        return message

    def _on_status(self, status: StatusRow) -> None:
        if self._candidate.stage is not Stage.SHADOW or self._shadow is None:
            return
        if self._shadow.ticks < self._values["shadow.ticks"]:
            try:
                self._shadow.hear(status)
            except AltmarlError as error:
                self._fail(str(error))

    def _on_timer(self) -> None:
        if self._job is not None:
            for report in self._job.poll():
                self._take(report)
        if self._job is not None and self._candidate.stage in BUSY and self._job.seconds > self._values["train.timeout"]:
            self._fail(f"took longer than the {self._values['train.timeout']:g} s of parameter 'train.timeout'")
        if self._candidate.stage is Stage.SHADOW and self._shadow is not None:
            over = self._shadow.ticks >= self._values["shadow.ticks"] or time.monotonic() >= self._shadow_end
            self._candidate.shadowed(self._shadow.ticks, self._shadow.agreed, over)
        if self._candidate.stage in (Stage.TRAINING, Stage.SHADOW):
            self._seconds = time.monotonic() - self._began
        if (
            not self._auto_deployed
            and self._values["auto_deploy"]
            and self._candidate.deploys_itself(self._values["deploy.margin"])
        ):
            self._auto_deploy()
        self._watch_deployment()
        self._publish_progress()

    def _take(self, report: Report) -> None:
        try:
            if report.kind == "progress":
                self._candidate.progress(float(report.values["fraction"]), str(report.values["message"]))
            elif report.kind == "trained":
                self._begin_shadow()
            elif report.kind == "scored":
                scored = {name: (float(mean), float(half)) for name, (mean, half) in report.values.items()}
                self._candidate.scored(Score(**scored))
            else:
                self._fail(str(report.values.get("reason")))
        except (AltmarlError, KeyError, TypeError, ValueError) as error:
            self._fail(f"{type(error).__name__}: {error}")

    def _begin_shadow(self) -> None:
        configuration = self._configuration()
        self._bundle = bundle = load_bundle(self._kept.folder / _CANDIDATE, self._game, same_rewards=False)
        settings = DecisionSettings.from_parameters(configuration.parameters)
        self._shadow = Shadow(self._game, DecisionMaker(self._game, bundle, settings), self._fleet.status)
        self._shadow_end = time.monotonic() + self._values["shadow.timeout"]
        self._candidate.trained(bundle.policy_id)

    def _auto_deploy(self) -> None:
        self._auto_deployed = True
        try:
            self.get_logger().info(f"auto_deploy: {self._deploy()}")
        except (AltmarlError, OSError) as error:
            self._candidate.message = f"not deployed: {error}"

    def _watch_deployment(self) -> None:
        in_force, deployment = self._fleet.policy_id, self._deployment
        if deployment is not None:
            if in_force == deployment.order.policy_id:
                self._in_force(deployment.order)
            elif (reason := deployment.poll(in_force)) is not None:
                self._deployment, self._overdue = None, deployment.order
                self._candidate.not_deployed(reason)
                self.get_logger().warning(reason)
        elif self._overdue is not None and in_force == self._overdue.policy_id and self._candidate.stage not in BUSY:
            self._in_force(self._overdue)

    def _in_force(self, order: Order) -> None:
        self._deployment = self._overdue = None
        try:
            if order.rollback:
                self._kept.returned_to(order.policy_id)
            else:
                self._kept.put_in_force(order.policy_id, order.previous, self._values["keep"])
            message = f"policy {order.policy_id:08x} is in force{' again' if order.rollback else ''}"
        except AltmarlError as error:
            message = f"policy {order.policy_id:08x} is in force; for a rollback: {error}"
        self._candidate.deployed(message)
        self.get_logger().info(message)

    def _fail(self, reason: str) -> None:
        self._end_work()
        self._candidate.fail(reason)
        self.get_logger().error(reason)

    def _end_work(self) -> None:
        if self._job is not None:
            self._job.cancel()
        self._job = self._shadow = self._bundle = None

    def _publish_progress(self) -> None:
        """Publish the progress if it changed, and while work is under way also twice a second."""
        message = progress_to_message(
            self._candidate,
            game=self._values["game"],
            seconds=self._seconds,
            fleet=self._fleet,
            kept=self._kept.ids,
            file=None if self._bundle is None else self._kept.folder / _CANDIDATE,
            stamp=self.get_clock().now().to_msg(),
        )
        names = message.get_fields_and_field_types().keys() - {"stamp", "elapsed", "kept"}
        fields = (tuple(message.kept), *(getattr(message, name) for name in sorted(names)))
        now = time.monotonic()
        if fields != self._published or (self._candidate.stage in BUSY and now - self._published_at >= _REPEAT - _POLL / 2):
            self._published, self._published_at = fields, now
            self._publisher.publish(message)


def main(args: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(lambda: [TrainerNode()], args)


if __name__ == "__main__":
    raise SystemExit(main())
