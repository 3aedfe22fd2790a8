"""Fixtures shared by all tests; nothing here knows ROS."""

import gc
from itertools import product

import numpy as np
import pytest
from hypothesis import settings

from altmarl_ros.errors import GameError
from altmarl_ros.games import Start, TabularGame, load_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.learning.counts.backups import GLearnOptions
from altmarl_ros.learning.shares.solver import SharesOptions
from altmarl_ros.protocol.coordinator import Coordinator
from altmarl_ros.protocol.evidence import EvidenceInbox
from altmarl_ros.protocol.held_policies import HeldPolicy, digest_of, policies_by_type
from altmarl_ros.protocol.messages import game_tag
from altmarl_ros.protocol.settings import CoordinatorSettings, DecisionSettings
from altmarl_ros.records.rows import StatusRow
from altmarl_ros.records.run_log import RunLog
from altmarl_ros.simulation.markov_world import Truth
from altmarl_ros.simulation.vectorised_fleet import Crowd

settings.register_profile("altmarl", deadline=None, derandomize=True, max_examples=50)
settings.register_profile("quick", settings.get_profile("altmarl"), max_examples=10)  # of `make quick`
settings.load_profile("altmarl")


def pytest_addoption(parser):
    parser.addoption("--soak-minutes", type=float, default=10.0, help="how long the soak of memory runs [min]")
    parser.addoption("--site", help="the documentation that was just built, a folder of the checkout")
    parser.addoption("--axe", help="axe.min.js of axe-core, by which every view of the dashboard is judged")
    parser.addoption("--pictures", help="folder for a picture of every view of the dashboard")
    parser.addoption("--retry-waiting", action="store_true", help="try a failed test again that waits for processes")


_WAITING_FOLDERS = ("benchmarks", "dashboard", "docs", "links")  # beside the tests marked as ros


def pytest_collection_modifyitems(config, items):
    """Mark what may be tried again; spread the files whose tests wait among those that compute, where workers share a machine.

    A test that only computes is tried once: what it finds is not the machine's fault, and `--reruns` would add 40 ms to each of
    thousands, since its workers ask a server for permission, in packets that TCP holds back.
    """
    if config.getoption("--retry-waiting"):
        folders = [config.rootpath / "test" / name for name in _WAITING_FOLDERS]
        for item in items:
            if item.get_closest_marker("ros") or any(item.path.is_relative_to(folder) for folder in folders):
                item.add_marker(pytest.mark.flaky(reruns=1))
    if not hasattr(config, "workerinput"):
        return
    files = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    waiting = [tests for tests in files.values() if tests[0].get_closest_marker("ros")]
    computing = [tests for tests in files.values() if not tests[0].get_closest_marker("ros")]
    placed = [((i + 0.5) / len(kind), tests) for kind in (waiting, computing) for i, tests in enumerate(kind)]
    items[:] = [item for _, tests in sorted(placed, key=lambda pair: pair[0]) for item in tests]


def pytest_collection_finish(session):
    """Keep modules and tests out of the garbage collector's way: each of its passes would look at all of them again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def warehouse():
    return load_game("warehouse")


@pytest.fixture(scope="session")
def small_bundle(warehouse):
    """A quickly trained bundle of the warehouse with a ladder, rungs 0..3."""
    ladder = GLearnOptions(backup="exact")
    return train(warehouse, TrainingOptions(K=3, runs=50, n=100, rounds=2, certificate_runs=0, g_learn=ladder))


@pytest.fixture(scope="session")
def shares_bundle(warehouse):
    """A quickly trained bundle of the warehouse whose coordinator acts by value vectors over shares."""
    return train(
        warehouse, TrainingOptions(K=3, runs=50, n=100, rounds=1, certificate_runs=0, shares=SharesOptions(points=150))
    )


TINY = """
name: tiny
gamma: 0.8
tables:
  global_states: [east, west]
  local_states: [east, west]
  global_actions: [go east, go west]
  local_actions: [stay, change]
  P_g: [["*", go east, {same: 0.2, east: 0.8}], ["*", go west, {same: 0.2, west: 0.8}]]
  P_l: [["*", "*", "*", {same: 0.8, east: 0.1, west: 0.1}], [east, "*", change, {west: 1}], [west, "*", change, {east: 1}]]
  r_l: [[east, east, "*", 1.0], [west, west, "*", 1.0]]
"""


@pytest.fixture(scope="session")
def tiny_file(tmp_path_factory):
    """A game of two states each, for what a whole training or its command does: a tenth of the warehouse's time."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.yaml"
    path.write_text(TINY)
    return path


