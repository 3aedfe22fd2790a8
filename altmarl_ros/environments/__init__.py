"""The games as environments of other libraries: Gymnasium for the coordinator alone, PettingZoo for coordinator and robots.
Both libraries are an optional extra, which only `coordinator` and `fleet` import; `available` makes environments by name.
"""

from altmarl_ros.environments.available import coordinator_environment, coordinator_environments, fleet_environment

__all__ = ["coordinator_environment", "coordinator_environments", "fleet_environment"]
