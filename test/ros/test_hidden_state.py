"""A fleet over real DDS whose robots move by a hidden state: it is found from the reports, told, handed over and replayed."""

from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.learning.populations.population import CountedPopulation
from altmarl_ros.msg import FleetConfiguration, HiddenEvidence
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.observation import make_model
from altmarl_ros.policies import save_bundle
from altmarl_ros.protocol.settings import DecisionSettings
from altmarl_ros.records.replay import redecide
from altmarl_ros.simulation.hidden_path import HiddenPath

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

TICKS, SEED, ROBOTS, K, RUNS = 60, 5, 10, 3, 400


@pytest.fixture
def running(fleet, loads, loads_bundle, loads_file, tmp_path):
    """A fleet with a standby, and what its coordinators say that they decide by."""
    policy = save_bundle(loads_bundle, tmp_path / "loads.npz")
    plan = FleetPlan(str(loads_file), policy, robots=ROBOTS, k=K, period=0.2, processes=2, standby=True, seed=SEED)
    running = fleet(plan)
    running.configurations = {}

    def hear(message):
        configuration = conversions.configuration_from_message(message)
        running.configurations.setdefault(configuration.session, configuration)

    running.tell = running.observer.create_publisher(HiddenEvidence, "/fleet/hidden_evidence", qos.command_qos()).publish
    running.observer.create_subscription(FleetConfiguration, "/fleet/configuration", hear, qos.account_qos())
    return running


def test_a_fleet_plays_a_game_with_a_hidden_state(running, loads, loads_bundle, same_start):
    children = running.start()
    running.wait_until(lambda: len(running.log.truths) >= TICKS, 90, "the ticks of the first coordinator")
    first = running.observer.latest.session
    record = running.record(TICKS)

    decides = lambda name: f"]: session {first}\n" in children[name].log.read_text()  # noqa: E731
    children[next(filter(decides, running.plan.coordinators))].process.kill()
    running.wait_until(lambda: running.observer.latest.session != first, 30, "the standby taking over")
    second = running.observer.latest.session
    running.tell(HiddenEvidence(source="orders", weight=[1.0, 2.0]))
    running.tell(HiddenEvidence(source="orders", weight=[np.nan, 2.0]))
    running.wait_until(lambda: len(running.log.truths) >= len(record.tick) + 20, 30, "ticks of the standby")
    rows = list(running.log.statuses.values())

    # Every process moves its robots by the same path, which seed, session and tick tell.
    path = HiddenPath(loads.hidden, SEED)
    truths = running.log.truths.values()
    assert [truth.hidden_state for truth in truths] == [path.at(truth.session, truth.tick) for truth in truths]

    told = [(row.session, row.evidence) for row in rows if row.evidence]
    assert told == [(second, (0.5, 1.0))]

    beliefs = np.array([row.belief for row in rows])
    assert beliefs.shape == (len(rows), 2)
    np.testing.assert_allclose(beliefs.sum(axis=1), 1.0, atol=1e-6)
    found = (record.belief.argmax(axis=1) == record.hidden_state).mean()
    assert found > 0.6

    # The belief of the last decision is what the standby begins with.
    last = [row for row in rows if row.session == first][-1]
    handover = running.configurations[second].handover
    assert (handover.belief, handover.estimate) == (last.belief, last.estimate)
    policies = {loads_bundle.policy_id: loads_bundle}
    for session, known in running.configurations.items():
        played = [row for row in rows if row.session == session]
        settings = {0: DecisionSettings.from_parameters(known.parameters)}
        redecisions = list(redecide(played, loads, settings, policies, handover=known.handover))
        assert [again.decided for again in redecisions] == [row.global_action for row in played]
        assert max(again.deviation for again in redecisions) < 1e-6

    per_run = simulated_rewards(record, loads, loads_bundle, same_start(record, loads.n_local_states, RUNS)).mean(axis=0)
    assert per_run.std() < 0.1, "the comparison would see nothing"
    assert abs(record.rewards(loads).mean() - per_run.mean()) < 3.5 * per_run.std()


def simulated_rewards(record, game, bundle, start):
    """Rewards [T, R] of simulated fleets that begin like a recorded one and move by its hidden states."""
    population = CountedPopulation(game, bundle.pi_l, replace(start, d=np.zeros(RUNS, dtype=np.int64)))
    model, rng, moving, rewards = make_model("filtered", game, bundle), *np.random.default_rng(0).spawn(2), []
    model.reset(RUNS)
    for d in record.hidden_state:
        population.d = np.full(RUNS, d)
        a_g = model.decide(population.s_g, population.poll(K, model.turnover, rng), ROBOTS)
        rewards.append(population.step(a_g, moving))
    return np.array(rewards)
