"""Deliveries under real physics: python benchmarks/work_in_physics.py --game FILE [--robots 20 --minutes 20 --seeds 4 --k 3].

The game is one of `deliveries` or `charging` on a floor. Coordinator, robots and floor are the processes of `altmarl fleet
--backend physical`, or with `--one-process` play without middleware (one_process.py). Three policies meet the same unseen
demand from the same starts, by seed:

    fixed          the crew stays at its best stop
    longest queue  the crew goes to where most loaded robots wait, all of which it sees
    ours           the learned pair, whose coordinator hears k robots per tick

Robots answer each rule by L-LEARN, and those count that deliver most in the Markov world, the pair's own and those that learned
from nothing among them. The columns are loads delivered per hour in physics (mean and standard error over seeds), what ours
delivers more (paired), what the Markov world predicts from the same first states and under the same demand (as the game is,
and by the pace and rates identified from the runs of the other seeds, with one seed from its own), the loads of the robot that
delivered fewest, contacts, how often a robot stood for 60 s with a goal and without a reason, and simulated seconds per second.
`--out FILE.json` writes one row per run. Runs that the file has already are not repeated, so that a benchmark can be
interrupted.

Where the game holds pace and rates that were identified before, `--floor-game` names the one whose rates hold on the floor.
`--params-file` has the ROS parameters of the robots; in one process only their limits count.
`--record FOLDER` keeps the records of runs in one process, for `altmarl identify` and `compare`. `--only ours` plays that row
alone. With `--seeds 0` nothing is played in physics: the table is that of `--runs` fleets of the Markov world, from the same
starts.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Mapping

import numpy as np
import one_process
from rich.console import Console
from rich.table import Table

from altmarl_ros.arrays import FloatArray
from altmarl_ros.cli.fleet_run import run_fleet
from altmarl_ros.cli.training import find_bundle
from altmarl_ros.deployment import parameter_files
from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.driving.limits import Limits
from altmarl_ros.errors import GameError
from altmarl_ros.games import TabularGame, Trajectory, load_game, load_workplace, tick_of
from altmarl_ros.games.identification.work_rates import estimate_rates
from altmarl_ros.games.trajectory import IntArray
from altmarl_ros.learning.local_agent import l_learn
from altmarl_ros.learning.populations.population import CountedPopulation, Fleets, play, simulate, start_fleets
from altmarl_ros.learning.rules_of_thumb import RuleOfThumb, longest_queue
from altmarl_ros.nodes.robot.parameters import DRIVE_PARAMETERS, drive_settings
from altmarl_ros.observation import ObservationModel, make_model
from altmarl_ros.policies import LocalPolicy, PolicyBundle, save_bundle

ANSWERS = 2  # of L-LEARN to a rule
STOOD = "without a reason"


@dataclass(frozen=True)
class Policy:
    """What the crew and the robots of one row do.

    Attributes:
        name: of the row.
        crew: who sends it, as `physical_world` calls it.
        bundle: the coordinator's and the robots' policies.
        rule: of the Markov world; None: the bundle's coordinator.
    """

    name: str
    crew: str
    bundle: PolicyBundle
    rule: RuleOfThumb | None = None

    def heard(self, options: argparse.Namespace) -> int:
        """Reports per tick."""
        return int(options.robots if self.crew == "longest queue" else 0 if self.rule else options.k)

    def model(self, game: TabularGame) -> ObservationModel:
        """How it decides."""
        return self.rule or make_model("filtered", game, self.bundle, 1.0)


@dataclass(frozen=True)
class Run:
    """What one fleet did."""

    game: str
    policy: str
    seed: int
    robots: int
    ticks: int
    per_hour: float
    predicted: float
    identified: float
    least: int
    contacts: int
    stood: int
    factor: float
    unknown: float
    failures: str


def counting(path: str, rates: Mapping[str, float] = MappingProxyType({})) -> TabularGame:
    """The game that pays 1 for each load and nothing else: what a robot earns in it is what it delivers."""
    free = {"reward": 1.0, "move_cost": 0.0, **rates}
    try:
        return load_game(path, {**free, "crew_cost": 0.0})
    except GameError:  # a game of a truck has its cost in place of the crew's
        return load_game(path, {**free, "truck_cost": 0.0})


@dataclass(frozen=True)
class Physical:
    """What one fleet did in physics."""

    trajectory: Trajectory
    contacts: int
    stood: int
    factor: float
    failures: str


@dataclass(frozen=True)
class Played:
    """A run with what it takes to predict it."""

    run: Run
    policy: Policy
    start: Fleets
    heard: int
    trajectory: Trajectory


class SameDemand(CountedPopulation):
    """A population that meets the demand of a run."""

    def __init__(self, game: TabularGame, pi_l: LocalPolicy, start: Fleets, demand: IntArray) -> None:
        """`demand` is the hidden state at each tick [T]."""
        super().__init__(game, pi_l, start)
        self._demand, self._tick = demand, 0

    def step(self, a_g: IntArray, rng: np.random.Generator) -> FloatArray:
        """See Population."""
        rewards = super().step(a_g, rng)
        self._tick = min(self._tick + 1, len(self._demand) - 1)
        self.d = np.full_like(a_g, self._demand[self._tick])
        return rewards


class Markov:
    """Loads per robot and tick in the Markov world."""

    def __init__(self, game: TabularGame, loads: TabularGame, horizon: int, runs: int) -> None:
        self.game, self.loads, self.horizon, self.runs = game, loads, horizon, runs

    def played(self, pi_l: LocalPolicy, model: ObservationModel, k: int, start: Fleets) -> FloatArray:
        """Loads per robot from these starts [run, tick]."""
        rng = np.random.default_rng(7)
        return np.asarray(simulate(self.loads, pi_l, model, k=k, start=start, horizon=self.horizon, rng=rng).rewards)

    def delivered(self, pi_l: LocalPolicy, model: ObservationModel, k: int, start: Fleets) -> float:
        """Mean loads per robot and tick from these starts."""
        return float(self.played(pi_l, model, k, start).mean())

    def predicted(self, pi_l: LocalPolicy, model: ObservationModel, k: int, start: Fleets, demand: IntArray) -> float:
        """Mean loads per robot and tick from these starts and under this demand [T]."""
        population = SameDemand(self.loads, pi_l, start, demand)
        played = play(self.loads, population, model, k=k, horizon=len(demand) - 1, rng=np.random.default_rng(7))
        return float(played.rewards.mean())

    def answered(self, rule: RuleOfThumb, k: int, robots: list[LocalPolicy], n: int) -> tuple[LocalPolicy, float]:
        """The robots' policy that delivers most under a rule, and how much."""
        start, found = start_fleets(self.game, n, self.runs, np.random.default_rng(5)), []
        assert isinstance(start, Fleets)
        for given in robots:
            pi_l = given
            for left in range(ANSWERS, -1, -1):
                found.append((self.delivered(pi_l, rule, k, start), pi_l))
                if left:
                    rng = np.random.default_rng(6)
                    played = simulate(self.game, pi_l, rule, k=k, start=start, horizon=self.horizon, rng=rng)
                    pi_l = l_learn(self.game, played.visits, given=pi_l).pi_l
        best = max(found, key=lambda each: each[0])
        return best[1], best[0]


