"""`altmarl replay`: make the decisions of a recorded run again and compare them."""

import math
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import AbstractSet, Annotated, List, Mapping, Optional, Sequence, Tuple

import numpy as np
import typer
from rich.markup import escape
from rich.table import Table

from altmarl_ros.cli import console
from altmarl_ros.cli.options import Json, complete_model
from altmarl_ros.cli.runs import check_bag, load_log
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import TabularGame, load_game
from altmarl_ros.policies import PolicyBundle, load_bundle
from altmarl_ros.protocol.settings import DecisionSettings
from altmarl_ros.records.replay import Gap, Redecision, find_gaps, redecide
from altmarl_ros.records.rows import Configuration, StatusRow
from altmarl_ros.records.run_log import RunLog

_GAPS_SHOWN = 3
_REMEMBERS = "filtered"  # the observation model whose decisions rest on the ticks before


@dataclass(frozen=True)
class _Session:
    """One session of a bag: what the coordinator decided, and what it decided by.

    Attributes:
        configurations: in the order of ticks.
        statuses: in the order of ticks.
        game: that was played.
        policies: bundles by id.
        as_recorded: whether they are the bundles that were used.
    """

    configurations: Tuple[Configuration, ...]
    statuses: tuple[StatusRow, ...]
    game: TabularGame
    policies: Mapping[int, PolicyBundle]
    as_recorded: bool

    @property
    def gaps(self) -> List[Gap]:
        """The ticks that the bag lacks, a late start included."""
        return find_gaps(self.statuses)

    @property
    def known_until(self) -> float:
        """The first tick whose decision rests on ticks that the bag lacks; infinite where none does."""
        remembers = any(DecisionSettings.from_parameters(c.parameters).model == _REMEMBERS for c in self.configurations)
        return self.gaps[0].first if self.gaps and remembers else math.inf

    def redecisions(self, name: Optional[str] = None, k: Optional[int] = None) -> List[Redecision]:
        settings = {c.tick: DecisionSettings.from_parameters(c.parameters) for c in self.configurations}
        if name is not None:  # compare models alone, without the randomness of a temperature
            settings = {tick: replace(given, model=name, temperature=0.0) for tick, given in settings.items()}
        handover = self.configurations[0].handover
        return list(redecide(self.statuses, self.game, settings, self.policies, k=k, handover=handover))


