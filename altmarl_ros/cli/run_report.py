"""Writes a self-contained page about a recorded run, beside simulated references from the same start."""

from __future__ import annotations

from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, Mapping, Sequence

import numpy as np

from altmarl_ros.cli import console
from altmarl_ros.cli.runs import load_run
from altmarl_ros.errors import AltmarlError
from altmarl_ros.files import write_output
from altmarl_ros.games import TabularGame, load_game, load_workplace
from altmarl_ros.games.trajectory import UNKNOWN
from altmarl_ros.plotting import as_png
from altmarl_ros.records.robot_states import STATES, states_in_words
from altmarl_ros.records.run_record import RunRecord
from altmarl_ros.resources import share_directory

if TYPE_CHECKING:
    from altmarl_ros.cli.figures.reference_rewards import ReferenceRewards

REFERENCE_RUNS = 500
"""Default number of simulated fleets per reference."""


def write_report(
    record: Path, page: Path, *, figure: Path | None = None, runs: int = REFERENCE_RUNS, seed: int = 0
) -> dict[str, Any]:
    """Write the page (HTML) and, if wanted, one picture (PNG) of its figures; print a summary and return it as JSON values.

    Args:
        record: of the run, an `.npz` file or a bag.
        page: file to write.
        figure: file for the picture; None: no picture.
        runs: simulated fleets per reference.
        seed: of the simulated fleets.

    Raises:
        AltmarlError: the record cannot be read or does not name its game and policy, or a file cannot be written.
    """
    from altmarl_ros.cli.figures.reference_rewards import reference_rewards

    run = load_run(record)
    try:
        game = load_game(run.about["game"])
        references = reference_rewards(run, game, runs, seed)
    except (KeyError, TypeError) as error:
        raise AltmarlError(f"{record}: does not say its {error}") from None
    about = _about(run, game, references)
    summary = _summary(run, about)
    write_output(page, _page(run, game, references, summary).encode())
    if figure is not None:
        from altmarl_ros.cli.figures.run_figures import panels, run_picture

        write_output(figure, as_png(run_picture(panels(run, game, references))))
    for label, value in summary:
        console.out.print(f"{label:<36} {value}")
    console.out.print(f"report: {page}")
    return {"report": page, "figure": figure, **about}


def _about(run: RunRecord, game: TabularGame, references: ReferenceRewards) -> dict[str, Any]:
    """Summarise the run as JSON values: means over ticks, latency [s]."""
    rewards, divided = run.rewards(game), references.segments
    known = np.isfinite(references.same_k[0])
    return {
        "game": game.name,
        "robots": run.local_state.shape[1],
        "k": divided[-1].k,
        "model": divided[-1].model,
        "ticks": len(run.tick),
        "reward": rewards.mean(),
        "ticks_with_reference": int(known.sum()),
        "reward_with_reference": rewards[known].mean(),
        "simulated": references.same_k[:, known].mean(),
        "simulated_deviation": references.same_k[:, known].mean(axis=1).std(ddof=1),
        "simulated_all_seen": references.all_seen[:, known].mean(),
        "simulated_random": references.random[:, known].mean(),
        "segments": [
            {
                "first_tick": int(run.tick[part.begin]),
                "last_tick": int(run.tick[part.end - 1]),
                "k": part.k,
                "model": part.model,
                "policy": f"{part.policy_id:08x}" if part.policy_id else part.policy,
                "reward": rewards[part.begin : part.end].mean(),
                "simulated": references.same_k[:, part.begin : part.end].mean() if known[part.begin] else None,
            }
            for part in divided
        ],
        "levels": {name: float(returns.mean()) for name, returns in references.levels.items()},
        "asked": run.asked.mean(),
        "heard": run.heard.mean(),
        "most_reports": run.reports.max(),
        "report_bytes": run.report_bytes.mean(),
        "latency_median": np.median(run.latency),
        "latency_p99": np.percentile(run.latency, 99),
        "robot_ticks_not_acted_once": int(((run.actions != 1) & (run.actions != UNKNOWN)).sum()),
        **_belief(run, game),
        **_delivered(run),
        **{name: run.about[name] for name in ("operated", STATES) if name in run.about},
    }


def _belief(run: RunRecord, game: TabularGame) -> dict[str, Any]:
    """Compare what was believed of the hidden state with the truth; where that is not known, rewards rest on the belief."""
    if run.belief is None or game.hidden is None or run.belief.shape[1] != game.n_hidden_states:
        return {}
    known = np.zeros(len(run.tick), dtype=bool) if run.hidden_state is None else run.hidden_state != UNKNOWN
    expected = {} if known.all() or game.hidden.rewards_alike else {"reward_by_belief": float(1.0 - known.mean())}
    if run.hidden_state is None:
        return expected
    ticks = np.flatnonzero(known)
    d = run.hidden_state[ticks]
    pairs = run.trajectory.follows[1:] & known[1:] & known[:-1]
    return {
        **expected,
        "hidden_changes": int((pairs & (np.diff(run.hidden_state) != 0)).sum()),
        "hidden_found": float((run.belief[ticks].argmax(axis=1) == d).mean()),
        "hidden_belief_in_truth": float(run.belief[ticks, d].mean()),
    }


