"""The coordinator's life cycle by its services."""

import json
import subprocess
import time

import pytest

from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.errors import AltmarlError
from altmarl_ros.nodes.common.lifecycle import ManagedNode
from altmarl_ros.nodes.common.running import make_executor
from altmarl_ros.protocol.messages import is_newer
from altmarl_ros.resources import executable

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

UNCONFIGURED, INACTIVE, ACTIVE, FINALIZED = 1, 2, 3, 4
PERIOD = 0.1
SHORT = 0.02  # s


class Managed:
    """A coordinator that does not start by itself, and the services of its life cycle."""

    def __init__(self, running, **parameters):
        from lifecycle_msgs.srv import ChangeState, GetState

        self._running, self._requests = running, {"change_state": ChangeState, "get_state": GetState}
        self._clients = {
            name: running.observer.create_client(kind, f"/coordinator/{name}") for name, kind in self._requests.items()
        }
        parameters = {"autostart": False, "tick.period": PERIOD, "sampling.k": 3, **parameters}
        settings = [item for name, value in parameters.items() for item in ("-p", f"{name}:={json.dumps(value)}")]
        self.child = running.group.start("managed", [str(executable("coordinator")), "--ros-args", *settings])
        for client in self._clients.values():
            running.wait_until(client.service_is_ready, 20, "a lifecycle service")

    def _call(self, name, label=None):
        request = self._requests[name].Request()
        if label is not None:
            request.transition.label = label
        future = self._clients[name].call_async(request)
        self._running.wait_until(future.done, 10, f"the answer of {name}")
        return future.result()

    def change(self, label):
        return self._call("change_state", label).success

    @property
    def state(self):
        return self._call("get_state").current_state.id

    def said(self, text):
        return text in self.child.log.read_text()


@pytest.fixture
def robots(fleet, policy):
    """Four robots and their world, without a coordinator."""
    running = fleet(FleetPlan("warehouse", policy, robots=4, k=3, period=PERIOD, processes=1))
    running.start("world", "robots_0")
    return running


def newest(running):
    return running.observer.latest


def test_a_transition_that_is_not_possible_is_refused_and_ends_nothing(robots, policy):
    from lifecycle_msgs.msg import Transition
    from lifecycle_msgs.srv import ChangeState

    managed = Managed(robots, **{"policy.file": str(policy)})
    client = robots.observer.create_client(ChangeState, "/coordinator/change_state")
    robots.wait_until(client.service_is_ready, 20, "the service")
    for number in (Transition.TRANSITION_ACTIVATE, Transition.TRANSITION_CLEANUP, 0, 99, 255):
        future = client.call_async(ChangeState.Request(transition=Transition(id=number)))
        robots.wait_until(future.done, 10, f"the answer to transition {number}")
        assert not future.result().success
    assert managed.state == UNCONFIGURED
    assert managed.child.exit_code is None


def test_a_life_with_two_sessions_and_two_configurations(robots, policy):
    node = Managed(robots, **{"paths.allowed": str(policy.parent)})
    assert node.state == UNCONFIGURED
    assert not node.change("configure")
    assert node.state == UNCONFIGURED
    assert node.said("cannot configure: parameter 'policy.file' of the coordinator is empty")
    assert robots.set_parameters("coordinator", policy__file=str(policy.parent / "nowhere.npz"), sampling__k=6)[0]
    assert not node.change("configure")
    assert node.said("/nowhere.npz")
    assert not node.change("activate"), "an unconfigured node"

    assert robots.set_parameters("coordinator", policy__file=str(policy))[0]
    assert node.change("configure")
    assert node.state == INACTIVE
    refused, reason = robots.set_parameters("coordinator", roster__capacity=3)
    assert (refused, reason) == (False, "roster.capacity: read when the node is configured; clean it up before")
    refused, reason = robots.set_parameters("coordinator", sampling__k=7)
    assert not refused
    assert "k is 7" in reason
    robots.listen(5 * PERIOD)
    assert newest(robots) is None, "an inactive coordinator is silent"

    assert robots.set_parameters("coordinator", sampling__k=2)[0]
    assert node.change("activate")
    assert node.state == ACTIVE
    robots.wait_until(lambda: newest(robots) and newest(robots).heard == 2, 15, "two reports per tick")
    assert robots.set_parameters("coordinator", sampling__k=1)[0], "live while active"
    robots.wait_until(lambda: newest(robots).asked == 1, 5, "the live parameter")
    first = newest(robots).session

    assert node.change("deactivate")
    robots.listen(3 * PERIOD)
    ticks = len(robots.log.statuses)
    robots.listen(5 * PERIOD)
    assert len(robots.log.statuses) == ticks, "deactivated, it does not tick"
    assert node.change("activate")
    robots.wait_until(lambda: newest(robots).session != first and newest(robots).heard == 1, 10, "a new session")
    second = newest(robots).session
    assert is_newer(second, first)
    assert (second, 0) in robots.log.statuses

    assert node.change("deactivate")
    assert node.change("cleanup")
    assert node.state == UNCONFIGURED
    robots.wait_until(lambda: robots.observer.count_publishers("/fleet/tick") == 0, 10, "its endpoints gone")
    assert robots.set_parameters("coordinator", sampling__k=4, tick__period=2 * PERIOD)[0]
    assert node.change("configure")
    assert node.change("activate")
    robots.wait_until(lambda: newest(robots).session != second and newest(robots).heard == 4, 10, "four reports per tick")
    third = newest(robots).session
    assert is_newer(third, second)
    assert (third, 0) in robots.log.statuses

    assert node.change("shutdown")
    assert node.state == FINALIZED
    assert not node.change("configure")
    assert not node.said("Traceback")


