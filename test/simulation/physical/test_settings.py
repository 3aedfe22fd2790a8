import pytest

from altmarl_ros.driving.governor_types import GovernorSettings
from altmarl_ros.driving.local_planner import PlannerSettings
from altmarl_ros.errors import AltmarlError
from altmarl_ros.simulation.physical.config import PhysicalConfig
from altmarl_ros.simulation.physical.settings import config_of, settings


def test_the_settings_are_the_whole_configuration():
    assert config_of({each.name: each.default for each in settings()}) == PhysicalConfig()
    assert all(each.description for each in settings())


def test_a_simulated_robot_is_as_large_as_a_robot_takes_itself_to_be():
    assert PhysicalConfig().base.radius == GovernorSettings().radius == PlannerSettings().radius


def test_a_setting_goes_where_its_name_says():
    config = config_of({"time_step": 0.01, "base.radius": 0.3, "laser.rate": 5.0})
    assert (config.time_step, config.base.radius, config.laser.rate) == (0.01, 0.3, 5.0)
    assert config.odometry == PhysicalConfig().odometry


@pytest.mark.parametrize(
    ("values", "named"),
    [({"laser.rate": -1.0}, "laser.rate"), ({"base.max_speed": 90.0}, "max_speed"), ({"base.wings": 2}, "base.wings")],
)
def test_a_setting_that_breaks_its_rule_is_named(values, named):
    with pytest.raises(AltmarlError, match=named):
        config_of(values)
