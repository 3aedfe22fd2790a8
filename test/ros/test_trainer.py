"""A trainer beside a running fleet: train, shadow, deploy, roll back; cancel, crash, kill and refuse."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.policies import load_bundle, save_bundle
from altmarl_ros.policy_updates.candidate import Stage
from altmarl_ros.protocol.settings import DecisionSettings
from altmarl_ros.records.replay import redecide

pytestmark = [pytest.mark.ros, pytest.mark.untimed]


class Plan(FleetPlan):
    """A plan with a trainer that is quick about it."""

    def nodes(self):
        own = {"folder": str(self.policy.parent / "trainer"), "runs": 50, "shadow.ticks": 5, "nice": 1}
        return [
            replace(node, parameters={**node.parameters, **own}) if node.executable == "trainer" else node
            for node in super().nodes()
        ]


class Trainer:
    """An operator's view of the trainer and of the policy of each tick."""

    def __init__(self, running):
        from std_srvs.srv import Trigger

        from altmarl_ros.msg import CoordinatorStatus, TrainingProgress
        from altmarl_ros.nodes.common import qos

        self.running, self.heard, self.statuses = running, [], []
        node = running.observer
        node.create_subscription(TrainingProgress, "/trainer/progress", self.heard.append, qos.latched_qos(50))
        node.create_subscription(CoordinatorStatus, "/fleet/status", self.statuses.append, qos.account_qos())
        names = ("train", "cancel", "deploy", "rollback")
        self._request = Trigger.Request
        self._clients = {name: node.create_client(Trigger, f"/trainer/{name}") for name in names}

    @property
    def last(self):
        return self.heard[-1]

    def call(self, name):
        """(success, message) of a service."""
        client = self._clients[name]
        self.running.wait_until(client.service_is_ready, 20, f"the service {name}")
        future = client.call_async(self._request())
        self.running.wait_until(future.done, 10, f"the answer of {name}")
        return future.result().success, future.result().message

    def asked(self, name):
        done, message = self.call(name)
        assert done, message
        return message

    def wait_for(self, *stages, timeout=120):
        """The message with which one of these stages is reached after the last call."""
        begin = len(self.heard) - 1

        def reached():
            return any(Stage(message.state) in stages for message in self.heard[begin:])

        self.running.wait_until(reached, timeout, f"{stages}")
        return next(message for message in self.heard[begin:] if Stage(message.state) in stages)

    def train(self):
        self.asked("train")
        ended = self.wait_for(Stage.READY, Stage.FAILED, Stage.DEPLOYING)
        assert ended.state == Stage.READY, ended.message
        return ended


def workers(process):
    """Training processes of a trainer."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(pid) for pid in children if b"training_worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def started(fleet, policy, tmp_path):
    own = tmp_path / "present.npz"
    own.write_bytes(policy.read_bytes())
    running = fleet(Plan("warehouse", own, robots=30, k=3, period=0.2, processes=2, trainer=True))
    trainer = Trainer(running)
    children = running.start()
    running.wait_until(lambda: trainer.statuses and trainer.heard, 40, "the fleet and its trainer")
    running.wait_until(lambda: trainer.heard[-1].policy_id != 0, 20, "the trainer hearing the fleet")
    return running, trainer, children


def assert_all_act_by_the_policy_of_the_tick(running, trainer, bundles):
    """Every action of every robot is one that the tick's policy takes there; counts those that only it takes."""
    policy_of = {(status.session, status.tick): status for status in trainer.statuses}
    telling = dict.fromkeys(bundles, 0)
    for key, truth in running.log.truths.items():
        if key not in policy_of:
            continue
        status = policy_of[key]
        for s_l, a_l in zip(truth.local_states, truth.local_actions, strict=True):
            if a_l is not None:
                by = {i for i, bundle in bundles.items() if bundle.pi_l.probabilities[s_l, status.global_state, a_l] > 0}
                assert status.policy_id in by, f"tick {key[1]}"
                telling[status.policy_id] += by == {status.policy_id}
    return telling