def replay(
    bag: Annotated[Path, typer.Argument(help="Bag of altmarl record or altmarl fleet --record.")],
    *,
    policy: Annotated[
        Optional[List[Path]],
        typer.Option(
            "--policy",
            "-p",
            help="One bundle: tell what it would have decided. Several: the recorded bundles, if they were moved.",
        ),
    ] = None,
    game: Annotated[
        Optional[str], typer.Option("--game", "-g", help="The game, if it is no longer where the bag says.")
    ] = None,
    model: Annotated[
        Optional[List[str]],
        typer.Option(
            "--model",
            "-m",
            autocompletion=complete_model,
            help="Tell what this observation model would have decided; may be given several times.",
        ),
    ] = None,
    k: Annotated[
        Optional[List[int]],
        typer.Option(
            "--k",
            "-k",
            min=0,
            help="Tell what would have been decided from only this many of the reports; may be given several times.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Decide every tick of a bag again from its reports and compare; exits with 1 if a decision differs.

    Decisions that rest on ticks which the bag lacks are made, too, but not compared. With --model, -k, or another bundle than
    the recorded one it tells what would have been decided instead.

    Example: altmarl replay run_bag -m fresh -m filtered -k 1 -k 5
    """
    check_bag(bag, "replay")
    sessions = _sessions(bag, load_log(bag), game, policy or [])
    for gap in [gap for session in sessions for gap in session.gaps][:_GAPS_SHOWN]:
        began = f"the bag begins in the middle of session {gap.session}, at tick {gap.last + 1}"
        lacks = f"session {gap.session} lacks ticks {gap.first} to {gap.last}"
        console.err.print(f"note: {lacks if gap.first else began}; what `{_REMEMBERS}` remembered then is not known")
    if model or k or not _same_policies(sessions):
        _counterfactual(bag, sessions, model or (), k or (), as_json)
    else:
        _verify(sessions, as_json)


def _verify(sessions: List[_Session], as_json: bool) -> None:
    redecisions: List[Redecision] = []
    unsure: List[Redecision] = []
    for session in sessions:
        for redecision in session.redecisions():
            (redecisions if redecision.tick < session.known_until else unsure).append(redecision)
    different = [redecision for redecision in redecisions if not redecision.equal]
    deviation = max((redecision.deviation for redecision in redecisions), default=None)
    if as_json:
        console.document(
            {
                "decisions": len(redecisions),
                "not_compared": len(unsure),
                "sessions": len(sessions),
                "different": len(different),
                "largest_deviation": deviation,
                "first_difference": different[0] if different else None,
            }
        )
    if deviation is not None:
        many = "s" * (len(sessions) > 1)
        console.out.print(
            f"{len(redecisions)} decisions in {len(sessions)} session{many} made again: {len(redecisions) - len(different)} "
            f"equal, {len(different)} different; estimates differ by at most {deviation:.1e}"
        )
    if unsure:
        same = sum(redecision.equal for redecision in unsure)
        console.out.print(
            f"{len(unsure)} decisions come after ticks that the bag lacks, and cannot be compared: made again without what "
            f"`{_REMEMBERS}` remembered, {same} of them are the same"
        )
    if different:
        first = different[0]
        console.out.print(
            f"first difference: session {first.session} tick {first.tick}: recorded action {first.recorded}, "
            f"decided {first.decided}"
        )
        raise typer.Exit(1)


def _same_policies(sessions: Sequence[_Session]) -> bool:
    return all(session.as_recorded for session in sessions)


def _counterfactual(bag: Path, sessions: List[_Session], models: Sequence[str], ks: Sequence[int], as_json: bool) -> None:
    policy = "recorded" if _same_policies(sessions) else "given"
    table = Table(title=f"{escape(bag.name)}: what would have been decided from the same reports", title_justify="left")
    for column in ("policy", "model", "k", "decisions", "equal to the recorded", "first difference at tick"):
        table.add_column(column, justify="left" if column in ("policy", "model") else "right")
    models_wanted: List[Optional[str]] = [*models] or [None]
    ks_wanted: List[Optional[int]] = [*ks] or [None]
    rows = []
    for name, k in product(models_wanted, ks_wanted):
        redecisions = [redecision for session in sessions for redecision in session.redecisions(name, k)]
        equal = np.array([redecision.equal for redecision in redecisions])
        first = next((redecision.tick for redecision in redecisions if not redecision.equal), None)
        row = {
            "policy": policy,
            "model": name or DecisionSettings.from_parameters(sessions[-1].configurations[-1].parameters).model,
            "k": k,
            "decisions": len(equal),
            "share_equal": equal.mean(),
            "first_difference": first,
        }
        rows.append(row)
        table.add_row(
            str(row["policy"]),
            str(row["model"]),
            "all" if k is None else str(k),
            str(len(equal)),
            f"{100 * equal.mean():.1f} %",
            "-" if first is None else str(first),
        )
    if as_json:
        console.document({"bag": bag, "rows": rows})
    console.out.print(table)


def _sessions(bag: Path, log: RunLog, game: Optional[str], given: List[Path]) -> List[_Session]:
    if not log.statuses:
        raise AltmarlError(f"{bag}: holds no decision: no altmarl_ros/msg/CoordinatorStatus came on /fleet/status")
    sessions = []
    for number in dict.fromkeys(session for session, _ in log.statuses):  # in order of appearance
        statuses = tuple(status for (of, _), status in sorted(log.statuses.items()) if of == number)
        configurations = _configurations(bag, log, number, {status.policy_id for status in statuses})
        configuration = configurations[0]
        tabular = load_game(game or str(configuration.parameters["game"]))
        if tabular.content_hash != configuration.game_hash:
            raise AltmarlError(
                f"{bag}: was recorded with game {configuration.game_name!r} {configuration.game_hash}, "
                f"{game or configuration.parameters['game']} is {tabular.content_hash}; name the right one with --game"
            )
        policies = {c.policy_id: _bundle(bag, c, tabular, given) for c in {c.policy_id: c for c in configurations}.values()}
        as_recorded = all(policies[c.policy_id].content_hash == c.policy_hash for c in configurations)
        sessions.append(_Session(configurations, statuses, tabular, policies, as_recorded))
    return sessions


def _configurations(bag: Path, log: RunLog, session: int, policies: AbstractSet[int]) -> Tuple[Configuration, ...]:
    told = {tick: said for (of, tick), said in sorted(log.configurations.items()) if of == session}
    missing = sorted(policies - {said.policy_id for said in told.values()})
    if missing:
        raise AltmarlError(
            f"{bag}: does not say what session {session} decided by under policy {missing[0]:08x}: "
            "nothing of it came on /fleet/configuration"
        )
    return tuple(told.values())


def _bundle(bag: Path, configuration: Configuration, game: TabularGame, given: List[Path]) -> PolicyBundle:
    if len(given) == 1:
        return load_bundle(given[0], game, same_rewards=False)
    recorded = Path(str(configuration.parameters["policy.file"]))
    for path in (*given, recorded):
        bundle = load_bundle(path, game, same_rewards=False)
        if bundle.content_hash == configuration.policy_hash:
            return bundle
    raise AltmarlError(
        f"{recorded}: is not the bundle any more that {bag} was recorded with; give it, or another, with --policy"
    )
