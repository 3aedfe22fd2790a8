import numpy as np
import pytest

from altmarl_ros.games import Start, TabularGame
from altmarl_ros.protocol.coordinator import Coordinator
from altmarl_ros.protocol.decision import Rule
from altmarl_ros.protocol.roster import Roster
from altmarl_ros.records.run_record import StatusRow


@pytest.fixture
def make_coordinator(warehouse, small_bundle):
    """Makes coordinators of session 77 of the warehouse with robots 0, 1, ..., suspended after two misses."""

    def make(robots=6, k=3, bundle=small_bundle, **options):
        roster = Roster(max_misses=2)
        for robot_id in range(robots):
            roster.join(robot_id, f"robot_{robot_id}")
        return Coordinator(warehouse, bundle, Rule("fresh"), k, 77, np.random.default_rng(0), roster, **options)

    return make


@pytest.fixture(scope="session")
def ring():
    """Five zones; action 0 stays, action 1 goes to the next zone for sure."""
    zone = np.eye(5)
    P_l = np.stack([zone, np.roll(zone, 1, axis=1)], axis=1)[:, None]
    start = Start(np.ones(1), 1e8 * np.arange(1.0, 6.0))
    return TabularGame("ring", np.ones((1, 1, 1)), P_l, np.zeros((1, 1)), np.zeros((5, 1, 2)), 0.9, start)


@pytest.fixture(scope="session")
def account():
    """Makes a tick's account as it comes off the wire, the estimate in float32."""

    def make(decision, live):
        tick, estimate = decision.tick, tuple(float(np.float32(share)) for share in decision.estimate)
        return StatusRow(
            0.0, tick.session, tick.tick, tick.policy_id, tick.global_state, decision.action, len(tick.polled), decision.heard,
            decision.rung, 0, 0.0, live, decision.sampling_error, estimate, tuple(decision.answers.items()),
        )  # fmt: skip

    return make