def policies(path: str, bundle: PolicyBundle, markov: Markov, n: int) -> list[Policy]:
    """The three rows."""
    game, workplace = markov.game, load_workplace(path)
    assert workplace is not None, f"{path} is no game of deliveries or charging on a floor"
    robots = [bundle.pi_l, LocalPolicy.uniform(game)]
    stays = []
    for stop in range(game.n_global_actions):
        rule = RuleOfThumb(game, lambda tick, s_g, reports, to=stop: np.full(len(s_g), to, dtype=np.int64))
        pi_l, loads = markov.answered(rule, 0, robots, n)
        stays.append((loads, stop, rule, pi_l))
    _, stop, rule, pi_l = max(stays, key=lambda each: each[0])
    name = workplace.site.layout.stops[workplace.stops[stop]]
    queue = longest_queue(game)
    to_queue, _ = markov.answered(queue, n, robots, n)
    return [
        Policy(f"fixed at {name}", name, replace(bundle, pi_l=pi_l), rule),
        Policy("longest queue, all seen", "longest queue", replace(bundle, pi_l=to_queue), queue),
        Policy("ours", "coordinator", bundle),
    ]


def play_run(path: str, policy: Policy, markov: Markov, options: argparse.Namespace, seed: int) -> Played:
    """One fleet in physics, and what the Markov world predicts from its first tick and under its demand."""
    game, workplace, tick = markov.game, load_workplace(path), tick_of(path)
    assert workplace is not None
    assert tick is not None
    ticks = round(60.0 * options.minutes / tick) + 1
    found = (_in_one_process if options.one_process else _over_ros)(path, policy, options, ticks, seed)
    run = found.trajectory
    loads, hours = workplace.delivered(run.local_state), max(1, len(run.tick) - 1) * tick / 3600.0
    counts = run.occupancy(game.n_local_states)[:1].repeat(markov.runs, axis=0)
    counts[:, 0] += options.robots - counts[0].sum()  # who is not known yet
    assert run.hidden_state is not None
    start = Fleets(np.repeat(run.global_state[:1], markov.runs), counts, np.repeat(run.hidden_state[:1], markov.runs))
    outcome = Run(
        game=game.name,
        policy=policy.name,
        seed=seed,
        robots=options.robots,
        ticks=ticks,
        per_hour=float(loads.sum()) / hours,
        predicted=np.nan,
        identified=np.nan,
        least=int(loads.min()),
        contacts=found.contacts,
        stood=found.stood,
        factor=found.factor,
        unknown=float((run.local_state < 0).mean()),
        failures=found.failures,
    )
    played = Played(outcome, policy, start, policy.heard(options), run)
    return replace(played, run=replace(outcome, predicted=predicted(markov, played, tick)))


