from pathlib import Path

import pytest

from altmarl_ros.deployment.fleet_plan import FleetPlan, find_period
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import tick_of
from altmarl_ros.protocol.link_model import Network


def plan(**options):
    return FleetPlan("warehouse", Path("policy.npz"), **options)


@pytest.mark.parametrize(("robots", "processes"), [(1, 1), (7, 3), (30, 2), (3, 8), (1000, 7)])
def test_processes_share_the_robots_evenly_and_completely(robots, processes):
    shares = [node.parameters for node in plan(robots=robots, processes=processes).nodes() if node.executable == "robots"]
    ids = [i for share in shares for i in range(share["first_id"], share["first_id"] + share["count"])]
    counts = [share["count"] for share in shares]
    assert ids == list(range(robots))
    assert len(shares) == min(robots, processes)
    assert max(counts) - min(counts) <= 1


def test_names_are_distinct_and_the_coordinator_is_last():
    nodes = plan(processes=3).nodes()
    assert len({node.name for node in nodes}) == len(nodes) == 5
    assert [node.executable for node in nodes] == ["world", "robots", "robots", "robots", "coordinator"]


def test_every_node_plays_the_same_game_by_the_same_clock():
    for node in plan(use_sim_time=True).nodes():
        assert node.parameters["game"] == "warehouse"
        assert node.parameters["use_sim_time"] is True


def test_coordinator_waits_for_the_robots_of_the_plan():
    parameters = plan(robots=12, k=4, period=1, ticks=9, seed=3).nodes()[-1].parameters
    assert parameters["start.robots"] == 12
    assert (parameters["sampling.k"], parameters["tick.limit"], parameters["sampling.seed"]) == (4, 9, 3)
    assert parameters["policy.file"] == "policy.npz"
    assert isinstance(parameters["tick.period"], float)


def test_a_standby_has_the_same_settings_a_name_of_its_own_and_a_lease():
    nodes = {node.name: node for node in plan(standby=True, period=0.2).nodes()}
    first, second = nodes["coordinator"], nodes["standby"]
    assert (second.executable, second.ros_name) == ("coordinator", "/standby/coordinator")
    assert first.parameters["failover.lease"] == second.parameters["failover.lease"] == pytest.approx(0.6)
    different = {name for name, value in second.parameters.items() if first.parameters.get(name) != value}
    assert different == {"standby", "failover.rank"}
    assert all("failover.lease" not in node.parameters for node in plan().nodes())


def test_a_trainer_plays_the_same_game_and_comes_before_the_coordinator():
    names = [node.name for node in plan(trainer=True, standby=True).nodes()]
    assert names.index("trainer") < names.index("standby") < names.index("coordinator")
    assert plan(trainer=True).nodes()[-2].parameters["game"] == "warehouse"
    assert not any(node.executable == "trainer" for node in plan().nodes())


def test_the_network_reaches_every_robot():
    for node in plan(network=Network(loss=0.3, jitter=0.1)).nodes():
        if node.executable == "robots":
            assert (node.parameters["network.loss"], node.parameters["network.jitter"]) == (0.3, 0.1)


def test_parameter_files_are_there_and_the_users_comes_last(tmp_path):
    assert all(path.is_file() for node in plan().nodes() for path in node.parameter_files)
    own = tmp_path / "own.yaml"
    own.write_text("/**:\n  ros__parameters: {silence: 3.0}\n")
    assert {node.parameter_files[-1] for node in plan(params_file=own).nodes()} == {own}


@pytest.mark.parametrize("text", [None, "silence: 3.0\n", "/**: [1]\n", "{"])
def test_a_file_that_holds_no_parameters_is_refused_by_name(tmp_path, text):
    file = tmp_path / "own.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(AltmarlError, match=r"own\.yaml"):
        plan(params_file=file)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("robots", 0),
        ("k", -1),
        ("processes", -1),
        ("seed", -1),
        ("ticks", -1),
        ("period", 0.0),
        ("period", -1.0),
        ("period", float("nan")),
    ],
)
def test_options_out_of_range_are_refused_by_name(option, value):
    with pytest.raises(AltmarlError, match=f"{option} is {value}, must be"):
        plan(**{option: value})


@pytest.mark.parametrize(("robots", "processes"), [(1, 1), (30, 2), (500, 2), (501, 3), (1000, 4)])
def test_processes_are_chosen_by_the_number_of_robots(robots, processes):
    nodes = plan(robots=robots).nodes()
    assert [node.executable for node in nodes] == ["world", *["robots"] * processes, "coordinator"]
    assert plan(robots=robots).robot_processes == processes


def test_a_crowd_is_one_process_without_a_world():
    crowd, coordinator = plan(robots=100_000, crowd=True, seed=3).nodes()
    assert (crowd.executable, crowd.parameters["count"], crowd.parameters["seed"]) == ("crowd", 100_000, 3)
    assert (coordinator.executable, coordinator.parameters["start.robots"]) == ("coordinator", 100_000)


