"""Parameters that are set while a fleet runs: what they do, what is refused, and that a record tells of them."""

import signal
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from typer.testing import CliRunner

from altmarl_ros.cli.main import app
from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.games import load_game
from altmarl_ros.policies import Ladder, LocalPolicy, load_bundle, save_bundle
from altmarl_ros.protocol.link_model import Network
from altmarl_ros.protocol.settings import DecisionSettings

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

PERIOD = 0.15


class Tuned:
    """A running fleet whose parameters are set, and its status messages."""

    def __init__(self, running):
        from altmarl_ros.msg import CoordinatorStatus
        from altmarl_ros.nodes.common import qos
        from altmarl_ros.nodes.common.remote_parameters import RemoteParameters

        self.running, self.heard = running, []
        running.observer.create_subscription(CoordinatorStatus, "/fleet/status", self.heard.append, qos.account_qos())
        self.remote = RemoteParameters(running.observer, "/coordinator")
        running.start()
        running.wait_until(lambda: self.remote.ready and len(self.heard) > 3, 40, "some ticks")

    def set(self, node="coordinator", **values):
        """Set what must be taken, and return the ticks that begin after it."""
        taken, reason = self.running.set_parameters(node, **values)
        assert taken, reason
        return self.ticks(2)[-1:]  # the next one may have begun before

    def ticks(self, count):
        """The next so many statuses."""
        before = len(self.heard)
        self.running.wait_until(lambda: len(self.heard) >= before + count, 30, f"{count} ticks")
        return self.heard[before : before + count]

    def read(self):
        """What the node says of all its parameters, by name."""
        task = self.running._executor.create_task(self.remote.read())
        self.running.wait_until(task.done, 10, "the parameters")
        return {parameter.name: parameter for parameter in task.result()}


@pytest.fixture
def tuned(fleet, policy):
    return lambda **options: Tuned(
        fleet(FleetPlan("warehouse", policy, **{"robots": 12, "k": 3, "period": PERIOD, "processes": 1, **options}))
    )


def time_of(status):
    return status.stamp.sec + 1e-9 * status.stamp.nanosec