def _in_one_process(path: str, policy: Policy, options: argparse.Namespace, ticks: int, seed: int) -> Physical:
    found = one_process.play(
        path,
        policy.bundle,
        options.robots,
        ticks,
        k=options.k,
        seed=seed,
        crew=policy.crew,
        floor_game=options.floor_game,
        limits=limits_of(options.params_file),
    )
    if options.record:
        options.record.mkdir(parents=True, exist_ok=True)
        row = policy.name.replace(" ", "_").replace(",", "")
        robots = save_bundle(policy.bundle, options.record / f"{row}_policy.npz")
        record = replace(found.record, about={**found.record.about, "policy": str(robots)})
        record.save(options.record / f"{row}_{seed}.npz")
    return Physical(found.record.trajectory, found.contacts, found.stood, found.factor, "")


def _over_ros(path: str, policy: Policy, options: argparse.Namespace, ticks: int, seed: int) -> Physical:
    tick = tick_of(path)
    assert tick is not None
    with tempfile.TemporaryDirectory() as folder:
        plan = FleetPlan(
            path,
            save_bundle(policy.bundle, Path(folder) / "policy.npz"),
            options.robots,
            options.k,
            period=tick,
            ticks=ticks,
            seed=seed,
            backend="physical",
            real_time_factor=options.rtf,
            crew=policy.crew,
            floor_game=options.floor_game,
            params_file=options.params_file,
        )
        fleet = run_fleet(plan, load_game(path), at_hand=None)
        run = fleet.record()
    if len(run.trajectory.tick) < ticks and not fleet.failures:
        raise KeyboardInterrupt  # the fleet was told to end
    floors = list(fleet.log.floors.values())
    stamps = sorted(status.stamp for status in fleet.log.statuses.values())
    paced = [row.factor for row in floors if row.time > stamps[0] + 5.0]
    told = (fleet.log_folder / "physical_world.log").read_text()
    failures = "; ".join(f"{name} {reason}" for name, reason in fleet.failures.items())
    return Physical(run.trajectory, floors[-1].contacts, told.count(STOOD), float(np.mean(paced)), failures)


def limits_of(params_file: Path | None) -> Limits:
    """The limits that a ROS parameter file gives to robots; None: the defaults."""
    values = {parameter.name: parameter.default for parameter in DRIVE_PARAMETERS}
    if params_file is not None:
        values |= parameter_files.values_for("/robot_0/robot", values, parameter_files.load(params_file), params_file)
    return drive_settings(values).limits


def predicted(markov: Markov, played: Played, tick: float) -> float:
    """Loads per hour that the Markov world predicts."""
    policy = played.policy
    model = policy.model(markov.game)
    assert played.trajectory.hidden_state is not None
    rate = markov.predicted(policy.bundle.pi_l, model, played.heard, played.start, played.trajectory.hidden_state)
    return rate * played.run.robots * 3600.0 / tick


def identified(path: str, played: list[Played], markov: Markov, tick: float) -> list[Run]:
    """The runs with what the Markov world predicts by the pace and rates of the runs with other seeds."""
    workplace, found = load_workplace(path), []
    assert workplace is not None
    for each in played:
        others = [other.trajectory for other in played if other.run.seed != each.run.seed] or [each.trajectory]
        rates = {rate.name: rate.value for rate in estimate_rates(workplace, Trajectory.joined(others)) if rate.known}
        world = Markov(markov.game, counting(path, rates), markov.horizon, markov.runs)
        found.append(replace(each.run, identified=predicted(world, each, tick)))
    return found


def with_error(values: FloatArray) -> str:
    """Mean and standard error."""
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return f"{values.mean():.1f} ± {error:.1f}"