class Fragile(ManagedNode):
    """Fails as it is told to, after it has made something."""

    def __init__(self):
        super().__init__("fragile", services=False)
        self.fails, self.steps = {}, []

    def _take(self, step):
        self.steps.append(step)
        self.create_timer(3600.0, print)
        if step in self.fails:
            raise self.fails[step]

    def configure(self):
        self._take("configure")

    def activate(self):
        self._take("activate")

    def deactivate(self):
        self.steps.append("deactivate")

    def cleanup(self):
        self.steps.append("cleanup")


@pytest.fixture
def fragile():
    import rclpy

    rclpy.init(args=[])
    node = Fragile()
    yield node
    node.stop()
    node.destroy_node()
    rclpy.shutdown()


@pytest.mark.parametrize(
    ("step", "error", "state"),
    [
        ("configure", AltmarlError("no such game"), UNCONFIGURED),
        ("configure", ZeroDivisionError("unforeseen"), UNCONFIGURED),
        ("activate", AltmarlError("no such session"), INACTIVE),
        ("activate", ZeroDivisionError("unforeseen"), UNCONFIGURED),
    ],
)
def test_a_step_that_fails_leaves_nothing_behind_and_can_be_taken_again(fragile, step, error, state):
    fragile.fails[step] = error
    with pytest.raises(type(error), match=str(error)):
        fragile.start()
    assert fragile.state_id == state
    assert len(list(fragile.timers)) == (1 if state == INACTIVE else 0)
    undone = {"configure": [], "activate": ["deactivate"]}[step] + (["cleanup"] if state == UNCONFIGURED else [])
    assert fragile.steps == {"configure": ["configure"], "activate": ["configure", "activate"]}[step] + undone
    fragile.fails.clear()
    if state == INACTIVE:
        fragile.trigger_cleanup()
    fragile.start()
    assert fragile.state_id == ACTIVE
    assert len(list(fragile.timers)) == 2
    fragile.trigger_shutdown()
    assert (fragile.state_id, len(list(fragile.timers))) == (FINALIZED, 0)
    assert fragile.steps[-2:] == ["deactivate", "cleanup"]


def test_a_timer_that_is_destroyed_while_it_is_due_is_not_called_any_more(fragile):
    """One of two timers that are both due destroys the other, in whatever order the executor has queued them."""
    called = []
    executor = make_executor()
    executor.add_node(fragile)

    def destroy(other):
        called.append(other)
        time.sleep(3 * PERIOD)  # both have been due meanwhile
        fragile.destroy_timer(timers[other])

    timers = [fragile.create_timer(PERIOD, lambda other=other: destroy(other)) for other in (1, 0)]
    end = time.monotonic() + 10 * PERIOD
    while time.monotonic() < end:
        executor.spin_once(timeout_sec=0.02)
    executor.shutdown()
    assert len(set(called)) == 1
    assert len(called) > 1


def test_a_timer_that_is_reset_while_it_is_due_is_called_a_period_later(fragile):
    """One of two timers resets the other one every fourth time, and both are due then, in whatever order they are queued."""
    calls, reset_at, waited = 0, [], []
    executor = make_executor()
    executor.add_node(fragile)

    def reset_other():
        nonlocal calls
        calls += 1
        if calls % 4 == 0:
            time.sleep(1.5 * SHORT)
            other.reset()
            reset_at.append(time.monotonic())

    def note():
        if reset_at:
            waited.append(time.monotonic() - reset_at.pop())

    for first in (True, False):
        if first:
            resetting = fragile.create_timer(SHORT, reset_other)
        other = fragile.create_timer(SHORT, note)
        if not first:
            resetting = fragile.create_timer(SHORT, reset_other)
        end = time.monotonic() + 60 * SHORT
        while time.monotonic() < end:
            executor.spin_once(timeout_sec=0.02)
        for timer in (resetting, other):
            fragile.destroy_timer(timer)
        reset_at.clear()
    executor.shutdown()
    assert len(waited) > 5
    assert min(waited) > 0.9 * SHORT


def test_it_stops_cleanly_from_every_state(start_executable, policy):
    process = start_executable("coordinator", autostart=False)
    with pytest.raises(subprocess.TimeoutExpired):
        process.communicate(timeout=2.0)
    process.terminate()
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 0, output
    assert output == ""