def _delivered(run: RunRecord) -> dict[str, Any]:
    """Count the loads that robots delivered; empty in games without a floor to deliver on."""
    workplace = load_workplace(run.about["game"])
    if workplace is None:
        return {}
    loads = workplace.delivered(run.local_state)
    return {"loads_delivered": int(loads.sum()), "least_loads_of_a_robot": int(loads.min())}


def _summary(run: RunRecord, about: dict[str, Any]) -> list[tuple[str, str]]:
    game, n, k, wrong = about["game"], about["robots"], about["k"], about["robot_ticks_not_acted_once"]
    parts, known = about["segments"], about["ticks_with_reference"]
    rule = f"k = {k} {about['model']}" if len(parts) == 1 else f"decided in {len(parts)} ways"
    told = states_in_words(run.about)
    reward = f"{about['reward']:.3f}" + (", expected by what the coordinator believed" if "reward_by_belief" in about else "")
    once = "yes" if wrong == 0 else f"no: {wrong} of {(run.actions != UNKNOWN).sum()} robot-ticks differ"
    found = about.get("hidden_found")
    hidden = (
        f"the likeliest in {100 * found:.0f} % of ticks, changed {about['hidden_changes']} times" if found is not None else ""
    )
    return [
        ("game", f"{game}, {n} robots, {rule}, {about['ticks']} ticks of {run.about['period']} s"),
        ("network", run.about.get("network", "perfect")),
        *([("states of robots", told)] if told else []),
        ("team reward per tick, this run", reward),
        *([(f"  of these {known} ticks", f"{about['reward_with_reference']:.3f}")] if known < about["ticks"] else []),
        (f"  simulated, {rule}", f"{about['simulated']:.3f} ± {about['simulated_deviation']:.3f} (s.d. between runs)"),
        ("  simulated, all robots seen", f"{about['simulated_all_seen']:.3f}"),
        ("  simulated, random policy", f"{about['simulated_random']:.3f}"),
        ("reports per tick, asked / heard", f"{about['asked']:.2f} / {about['heard']:.2f}"),
        ("reports on the topic, most in a tick", f"{about['most_reports']}, replacements of silent robots among them"),
        ("reports on the wire per tick", f"{about['report_bytes']:.1f} B"),
        ("latency, median / p99", f"{1e3 * about['latency_median']:.1f} / {1e3 * about['latency_p99']:.1f} ms"),
        ("every robot acted once per tick", f"{once}, as far as they tell" if told else once),
        *(_segment_rows(parts) if len(parts) > 1 else []),
        *([("true hidden state", hidden)] if hidden else []),
        *([("loads delivered", _loads(run, about))] if "loads_delivered" in about else []),
        *([("in an operator's hand", _operated(about["operated"]))] if "operated" in about else []),
    ]


def _loads(run: RunRecord, about: Mapping[str, Any]) -> str:
    hours = max(1, len(run.tick) - 1) * float(run.about["period"]) / 3600.0
    loads = about["loads_delivered"]
    return f"{loads}, {loads / hours:.0f} per hour; the robot with the fewest {about['least_loads_of_a_robot']}"


def _segment_rows(parts: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Say of every segment how it was decided, what it earned, and what simulated fleets earn from its start."""
    return [
        (
            f"  ticks {part['first_tick']} to {part['last_tick']}",
            f"k = {part['k']} {part['model']}, policy {part['policy']}: reward {part['reward']:.3f}, "
            + (f"simulated {part['simulated']:.3f}" if part["simulated"] is not None else "its policy is not here to simulate"),
        )
        for part in parts
    ]


def _operated(rows: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"robot {row['robot']} {row['control']} by {row['operator']} for {row['ticks']} ticks" for row in rows)


def _page(run: RunRecord, game: TabularGame, references: ReferenceRewards, summary: list[tuple[str, str]]) -> str:
    from altmarl_ros.cli.figures.run_figures import as_data_uri, panels, reports_in_words, run_figures

    n = run.local_state.shape[1]
    heard = reports_in_words(references)
    shown = panels(run, game, references)
    sections = "".join(
        f'<section><h2>{escape(panel.title)}</h2><img alt="{escape(panel.title)}" src="{as_data_uri(figure)}">'
        f"<p>{escape(panel.text)}</p></section>"
        for panel, figure in zip(shown, run_figures(shown), strict=True)
    )
    rows = "".join(f"<tr><th>{escape(label)}</th><td>{escape(value)}</td></tr>" for label, value in summary)
    template = Template((share_directory() / "config" / "report.html").read_text())
    return template.substitute(title=escape(f"{game.name}: {n} robots, {heard}"), summary=rows, sections=sections)