def show(console: Console, rows: list[Run], title: str) -> None:
    """Print the table of the runs so far."""
    table = Table(title=title, title_justify="left")
    columns = ("policy", "seeds", "loads/h", "ours more", "Markov", "identified", "least", "contacts", "stood", "x real time")
    for column in columns:
        table.add_column(column, justify="right" if column != "policy" else "left")
    ours = {run.seed: run.per_hour for run in rows if run.policy == "ours"}
    for name in dict.fromkeys(run.policy for run in rows):
        own = [run for run in rows if run.policy == name]
        loads = np.array([run.per_hour for run in own])
        pairs = np.array([ours[run.seed] - run.per_hour for run in own if run.seed in ours])
        table.add_row(
            name,
            str(len(own)),
            with_error(loads),
            with_error(pairs) if name != "ours" and len(pairs) else "",
            f"{np.mean([run.predicted for run in own]):.1f}",
            f"{np.mean([run.identified for run in own]):.1f}",
            str(min(run.least for run in own)),
            str(sum(run.contacts for run in own)),
            str(sum(run.stood for run in own)),
            f"{np.mean([run.factor for run in own]):.2f}",
        )
    console.print(table)


def show_markov(console: Console, chosen: list[Policy], markov: Markov, options: argparse.Namespace, tick: float) -> None:
    """Print what the rows deliver in the Markov world, from the same starts."""
    start = start_fleets(markov.game, options.robots, markov.runs, np.random.default_rng(3))
    assert isinstance(start, Fleets)
    hours = markov.horizon * tick / 3600.0
    loads = {}
    for policy in chosen:
        played = markov.played(policy.bundle.pi_l, policy.model(markov.game), policy.heard(options), start)
        loads[policy.name] = played.sum(axis=1) * options.robots / hours
    table = Table(
        title=f"Markov world: {markov.runs} fleets of {options.robots}, {options.minutes:g} minutes", title_justify="left"
    )
    for column in ("policy", "loads/h", "ours more"):
        table.add_column(column, justify="right" if column != "policy" else "left")
    for name, values in loads.items():
        table.add_row(name, with_error(values), with_error(loads["ours"] - values) if name != "ours" else "")
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--game", required=True, help="YAML file of a game of deliveries or charging on a floor")
    parser.add_argument("--policy", type=Path, default=None, help="trained pair; default: the one kept for the game")
    parser.add_argument("--robots", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=20.0, help="simulated, of each run")
    parser.add_argument("--seeds", type=int, default=4, help="number of them")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--k", type=int, default=3)
    parser.add_argument("--one-process", action="store_true", help="without middleware")
    parser.add_argument("--floor-game", default="", help="game whose rates hold on the floor; default: the game")
    parser.add_argument("--params-file", type=Path, default=None, help="ROS parameters of the robots, such as their limits")
    parser.add_argument("--record", type=Path, default=None, help="folder for records of runs in one process")
    parser.add_argument("--rtf", type=float, default=0.0, help="0: as fast as robots steer")
    parser.add_argument("--runs", type=int, default=200, help="fleets of the Markov world")
    parser.add_argument("--only", choices=("fixed", "longest queue", "ours"), default="", help="row that is played alone")
    parser.add_argument("--out", type=Path, default=None, help="JSON file of the runs, which is gone on with")
    options = parser.parse_args()
    console, game = Console(width=130), load_game(options.game)
    _, bundle = find_bundle(game, options.game, options.policy)
    tick = tick_of(options.game)
    assert tick is not None
    markov = Markov(game, counting(options.game), round(60.0 * options.minutes / tick), options.runs)
    began = time.monotonic()
    chosen = policies(options.game, bundle, markov, options.robots)
    console.print(f"robots answered the rules in {time.monotonic() - began:.0f} s: {', '.join(each.name for each in chosen)}")
    if not options.seeds:
        show_markov(console, chosen, markov, options, tick)
    chosen = [each for each in chosen if each.name.startswith(options.only)]
    rows = [Run(**row) for row in json.loads(options.out.read_text())] if options.out and options.out.exists() else []
    title = f"{game.name}: {options.robots} robots, k = {options.k}, {options.minutes:g} simulated minutes, ticks of {tick:g} s"
    fresh: list[Played] = []
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for policy in chosen:
            if any((row.policy, row.seed) == (policy.name, seed) for row in rows):
                continue
            fresh.append(play_run(options.game, policy, markov, options, seed))
            rows.append(fresh[-1].run)
            console.print(rows[-1])
            if options.out:
                options.out.write_text(json.dumps([asdict(row) for row in rows], indent=1))
        again = {(row.policy, row.seed): row for row in identified(options.game, fresh, markov, tick)}
        rows = [again.get((row.policy, row.seed), row) for row in rows]
        show(console, rows, title)
        if options.out:
            options.out.write_text(json.dumps([asdict(row) for row in rows], indent=1))


if __name__ == "__main__":
    main()
