"""What is decided: the coordinator's ladder of policies, the robots' policy, and the bundle file that holds both.
The combinatorics of count vectors, by which the ladder is indexed, are in `policies.counts`.
"""

from altmarl_ros.policies.bundle import PolicyBundle, default_path, default_top_rung, load_bundle, save_bundle
from altmarl_ros.policies.global_policy import ActionTable, Ladder
from altmarl_ros.policies.local_policy import LocalPolicy, softmax
from altmarl_ros.policies.lookahead import Lookahead, check_values

__all__ = [
    "ActionTable",
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