LOADS = """
name: loads
gamma: 0.9
tables:
  global_states: [crew east, crew west]
  local_states: [empty, east load, west load]
  global_actions: [go east, go west]
  local_actions: [rest, work]
  hidden_states: [orders east, orders west]
  P_d: [["*", {same: 0.9, orders east: 0.05, orders west: 0.05}]]
  P_g: [["*", go east, {same: 0.2, crew east: 0.8}], ["*", go west, {same: 0.2, crew west: 0.8}]]
  P_l:
    - ["*", "*", "*", "*", {same: 1}]
    - [orders east, empty, "*", work, {same: 0.6, east load: 0.4}]
    - [orders west, empty, "*", work, {same: 0.6, west load: 0.4}]
    - ["*", east load, crew east, work, {same: 0.3, empty: 0.7}]
    - ["*", west load, crew west, work, {same: 0.3, empty: 0.7}]
  r_l: [["*", east load, crew east, work, 1.0], ["*", west load, crew west, work, 1.0], [orders west, empty, "*", work, -0.1]]
"""


@pytest.fixture(scope="session")
def loads_file(tmp_path_factory):
    """A game in which loads appear in the east or in the west, and are worth something where the crew stands."""
    path = tmp_path_factory.mktemp("loads") / "loads.yaml"
    path.write_text(LOADS)
    return path


@pytest.fixture(scope="session")
def loads(loads_file):
    return load_game(loads_file)


@pytest.fixture(scope="session")
def loads_bundle(loads):
    """A quickly trained bundle of that game."""
    return train(loads, TrainingOptions(K=3, runs=20, n=30, rounds=1, certificate_runs=0, shares=SharesOptions(points=80)))


KINDS = """
name: kinds
builder: warehouse
parameters: {zones: 3, gamma: 0.9}
types:
  fast: {robots: 5, parameters: {stay_logit: 1.0, move_logit: 4.0}}
  slow: {robots: 3, parameters: {stay_logit: 5.0, move_logit: 0.5}}
"""


@pytest.fixture(scope="session")
def kinds_file(tmp_path_factory):
    """A ring of three zones with fast and slow robots."""
    path = tmp_path_factory.mktemp("kinds") / "kinds.yaml"
    path.write_text(KINDS)
    return path


@pytest.fixture(scope="session")
def kinds(kinds_file):
    return load_game(kinds_file)


@pytest.fixture(scope="session")
def kinds_bundle(kinds):
    """A quickly trained bundle of that game."""
    return train(kinds, TrainingOptions(K=3, runs=20, n=32, rounds=1, certificate_runs=0, shares=SharesOptions(points=80)))


@pytest.fixture
def play_loads(loads, loads_bundle, account):
    """Plays ticks of 12 simulated robots, two of which are heard; decisions, and the log as it comes off the wire.

    `evidence` holds weights of the hidden states that others tell, by tick.
    """
    return player(loads, loads_bundle, account)


@pytest.fixture
def play_kinds(kinds, kinds_bundle, account):
    """The same of a fleet of two types."""
    return player(kinds, kinds_bundle, account)


def player(game, bundle, account):
    def make(ticks=80, session=77, handover=None, evidence=None, **decision):
        settings = CoordinatorSettings(k=2, decision=DecisionSettings("filtered", **decision))
        coordinator = Coordinator(game, bundle, settings, np.random.default_rng(1), session=session)
        crowd, log, decisions = Crowd(game, 0, 12, seed=4), RunLog(), []
        for t, ids in enumerate(crowd.ids_by_type):
            for robot_id in ids:
                coordinator.roster.join(robot_id, f"robot_{robot_id}", robot_type=t)
        if handover is not None:
            coordinator.take_over(session, handover)
        parts = policies_by_type(bundle.pi_l, game.types) if game.types else ()
        digests = tuple(digest_of(part) for part in parts)
        crowd.policies.hold(HeldPolicy(bundle.policy_id, bundle.pi_l, game_tag(game.content_hash), type_digests=digests))
        if evidence is not None:
            coordinator.inbox = EvidenceInbox(2, 1.0, lambda: 0.0)
        for t in range(ticks):
            if t in (evidence or {}):
                coordinator.inbox.hear(evidence[t])
            tick = coordinator.begin()
            crowd.hear(tick, 0.0)
            moves = crowd.act()
            states, actions = (tuple(column.tolist()) for column in (moves.local_states, moves.local_actions))
            log.truths[session, tick.tick] = Truth(
                session, tick.tick, tuple(crowd.ids), states, actions, (1,) * 12, hidden_state=moves.hidden_state
            )
            for report in crowd.reports():
                coordinator.hear(report)
            decisions.append(coordinator.decide())
            log.statuses[session, tick.tick] = account(decisions[-1], 12)
        return decisions, log

    return make


