"""The coordinator's table of parameters and the settings of its core are the same."""

from altmarl_ros.nodes.coordinator.parameters import LIVE, PARAMETERS
from altmarl_ros.protocol.settings import DECISION_PARAMETERS, TICK_PARAMETERS, CoordinatorSettings


def test_every_live_parameter_is_a_setting_or_the_policy_or_a_threshold():
    apart = {name for name in LIVE if name.startswith("diagnostics.")} | {"policy.file"}
    assert LIVE - apart == {*DECISION_PARAMETERS.values(), *TICK_PARAMETERS.values()}


def test_defaults_of_the_parameters_are_those_of_the_settings():
    assert CoordinatorSettings.from_parameters({p.name: p.default for p in PARAMETERS}) == CoordinatorSettings()