def test_hellos_of_a_larger_fleet_take_longer_but_come_at_the_same_rate():
    rates = {n / plan(robots=n).nodes()[1].parameters["join_window"] for n in (10, 300, 1000)}
    assert max(rates) == pytest.approx(min(rates)) == pytest.approx(1000)


def test_a_crowd_has_no_faulty_network_but_may_have_a_standby():
    with pytest.raises(AltmarlError, match=r"network is loss=0\.3, must be perfect with a crowd"):
        plan(crowd=True, network=Network(loss=0.3))
    assert [node.name for node in plan(crowd=True, standby=True).nodes()] == ["crowd", "standby", "coordinator"]


@pytest.mark.parametrize(("robots", "crowd"), [(2001, False), (100_001, True)])
def test_more_robots_than_can_be_played_are_refused(robots, crowd):
    with pytest.raises(AltmarlError, match=f"robots is {robots}, must be at most"):
        plan(robots=robots, crowd=crowd)


def test_a_physical_backend_is_a_floor_its_clock_and_robots_on_wheels():
    nodes = plan(robots=6, processes=2, period=20.0, backend="physical", real_time_factor=4.0, seed=3).nodes()
    assert [node.executable for node in nodes] == ["physical_world", "robots", "robots", "coordinator"]
    floor, *others = nodes
    assert (floor.parameters["count"], floor.parameters["real_time_factor"], floor.parameters["seed"]) == (6, 4.0, 3)
    assert "use_sim_time" not in floor.parameters  # whose clock it is
    assert all(node.parameters["use_sim_time"] is True for node in others)
    assert all(node.parameters["body"] == "drive" for node in others[:2])
    assert all(node.parameters["timeout.tick"] > 20.0 for node in others[:2])
    assert floor.parameters["stamped_commands"] is True
    assert all(node.parameters["drive.stamped"] is True for node in others[:2])


def test_real_robots_have_no_world_and_the_time_of_everybody():
    nodes = plan(backend="real", period=20.0).nodes()
    assert [node.executable for node in nodes] == ["robots", "robots", "coordinator"]
    assert not any(node.parameters["use_sim_time"] for node in nodes)


@pytest.mark.parametrize(
    ("options", "named"),
    [({"backend": "paper"}, "paper"), ({"backend": "physical", "crowd": True}, "crowd"), ({"real_time_factor": -1.0}, "real")],
)
def test_a_backend_that_cannot_be_is_refused(options, named):
    with pytest.raises(AltmarlError, match=named):
        plan(**options)


def test_the_period_is_that_of_the_game_where_robots_need_time():
    assert find_period(None, "warehouse", "markov") == 0.5
    assert find_period(3.0, "warehouse", "physical") == 3.0
    assert find_period(None, "hall", "physical") == tick_of("hall")
    with pytest.raises(AltmarlError, match="period"):
        find_period(None, "warehouse", "physical")


def test_fleets_of_other_prefixes_share_no_name_with_the_default_one():
    names, topics = set(), set()
    for prefix in ("/fleet", "/fleet_2", "/hall/blue"):
        nodes = plan(fleet_prefix=prefix, standby=True, trainer=True, visualization=True).nodes()
        own = {node.ros_name or f"/{node.name}" for node in nodes}
        assert not own & names
        names |= own
        assert {node.parameters["fleet_prefix"] for node in nodes} == {prefix}
        worlds = {str(node.parameters["world_prefix"]) for node in nodes if "world_prefix" in node.parameters}
        assert len(worlds) == 1
        assert not worlds & topics
        topics |= worlds
    (physical,) = (node for node in plan(fleet_prefix="/b", backend="physical").nodes() if node.name == "physical_world")
    assert physical.remappings == {"/clock": "/b/clock"}
    assert (physical.namespace, physical.parameters["world_prefix"]) == ("/b", "/b/world")


def test_a_simulated_floor_may_have_the_rates_of_another_game_than_robots_and_coordinator():
    games = {node.executable: node.parameters["game"] for node in plan(backend="physical", floor_game="as_it_is.yaml").nodes()}
    assert games.pop("physical_world") == "as_it_is.yaml"
    assert set(games.values()) == {plan().game}


@pytest.mark.parametrize("prefix", ["", "fleet", "/", "/fleet/", "/fleet 2", "//fleet", "/2"])
def test_a_prefix_that_is_no_name_is_refused(prefix):
    with pytest.raises(AltmarlError, match="fleet_prefix is"):
        plan(fleet_prefix=prefix)


def test_robots_and_world_follow_a_standby_as_soon_as_it_takes_over():
    nodes = plan(standby=True, period=0.2).nodes()
    leases = {node.name: node.parameters.get("coordinator.lease") for node in nodes}
    assert leases["robots_0"] == leases["world"] == pytest.approx(0.6)
    assert all(node.parameters.get("coordinator.lease") is None for node in plan().nodes())
