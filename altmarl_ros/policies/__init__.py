"""What is decided: the coordinator's policy (a ladder or value vectors over shares), the robots' policy, and the bundle file
that holds both. The combinatorics of count vectors, by which a ladder is indexed, are in `policies.counts`.
"""

from altmarl_ros.policies.bundle import PolicyBundle, default_path, default_top_rung, load_bundle, save_bundle
from altmarl_ros.policies.global_policy import GlobalPolicy
from altmarl_ros.policies.ladder import ActionTable, Ladder
from altmarl_ros.policies.local_policy import LocalPolicy, softmax
from altmarl_ros.policies.lookahead import Lookahead, check_values

__all__ = [
    "ActionTable",
    "GlobalPolicy",
    "Ladder",
    "LocalPolicy",
    "Lookahead",
    "PolicyBundle",
    "check_values",
    "default_path",
    "default_top_rung",
    "load_bundle",
    "save_bundle",
    "softmax",
]