def test_every_live_parameter_does_what_it_says_and_the_record_tells_so(tuned, tmp_path):
    bag = tmp_path / "bag"
    recorder = subprocess.Popen(
        [sys.executable, "-m", "altmarl_ros.cli.main", "record", str(bag)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path,
    )
    try:
        fleet = tuned()
        assert {status.rung for status in fleet.ticks(3)} == {6}, "filtered acts by the top rung"
        assert fleet.set(sampling__k=5)[0].asked == 5
        after = [*fleet.set(sampling__model="fresh"), *fleet.ticks(5)]
        assert all(status.rung == status.heard for status in after)
        fleet.set(sampling__model="sticky", sampling__turnover=0.0)
        assert all(set(a.heard_id) <= set(b.polled) for a, b in pairwise(fleet.ticks(6)))
        fleet.set(sampling__turnover=1.0, policy__temperature=50.0)
        assert len({status.global_action for status in fleet.ticks(40)}) == 5, "hot, it takes any action"
        fleet.set(policy__temperature=0.0, sampling__model="filtered", sampling__seed=7)
        errors = [status.sampling_error for status in fleet.ticks(8)]
        fleet.set(sampling__k=1)
        assert np.mean([status.sampling_error for status in fleet.ticks(8)]) > np.mean(errors)
        assert fleet.set(bandwidth_limit=1e6)[0].bandwidth_limit == pytest.approx(1e6)
        fleet.set(tick__period=0.4, tick__deadline=0.5)
        assert np.median(np.diff([time_of(status) for status in fleet.ticks(6)])) == pytest.approx(0.4, abs=0.1)
        fleet.set(tick__period=PERIOD)
        assert np.median(np.diff([time_of(status) for status in fleet.ticks(9)])) == pytest.approx(PERIOD, abs=0.1)
        values = {name: parameter.value for name, parameter in fleet.read().items()}
        assert DecisionSettings.from_parameters(values) == DecisionSettings("filtered", 1.0, 0.0, 7)
    finally:
        recorder.send_signal(signal.SIGINT)
        output, _ = recorder.communicate(timeout=20)
    assert recorder.returncode == 0, output
    result = CliRunner().invoke(app, ["replay", str(bag)])
    assert result.exit_code == 0, result.output
    assert ", 0 different" in result.output


def test_a_status_tells_the_k_with_which_its_tick_began(tuned):
    """Where reports are lost a tick stays open for most of its period, so that k is mostly set in the middle of one."""
    fleet = tuned(network=Network(loss=0.7), period=0.4)
    wanted = [1, 5, 2, 6, 1, 4, 6, 3]
    for k in wanted:
        assert fleet.set(sampling__k=k)[0].k == k
    assert set(wanted) <= {status.k for status in fleet.heard}
    assert [(status.tick, status.k) for status in fleet.heard] == [(status.tick, status.k_eff) for status in fleet.heard]


def test_a_set_is_taken_whole_or_refused_whole(tuned):
    from altmarl_ros.nodes.coordinator.parameters import PARAMETERS

    fleet = tuned()
    before = fleet.read()
    for values, reason in (
        ({"sampling__k": 2, "sampling__model": "guess"}, "must be one of filtered, fresh, sticky"),
        ({"sampling__k": 2, "policy__temperature": -1.0}, "policy.temperature"),
        ({"sampling__k": 7, "paused": True}, "k is 7, must be in 0..6"),
        ({"sampling__k": 2, "sampling__seed": 1.5}, "sampling.seed"),
        ({"sampling__k": 2, "tick__period": 1e9}, "tick.period"),
        ({"sampling__k": 2, "roster__capacity": 1}, "roster.capacity: read when the node is configured"),
        ({"sampling__k": 2, "sampling__modle": "fresh"}, "no parameter 'sampling.modle'; is 'sampling.model' meant?"),
    ):
        taken, why = fleet.running.set_parameters("coordinator", **values)
        assert not taken
        assert reason in why
    assert fleet.read() == before
    assert fleet.ticks(2)[-1].k == 3
    again = {parameter.name.replace(".", "__"): before[parameter.name].value for parameter in PARAMETERS}
    taken, why = fleet.running.set_parameters("coordinator", **again)
    assert taken, f"what was dumped can be loaded: {why}"
    k, model = before["sampling.k"], before["sampling.model"]
    assert (k.minimum, k.maximum, k.live) == (0, 10_000, True)
    assert model.choices == ("filtered", "fresh", "sticky")
    assert not before["roster.capacity"].live


def test_a_paused_fleet_waits_and_misses_nothing(tuned):
    fleet = tuned(standby=True)
    session = fleet.heard[-1].session
    assert fleet.running.set_parameters("coordinator", paused=True)[0]
    fleet.running.listen(3 * PERIOD)
    missed = fleet.heard[-1].missed_ticks
    ticks, actions = len(fleet.heard), len(fleet.running.log.truths)
    fleet.running.listen(2.0)  # longer than a standby waits
    assert len(fleet.heard) == ticks
    assert len(fleet.running.log.truths) <= actions + 1
    taken, reason = fleet.running.set_parameters("coordinator", sampling__k=2, paused=False)
    assert taken, reason
    after = fleet.ticks(5)
    assert {status.session for status in fleet.heard} == {session}, "nobody took over"
    assert after[-1].asked == 2
    assert fleet.heard[ticks].missed_ticks == missed  # of the first tick after the pause
    assert [status.tick for status in fleet.heard] == list(range(len(fleet.heard)))


def test_a_policy_comes_with_what_it_needs_in_one_set(tuned, policy):
    """Its own k, and no temperature where it has no values, although the open tick goes by the old ones."""
    bundle = load_bundle(policy)
    bare = replace(bundle, pi_g=Ladder(bundle.pi_g.rungs[:3], 5, 5), pi_l=LocalPolicy(bundle.pi_l.probabilities[..., ::-1]))
    path = save_bundle(bare, policy.parent / "bare.npz")
    fleet = tuned()
    fleet.set(policy__temperature=1.0)
    for values, reason in (({}, "k is 3"), ({"sampling__k": 2}, "has no values")):
        taken, why = fleet.running.set_parameters("coordinator", policy__file=str(path), **values)
        assert not taken
        assert reason in why
    fleet.set(policy__file=str(path), sampling__k=2, policy__temperature=0.0)
    fleet.running.wait_until(lambda: fleet.heard[-1].policy_id == bare.policy_id, 15, "the policy in force")
    assert fleet.ticks(2)[-1].asked == 2
    assert fleet.heard[-1].rung == 2


def test_robots_that_are_warm_take_other_actions(tuned, policy):
    fleet = tuned()
    pi_l = load_bundle(policy).pi_l.probabilities

    def surprising(tick):
        truths = [t for (_, number), t in fleet.running.log.truths.items() if number >= tick]
        state_of = {status.tick: status.global_state for status in fleet.heard}
        return sum(
            a is not None and pi_l[s, state_of[t.tick], a] == 0.0
            for t in truths
            if t.tick in state_of
            for s, a in zip(t.local_states, t.local_actions, strict=True)
        )

    assert surprising(0) == 0
    first = fleet.set("robots_0", policy__temperature=100.0)[0].tick + 1
    fleet.ticks(10)
    assert surprising(first) > 10
    fleet.set("robots_0", policy__temperature=0.0)
    later = fleet.ticks(3)[-1].tick
    fleet.ticks(5)
    assert surprising(later) == 0
    assert load_game("warehouse").n_local_actions == 3
