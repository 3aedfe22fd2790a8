"""New policies of a running fleet: the stages of a candidate, its score as a shadow, and the policies kept for a rollback."""

from altmarl_ros.policy_updates.candidate import BUSY, Candidate, NotNow, Score, Stage

__all__ = ["BUSY", "Candidate", "NotNow", "Score", "Stage"]
