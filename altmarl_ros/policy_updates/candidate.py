"""A new policy's way into a fleet: trained, scored as a shadow, deployed, and taken back.

    IDLE -> TRAINING -> SHADOW -> READY -> DEPLOYING -> DEPLOYED       rollback: READY, DEPLOYED, ... -> DEPLOYING -> DEPLOYED
               |           |                   |
               v           v                   v refused, or not in force in time
         CANCELLED, FAILED              the stage before, with the reason

Nothing here trains, simulates or speaks: whoever does tells what happened, and asks what is due.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from altmarl_ros.errors import AltmarlError


class Stage(IntEnum):
    """Where it is; the numbers of msg/TrainingProgress."""

    IDLE = 0
    TRAINING = 1
    SHADOW = 2
    READY = 3
    DEPLOYING = 4
    DEPLOYED = 5
    CANCELLED = 6
    FAILED = 7


BUSY = frozenset({Stage.TRAINING, Stage.SHADOW, Stage.DEPLOYING})
"""Stages that end by themselves."""


class NotNow(AltmarlError):
    """What is asked for cannot be done at this stage."""


@dataclass(frozen=True)
class Score:
    """Discounted team reward in simulated episodes, each a mean with half of its 95 % interval.

    Attributes:
        present: of the policy in force.
        candidate: of the candidate.
        gain: of the candidate over the one in force, paired.
    """

    present: tuple[float, float]
    candidate: tuple[float, float]
    gain: tuple[float, float]

    @property
    def surely(self) -> float:
        """Lower end of the gain's interval."""
        return self.gain[0] - self.gain[1]


class Candidate:
    """The state of one policy's way after another.

    Attributes:
        stage: where it is.
        message: in one line what is done, or why it failed.
        fraction: of the training that is done.
        policy_id: trained; None: none.
        score: None until it is known.
        shadow_ticks, shadow_agreed: live ticks decided as a shadow, and of these with the same global action.
        target: policy that is being deployed; None: none.
    """

    def __init__(self) -> None:
        self.stage, self.message = Stage.IDLE, "nothing trained yet"
        self.target: int | None = None
        self.policy_id: int | None = None
        self.score: Score | None = None
        self._before = Stage.IDLE  # the deployment
        self._forget()

    def begin(self) -> None:
        """A training began; the candidate before it is forgotten.

        Raises:
            NotNow: something is under way.
        """
        self._not_while_busy()
        self._forget()
        self.stage, self.message = Stage.TRAINING, "starting"

    def progress(self, fraction: float, message: str) -> None:
        """How far the training is."""
        self.fraction, self.message = min(max(fraction, 0.0), 1.0), message

    def trained(self, policy_id: int) -> None:
        """The training is done and the shadow begins."""
        self.stage, self.fraction, self.policy_id = Stage.SHADOW, 1.0, policy_id
        self.message = "being scored beside the policy in force"

    def scored(self, score: Score) -> None:
        """The simulated episodes are done."""
        self.score = score
        self._settle()

    def shadowed(self, ticks: int, agreed: int, over: bool) -> None:
        """What the shadow counted, and whether no more ticks are waited for."""
        self.shadow_ticks, self.shadow_agreed, self._shadow_over = ticks, agreed, over
        self._settle()

    def fail(self, reason: str) -> None:
        """The training, or what scores its candidate, broke."""
        self.stage, self.message, self.policy_id = Stage.FAILED, reason, None

    def cancel(self) -> None:
        """Give the training, or its candidate in the shadow, up.

        Raises:
            NotNow: nothing is under way, or it is being deployed.
        """
        if self.stage is Stage.DEPLOYING:
            raise NotNow("a policy is being deployed; roll back once it is in force")
        if self.stage not in (Stage.TRAINING, Stage.SHADOW):
            raise NotNow("no training is under way")
        self.stage, self.message, self.policy_id = Stage.CANCELLED, f"cancelled while {self.message}", None

    def deploys_itself(self, margin: float) -> bool:
        """Whether the lower end of its gain's interval is above the margin, and it decided live ticks as a shadow."""
        return self.stage is Stage.READY and self.score is not None and self.score.surely > margin and self.shadow_ticks > 0

    def check_deployable(self, in_force: int | None) -> int:
        """The candidate's id; raises NotNow where there is none to deploy."""
        self._not_while_busy()
        if self.policy_id is None:
            raise NotNow("there is no candidate: train first")
        if self.policy_id == in_force:
            raise NotNow(f"policy {in_force:08x} is in force already")
        return self.policy_id

    def check_idle(self) -> None:
        """Raise NotNow while something is under way."""
        self._not_while_busy()

    def deploy(self, policy_id: int, message: str) -> None:
        """A policy was announced: the candidate, or one that was kept."""
        self._before, self.stage, self.target, self.message = self.stage, Stage.DEPLOYING, policy_id, message

    def deployed(self, message: str) -> None:
        """The announced policy is in force."""
        self.stage, self.target, self.message = Stage.DEPLOYED, None, message

    def not_deployed(self, reason: str) -> None:
        """It was refused, or is not in force in time."""
        self.stage, self.target, self.message = self._before, None, reason

    def _forget(self) -> None:
        self.fraction, self.policy_id, self.score = 0.0, None, None
        self.shadow_ticks = self.shadow_agreed = 0
        self._shadow_over = False

    def _settle(self) -> None:
        if self.stage is not Stage.SHADOW or self.score is None or not self._shadow_over:
            return
        self.stage = Stage.READY
        gain, half = self.score.gain
        seen = self.shadow_ticks
        lived = f"agreed in {self.shadow_agreed} of {seen} live ticks" if seen else "no live tick seen"
        self.message = f"may be deployed: gain {gain:+.2f} ± {half:.2f}, {lived}"

    def _not_while_busy(self) -> None:
        if self.stage in BUSY:
            said = {
                Stage.TRAINING: "a training is under way",
                Stage.SHADOW: "a candidate is being scored",
                Stage.DEPLOYING: "a policy is being deployed",
            }[self.stage]
            raise NotNow(said + ("" if self.stage is Stage.DEPLOYING else ": cancel it first"))