def test_a_reward_is_changed_and_the_fleet_goes_over_and_back_at_one_tick(started):
    running, trainer, children = started
    old = trainer.last.policy_id
    assert running.set_parameters("trainer", **{"reward__parameters": "{previous_reward: 30}", "reward__local": 2.0})[0]
    assert trainer.call("deploy") == (False, "there is no candidate: train first")
    assert trainer.call("rollback") == (False, "no policy is kept to which to return")
    assert trainer.call("cancel") == (False, "no training is under way")
    ready = trainer.train()
    assert (ready.policy_id, ready.fraction, ready.shadow_ticks) == (old, 1.0, 5)
    assert ready.shadow_agreed <= 5
    assert ready.gain - ready.gain_half_width > 0, "the new reward is worth learning again"
    assert ready.candidate_value - ready.value == pytest.approx(ready.gain, abs=1e-2)
    new = ready.candidate_id
    assert new not in (0, old)
    assert all(status.policy_id == old for status in trainer.statuses), "nothing is deployed unasked"
    bundles = {old: load_bundle(ready.policy_file), new: load_bundle(ready.candidate_file)}
    assert bundles[new].report["rewards"]["parameters"] == {"previous_reward": 30}
    trainer.asked("deploy")
    deployed = trainer.wait_for(Stage.DEPLOYED)
    assert (deployed.policy_id, list(deployed.kept)) == (new, [old])
    assert trainer.call("deploy") == (False, f"policy {new:08x} is in force already")
    switched = trainer.statuses[-1].tick
    running.wait_until(lambda: trainer.statuses[-1].tick >= switched + 5, 20, "ticks by the new policy")
    trainer.asked("rollback")
    back = trainer.wait_for(Stage.DEPLOYED)
    assert (back.policy_id, back.candidate_id, list(back.kept)) == (old, new, [])
    switched = trainer.statuses[-1].tick
    running.wait_until(lambda: any(tick >= switched + 5 for _, tick in running.log.truths), 20, "ticks by the old policy")
    ticks = [status.tick for status in trainer.statuses]
    assert ticks == list(range(ticks[0], ticks[-1] + 1)), "no tick is left out"
    telling = assert_all_act_by_the_policy_of_the_tick(running, trainer, bundles)
    assert min(telling.values()) > 100, "the policies can be told apart"

    trainer.asked("deploy")
    assert list(trainer.wait_for(Stage.DEPLOYED).kept) == [old], "the same candidate once more"
    trainer.asked("rollback")
    trainer.wait_for(Stage.DEPLOYED)
    command_line_goes_the_same_way(running, old, new)
    running.set_parameters("trainer", runs=400)
    trainer.asked("train")
    running.wait_until(lambda: workers(children["trainer"].process), 10, "a training process")
    (worker,) = workers(children["trainer"].process)
    children["trainer"].process.kill()
    running.wait_until(lambda: not alive(worker), 10, "the end of the orphaned training")
    trainer.heard.clear()
    running.start("trainer")
    running.wait_until(lambda: trainer.heard and trainer.last.policy_id == new, 30, "the trainer's return")
    assert (trainer.last.state, list(trainer.last.kept)) == (Stage.IDLE, [old])
    trainer.asked("rollback")
    assert trainer.wait_for(Stage.DEPLOYED).policy_id == old


