"""The stages of a new policy on its way into a fleet: trained, scored as a shadow, deployed, and taken back.

    IDLE -> TRAINING -> SHADOW -> READY -> DEPLOYING -> DEPLOYED       rollback: READY, DEPLOYED, ... -> DEPLOYING -> DEPLOYED
               |           |                   |
               v           v                   v refused, or not in force in time
         CANCELLED, FAILED              the stage before, with the reason

This module only keeps the stage. The trainer node trains, simulates and deploys; it reports each event here and asks what may
be done next.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from altmarl_ros.errors import AltmarlError


class Stage(IntEnum):
    """Stage of a candidate, with the numbers of msg/TrainingProgress."""

    IDLE = 0
    TRAINING = 1
    SHADOW = 2
    READY = 3
    DEPLOYING = 4
    DEPLOYED = 5
    CANCELLED = 6
    FAILED = 7


BUSY = frozenset({Stage.TRAINING, Stage.SHADOW, Stage.DEPLOYING})
"""Stages in which work is under way, and which end by themselves."""


class NotNow(AltmarlError):
    """The request is not possible at this stage."""


@dataclass(frozen=True)
class Score:
    """Discounted team rewards in simulated episodes, each as the mean and half the width of its 95 % interval.

    Attributes:
        present: reward of the policy in force.
        candidate: reward of the candidate.
        gain: difference of the two in paired episodes, positive where the candidate is better.
    """

    present: tuple[float, float]
    candidate: tuple[float, float]
    gain: tuple[float, float]

    @property
    def lower_gain(self) -> float:
        """Lower end of the gain's 95 % interval."""
        return self.gain[0] - self.gain[1]


class Candidate:
    """The stage and the scores of the present candidate; each training begins another one.

    Attributes:
        stage: the present stage.
        message: one line about what is being done, or why it failed.
        fraction: share of the training that is done, in 0..1.
        policy_id: id of the trained policy; None: there is none.
        score: scores in simulated episodes; None until they are known.
        shadow_ticks: number of live ticks decided as a shadow.
        shadow_agreed: number of these with the same global action as the policy in force.
        target: id of the policy that is being deployed; None: there is none.
    """

    def __init__(self) -> None:
        self.stage, self.message = Stage.IDLE, "nothing trained yet"
        self.target: int | None = None
        self.policy_id: int | None = None
        self.score: Score | None = None
        self._stage_before = Stage.IDLE  # of the deployment
        self._drop()

    def begin(self) -> None:
        """Begin a training; the candidate before it is dropped.

        Raises:
            NotNow: something is under way.
        """
        self._not_while_busy()
        self._drop()
        self.stage, self.message = Stage.TRAINING, "starting"

    def progress(self, fraction: float, message: str) -> None:
        """Report how far the training is."""
        self.fraction, self.message = min(max(fraction, 0.0), 1.0), message

    def trained(self, policy_id: int) -> None:
        """Report that the training is done; the candidate is now scored as a shadow."""
        self.stage, self.fraction, self.policy_id = Stage.SHADOW, 1.0, policy_id
        self.message = "being scored beside the policy in force"

    def scored(self, score: Score) -> None:
        """Report the scores in simulated episodes."""
        self.score = score
        self._settle()

    def shadowed(self, ticks: int, agreed: int, over: bool) -> None:
        """Report the counts of the shadow; `over`: no more ticks are waited for."""
        self.shadow_ticks, self.shadow_agreed, self._shadow_over = ticks, agreed, over
        self._settle()

    def fail(self, reason: str) -> None:
        """Report that the training, or the scoring of its candidate, failed."""
        self.stage, self.message, self.policy_id = Stage.FAILED, reason, None

    def cancel(self) -> None:
        """Cancel the training, or the scoring of its candidate.

        Raises:
            NotNow: nothing is under way, or a policy is being deployed.
        """
        if self.stage is Stage.DEPLOYING:
            raise NotNow("a policy is being deployed; roll back once it is in force")
        if self.stage not in (Stage.TRAINING, Stage.SHADOW):
            raise NotNow("no training is under way")
        self.stage, self.message, self.policy_id = Stage.CANCELLED, f"cancelled while {self.message}", None

    def deploys_itself(self, margin: float) -> bool:
        """Whether a candidate that is ready has decided live ticks, and the lower end of its gain is above the margin."""
        return self.stage is Stage.READY and self.score is not None and self.score.lower_gain > margin and self.shadow_ticks > 0

    def check_deployable(self, in_force: int | None) -> int:
        """The id of the candidate to deploy; `in_force` is that of the policy in force.

        Raises:
            NotNow: there is no candidate, it is in force, or something is under way.
        """
        self._not_while_busy()
        if self.policy_id is None:
            raise NotNow("there is no candidate: train first")
        if self.policy_id == in_force:
            raise NotNow(f"policy {in_force:08x} is in force already")
        return self.policy_id

    def check_idle(self) -> None:
        """Check that nothing is under way.

        Raises:
            NotNow: something is.
        """
        self._not_while_busy()

    def deploy(self, policy_id: int, message: str) -> None:
        """Report that a policy was announced: the candidate, or one that was kept."""
        self._stage_before, self.stage, self.target, self.message = self.stage, Stage.DEPLOYING, policy_id, message

    def deployed(self, message: str) -> None:
        """Report that the announced policy is in force."""
        self.stage, self.target, self.message = Stage.DEPLOYED, None, message

    def not_deployed(self, reason: str) -> None:
        """Report that the announced policy was refused, or is not in force in time."""
        self.stage, self.target, self.message = self._stage_before, None, reason

    def _drop(self) -> None:
        self.fraction, self.policy_id, self.score = 0.0, None, None
        self.shadow_ticks = self.shadow_agreed = 0
        self._shadow_over = False

    def _settle(self) -> None:
        if self.stage is not Stage.SHADOW or self.score is None or not self._shadow_over:
            return
        self.stage = Stage.READY
        gain, half = self.score.gain
        ticks = self.shadow_ticks
        shadow = f"agreed in {self.shadow_agreed} of {ticks} live ticks" if ticks else "no live tick seen"
        self.message = f"may be deployed: gain {gain:+.2f} ± {half:.2f}, {shadow}"

    def _not_while_busy(self) -> None:
        if self.stage in BUSY:
            reason = {
                Stage.TRAINING: "a training is under way",
                Stage.SHADOW: "a candidate is being scored",
                Stage.DEPLOYING: "a policy is being deployed",
            }[self.stage]
            raise NotNow(reason + ("" if self.stage is Stage.DEPLOYING else ": cancel it first"))
