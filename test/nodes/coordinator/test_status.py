"""The status of a tick tells of that tick."""

from dataclasses import replace

import pytest
from builtin_interfaces.msg import Time

from altmarl_ros.nodes.common.conversions import status_to_message
from altmarl_ros.nodes.coordinator.parameters import LIVE, PARAMETERS
from altmarl_ros.protocol.settings import DECISION_PARAMETERS, TICK_PARAMETERS, CoordinatorSettings


@pytest.mark.parametrize("k", [1, 2])
def test_a_status_shows_the_k_with_which_its_tick_began(make_coordinator, k):
    coordinator = make_coordinator(k=3)
    coordinator.begin()
    coordinator.change(settings=replace(coordinator.settings, k=k, bandwidth_limit=7.0))
    status = status_to_message(coordinator, coordinator.decide(), Time(), 0)
    assert (status.k, status.k_eff, status.asked, status.bandwidth_limit) == (3, 3, 3, 0.0)
    coordinator.change(settings=replace(coordinator.next_settings, bandwidth_limit=0.0))
    coordinator.begin()
    status = status_to_message(coordinator, coordinator.decide(), Time(), 0)
    assert (status.k, status.k_eff, status.asked) == (k, k, k)


def test_every_live_parameter_is_a_setting_or_the_policy_or_a_threshold():
    apart = {name for name in LIVE if name.startswith("diagnostics.")} | {"policy.file"}
    assert LIVE - apart == {*DECISION_PARAMETERS.values(), *TICK_PARAMETERS.values()}


def test_defaults_of_the_parameters_are_those_of_the_settings():
    assert CoordinatorSettings.from_parameters({p.name: p.default for p in PARAMETERS}) == CoordinatorSettings()