def command_line_goes_the_same_way(running, old, new):
    def altmarl(*arguments):
        command = [Path(sys.executable).with_name("altmarl"), "retrain", "--json", *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            running.wait_until(lambda: process.poll() is not None, 120, f"altmarl retrain {arguments}")
            return process.returncode, json.load(process.stdout)

    code, refused = altmarl("--reward", "move_logit=2")
    assert code == 1
    assert "move_logit would change" in refused["failure"]
    code, refused = altmarl("--rollback")
    assert (code, refused["failure"]) == (1, "no policy is kept to which to return")
    code, found = altmarl("--reward", "previous_reward=30", "--if-better", "1e6")
    assert (code, found["state"], found["policy_id"]) == (1, "ready", old)
    assert found["shadow_ticks"] == 5
    code, found = altmarl("--no-train", "--deploy")
    assert (code, found["failure"], found["state"], found["policy_id"]) == (0, "", "deployed", new)
    assert found["kept"] == [old]


def test_training_is_cancelled_crashes_repeats_and_deploys_itself_only_above_the_margin(started):
    running, trainer, children = started
    process, old = children["trainer"].process, trainer.last.policy_id
    for parameters, reason in (
        ({"reward__parameters": "{move_logit: 2}"}, "move_logit would change how the fleet moves"),
        ({"reward__parameters": "{nearby: lots}"}, "parameters.nearby"),
        ({"reward__parameters": "nearby"}, "'reward.parameters': 'nearby' is no mapping"),
        ({"game": "chess", "rounds": 3}, "chess"),
        ({"K": 9000, "backup": "exact"}, "count vectors"),
        ({"backup": "guess"}, "auto, shares, exact"),
        ({"folder": "elsewhere"}, "read-only"),
    ):
        taken, said = running.set_parameters("trainer", **parameters)
        assert not taken
        assert reason in said
    assert running.set_parameters("trainer", game="federated")[0]
    refused, reason = trainer.call("train")
    assert not refused
    assert "the fleet plays game 'warehouse'" in reason
    assert running.set_parameters("trainer", game="warehouse", K=2, backup="exact")[0]
    assert trainer.call("train") == (False, "parameter 'K' is 2, below the 3 reports that the coordinator wants")
    assert running.set_parameters("trainer", K=0, backup="auto", runs=20000)[0]

    trainer.asked("train")
    running.wait_until(lambda: trainer.last.state == Stage.TRAINING and trainer.last.fraction > 0, 60, "a first step")
    assert trainer.call("train") == (False, "a training is under way: cancel it first")
    (worker,) = workers(process)
    assert trainer.asked("cancel").startswith("cancelled while round")
    assert trainer.last.state == Stage.CANCELLED
    running.wait_until(lambda: not alive(worker), 5, "the end of the cancelled training")

    trainer.asked("train")
    running.wait_until(lambda: workers(process), 10, "a training process")
    os.kill(workers(process)[0], signal.SIGKILL)
    assert trainer.wait_for(Stage.FAILED).message == "the training process ended by signal 9"
    assert running.set_parameters("trainer", train__timeout=1.0)[0]
    trainer.asked("train")
    assert "'train.timeout'" in trainer.wait_for(Stage.FAILED).message

    values = {"train__timeout": 600.0, "runs": 50, "auto_deploy": True, "shadow__timeout": 0.5}
    assert running.set_parameters("trainer", reward__parameters="{previous_reward: 30}", **values)[0]
    assert running.set_parameters("coordinator", paused=True)[0]
    ready = trainer.train()
    assert "no live tick seen" in ready.message
    running.listen(0.5)
    assert trainer.last.state == Stage.READY, "nobody saw it decide"
    assert running.set_parameters("coordinator", paused=False)[0]
    assert running.set_parameters("trainer", deploy__margin=1e6, shadow__timeout=1e4)[0]
    ready = trainer.train()
    assert ready.gain - ready.gain_half_width > 0
    running.listen(0.5)
    assert trainer.last.state == Stage.READY, "not above the margin"
    assert running.set_parameters("trainer", deploy__margin=0.0)[0]
    assert trainer.wait_for(Stage.DEPLOYED).policy_id == ready.candidate_id != old
    assert running.set_parameters("trainer", coordinator="/nobody", deploy__timeout=0.5)[0]
    trainer.asked("rollback")
    running.wait_until(lambda: trainer.last.state != Stage.DEPLOYING, 20, "the end of a deployment to nobody")
    assert trainer.last.state == Stage.DEPLOYED
    assert "services of /nobody were not there" in trainer.last.message
    assert trainer.last.policy_id == ready.candidate_id


def test_a_fleet_with_a_hidden_state_is_retrained_in_flight(fleet, loads, loads_bundle, loads_file, tmp_path):
    present = save_bundle(loads_bundle, tmp_path / "present.npz")
    running = fleet(Plan(str(loads_file), present, robots=10, k=3, period=0.2, processes=1, trainer=True))
    trainer = Trainer(running)
    running.start()
    running.wait_until(lambda: trainer.statuses and trainer.heard and trainer.last.policy_id, 60, "the fleet and its trainer")
    old = trainer.last.policy_id
    assert running.set_parameters("trainer", game=str(loads_file), gamma=0.8, reward__local=3.0)[0]
    ready = trainer.train()
    assert (ready.policy_id, ready.shadow_ticks) == (old, 5)
    assert ready.shadow_agreed >= 1, "it finds the same hidden state from the same reports"
    candidate = load_bundle(ready.candidate_file)
    assert candidate.n_hidden_states == 2
    assert (candidate.game_hash, candidate.dynamics_hash) != (loads.content_hash, "")
    assert candidate.dynamics_hash == loads.dynamics_hash
    trainer.asked("deploy")
    assert trainer.wait_for(Stage.DEPLOYED).policy_id == ready.candidate_id
    switched = trainer.statuses[-1].tick
    running.wait_until(lambda: trainer.statuses[-1].tick >= switched + 10, 30, "ticks by the new policy")

    rows = [status for _, status in sorted(running.log.statuses.items())]
    assert running.log.sessions == 1
    assert {row.policy_id for row in rows} == {old, ready.candidate_id}
    policies = {old: loads_bundle, ready.candidate_id: candidate}
    again = list(redecide(rows, loads, {0: DecisionSettings()}, policies))
    assert [each.decided for each in again] == [row.global_action for row in rows], "the belief goes on over the change"