@pytest.fixture(scope="session")
def random_game():
    """Makes games with random tables; `inertia` in [0, 1) keeps robots where they are."""

    def make(seed, S_g=2, A_g=2, S_l=2, A_l=2, gamma=0.9, inertia=0.4):
        rng = np.random.default_rng(seed)
        moving = rng.dirichlet(np.ones(S_l), (S_l, S_g, A_l))
        return TabularGame(
            name="random",
            P_g=rng.dirichlet(np.ones(S_g), (S_g, A_g)),
            P_l=inertia * np.eye(S_l)[:, None, None, :] + (1 - inertia) * moving,
            r_g=rng.normal(size=(S_g, A_g)),
            r_l=rng.normal(size=(S_l, S_g, A_l)),
            gamma=gamma,
        )

    return make


@pytest.fixture(scope="session")
def counts_kernel():
    """P(c' | c) [c, c'] over the count vectors of k robots in lexicographic order, robot by robot."""

    def kernel(P, k):
        L = len(P)
        matrix, smaller = np.ones((1, 1)), [(0,) * L]
        for m in range(1, k + 1):
            vectors = [c for c in product(range(m + 1), repeat=L) if sum(c) == m]
            rank = {c: r for r, c in enumerate(vectors)}
            put = np.zeros((L, len(smaller), len(vectors)))  # one more robot, in state i
            for i, unit in enumerate(np.eye(L, dtype=int)):
                for r, c in enumerate(smaller):
                    put[i, r, rank[tuple(c + unit)]] = 1.0
            moved = np.einsum("sx,jxy->sjy", matrix, np.tensordot(P, put, axes=1))  # one more robot, out of state j
            place = {c: r for r, c in enumerate(smaller)}
            rows = []
            for c in vectors:
                j = next(j for j in range(L) if c[j])
                without = tuple(value - (i == j) for i, value in enumerate(c))
                rows.append(moved[place[without], j])
            matrix, smaller = np.array(rows), vectors
        return matrix

    return kernel


@pytest.fixture
def make_coordinator(warehouse, small_bundle):
    """Makes coordinators of session 77 of the warehouse with robots 0, 1, ..., suspended after two misses."""

    def make(robots=6, bundle=small_bundle, plant=None, **settings):
        settings = {"k": 3, "decision": DecisionSettings("fresh"), "max_misses": 2, **settings}
        coordinator = Coordinator(
            warehouse, bundle, CoordinatorSettings(**settings), np.random.default_rng(0), session=77, plant=plant
        )
        for robot_id in range(robots):
            coordinator.roster.join(robot_id, f"robot_{robot_id}")
        return coordinator

    return make


@pytest.fixture(scope="session")
def ring():
    """Five zones; action 0 stays, action 1 goes to the next zone for sure."""
    zone = np.eye(5)
    P_l = np.stack([zone, np.roll(zone, 1, axis=1)], axis=1)[:, None]
    start = Start(np.ones(1), 1e8 * np.arange(1.0, 6.0))
    return TabularGame("ring", np.ones((1, 1, 1)), P_l, np.zeros((1, 1)), np.zeros((5, 1, 2)), gamma=0.9, start=start)


@pytest.fixture(scope="session")
def account():
    """Makes a tick's account as it comes off the wire, the estimate in float32."""

    def make(decision, live):
        tick, estimate = decision.tick, tuple(float(np.float32(share)) for share in decision.estimate)
        return StatusRow(
            0.0,
            tick.session,
            tick.tick,
            tick.policy_id,
            tick.global_state,
            decision.action,
            len(tick.polled),
            decision.heard,
            decision.rung,
            0,
            0.0,
            live,
            decision.sampling_error,
            estimate,
            tuple(decision.answers.items()),
            tuple(float(np.float32(probability)) for probability in decision.belief),
            decision.returned,
            evidence=decision.evidence,
        )

    return make


@pytest.fixture(scope="session")
def arrays():
    """Tables of a good game with three local states."""
    return {
        "P_g": np.array([[[0.5, 0.5]], [[0.1, 0.9]]]),
        "P_l": np.full((3, 2, 2, 3), 1 / 3),
        "r_g": np.array([[1.0], [2.0]]),
        "r_l": np.arange(12.0).reshape(3, 2, 2),
    }


@pytest.fixture
def game_file(tmp_path, arrays):
    """Writes game.yaml, and beside it tables.npz."""

    def write(text, tables=arrays):
        np.savez(tmp_path / "tables.npz", **tables)
        path = tmp_path / "game.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.fixture(scope="session")
def assert_refused():
    """Checks that a game is refused by one line that names the file and the culprit."""

    def check(path, culprit):
        with pytest.raises(GameError) as refusal:
            load_game(path)
        message = str(refusal.value)
        assert culprit in message
        assert str(path) in message
        assert "\n" not in message

    return check
