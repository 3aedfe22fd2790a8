"""A global plant that is a machine, over DDS; the lift of docs/how-to/plant.md is run as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from altmarl_ros.deployment.fleet_plan import FleetPlan, NodePlan
from altmarl_ros.games.trajectory import UNKNOWN

pytestmark = pytest.mark.ros

PERIOD, TIMEOUT = 0.2, 0.5
LIFT = re.compile(r'^```python title="lift.py"\n(.*?)^```$', re.MULTILINE | re.DOTALL)


class Plan(FleetPlan):
    """Of a fleet whose plant is external; every coordinator has it."""

    def nodes(self):
        external = {"plant.kind": "external", "plant.timeout": TIMEOUT, "diagnostics.period": 0.2}
        return [
            NodePlan(node.name, node.executable, {**node.parameters, **external}, node.ros_name)
            if node.executable == "coordinator"
            else node
            for node in super().nodes()
        ]


class Plant:
    """Tells a state again and again while it is not None; hears decisions, diagnoses and statuses."""

    def __init__(self, running):
        from diagnostic_msgs.msg import DiagnosticArray

        from altmarl_ros.msg import CoordinatorStatus, GlobalAction, GlobalState
        from altmarl_ros.nodes.common import qos

        self._running, self._type = running, GlobalState
        self.state, self.behind = None, 0.0
        self.decisions, self.findings, self.statuses = [], {}, []
        node = running.observer
        self._publisher = node.create_publisher(GlobalState, "/fleet/global_state", 1)
        self._clock = node.get_clock()
        node.create_subscription(GlobalAction, "/fleet/global_action", self.decisions.append, qos.plant_action_qos())
        node.create_subscription(CoordinatorStatus, "/fleet/status", self.statuses.append, qos.account_qos())
        node.create_subscription(DiagnosticArray, "/diagnostics", self._diagnose, 10)
        node.create_timer(0.05, self._tell)

    def _tell(self):
        if self.state is not None:
            from rclpy.duration import Duration

            stamp = (self._clock.now() - Duration(seconds=self.behind)).to_msg()
            self._publisher.publish(self._type(stamp=stamp, global_state=self.state))

    def _diagnose(self, message):
        self.findings.update({status.name: (ord(status.level), status.message) for status in message.status})

    def goes_on(self, ticks=3):
        """Wait for so many decisions more."""
        wanted = len(self.decisions) + ticks
        self._running.wait_until(lambda: len(self.decisions) >= wanted, 20, "decisions")

    def holds(self):
        """Whether no tick is decided for as long as five periods, once what was told before is stale."""
        self._running.listen(TIMEOUT + 2 * PERIOD)
        before = len(self.statuses)
        self._running.listen(5 * PERIOD)
        return len(self.statuses) == before


@pytest.fixture
def fleet_of(fleet, policy):
    def make(**options):
        plan = Plan("warehouse", policy, robots=6, k=3, period=PERIOD, processes=1, start_timeout=3.0, **options)
        running = fleet(plan)
        return running, Plant(running), running.start()

    return make


def test_ticks_follow_the_plant_and_wait_for_it(fleet_of):
    running, plant, _ = fleet_of()
    running.wait_until(lambda: plant.findings.get("/coordinator: plant", (0, ""))[0] == 2, 20, "a diagnosis")
    assert plant.findings["/coordinator: plant"][1] == "the global plant has not told its state yet"
    assert plant.holds()
    assert plant.statuses == []

    plant.state = 3
    plant.goes_on()
    session = plant.decisions[0].session
    running.wait_until(lambda: plant.findings["/coordinator: plant"][0] == 0, 5, "a diagnosis without complaint")

    plant.state = None  # stale
    assert plant.holds()
    assert plant.findings["/coordinator: plant"][0] == 2
    plant.state = 1
    plant.goes_on()
    assert plant.statuses[-1].global_state == 1

    plant.state = 5  # not in the game
    assert plant.holds()
    assert plant.findings["/coordinator: plant"][1].endswith("its states are 0..4")
    plant.state, plant.behind = 2, 2 * TIMEOUT  # stamped long ago
    assert plant.holds()
    plant.behind = 0.0
    plant.goes_on()
    running.listen(PERIOD)

    said = [(d.session, d.tick, d.global_state, d.global_action) for d in plant.decisions]
    told = [(s.session, s.tick, s.global_state, s.global_action) for s in plant.statuses]
    both = min(len(said), len(told))
    assert said[:both] == told[:both], "one decision per tick, as in the status"
    assert [tick for _, tick, _, _ in told] == list(range(len(told)))
    assert {(s, g) for s, _, g, _ in told} == {(session, 3), (session, 1), (session, 2)}
    assert plant.statuses[-1].held_ticks >= 15
    assert plant.statuses[-1].missed_ticks < plant.statuses[-1].held_ticks / 2, "a tick that was held is not late"


def test_a_silent_plant_is_no_reason_to_take_over_and_a_killed_coordinator_is(fleet_of):
    running, plant, children = fleet_of(standby=True)
    plant.state = 2
    plant.goes_on()
    session = plant.decisions[-1].session
    plant.state = None
    assert plant.holds()
    plant.state = 4
    plant.goes_on(10)
    assert {status.session for status in plant.statuses} == {session}
    children["coordinator"].process.kill()
    running.wait_until(lambda: plant.decisions[-1].session != session, 20, "the standby taking over")
    assert next(d for d in plant.decisions if d.session != session).global_state == 4


def test_the_lift_of_the_documentation(fleet_of, tmp_path):
    text = LIFT.search((Path(__file__).parents[2] / "docs" / "how-to" / "plant.md").read_text()).group(1)
    (tmp_path / "lift.py").write_text(text)
    running, _, _ = fleet_of()
    lift = subprocess.Popen(
        [sys.executable, "lift.py"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        running.wait_until(lambda: len({row.global_state for row in running.log.statuses.values()}) >= 2, 30, "the lift moving")
        running.listen(1.0)
    finally:
        lift.terminate()
        output, _ = lift.communicate(timeout=10)
    assert "Traceback" not in output
    rows = list(running.log.statuses.values())
    times, floors = (np.array([getattr(row, name) for row in rows]) for name in ("stamp", "global_state"))
    climbed, passed = (abs(values[:, None] - values[None].astype(float)) for values in (floors, times))
    assert (climbed <= 1.5 + passed).all(), "a floor per second"
    for t in np.flatnonzero(np.diff(floors)):
        decided = [row.global_action for row in rows[max(0, t - 5) : t + 1]]
        assert any((a - floors[t]) * (floors[t + 1] - floors[t]) > 0 for a in decided), "towards what was decided"
    record = running.record(None)
    assert (record.local_action != UNKNOWN).any(), "robots act"


def test_an_unknown_kind_of_plant_is_refused(start_executable, policy):
    process = start_executable("coordinator", **{"policy.file": str(policy), "plant.kind": "imaginary"})
    output, _ = process.communicate(timeout=15)
    assert process.returncode == 2
    assert "one of virtual, external" in output
