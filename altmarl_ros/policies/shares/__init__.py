"""A coordinator's policy over shares of robots, for worlds of hundreds of states: what decides, without what learns it."""

from altmarl_ros.policies.shares.lookahead import SharesPolicy
from altmarl_ros.policies.shares.process import SharesProcess
from altmarl_ros.policies.shares.vectors import ValueVectors

__all__ = ["SharesPolicy", "SharesProcess", "ValueVectors"]
