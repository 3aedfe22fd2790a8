"""Draws what `altmarl top` shows, and leaves out what matters less where the terminal is small."""

from __future__ import annotations

import math
from typing import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from altmarl_ros.monitoring import TickView, likely_hidden

_BLOCKS = "▁▂▃▄▅▆▇█"
_EIGHTHS = " ▏▎▍▌▋▊▉"
_FIXED = 10  # lines besides those of the zones and of the hidden state
_LEAST_ZONES = 3
_MANY_ZONES = 20  # with more of them, empty ones are left out
_EMPTY = 0.005  # share of the robots that rounds to 0 %


def top_view(views: Sequence[TickView], width: int, height: int, silence: float | None = None) -> RenderableType:
    """Draw the last of `views`, which are sorted from the oldest on, in `width` columns and `height` lines.

    `silence` is the time for which nothing has been heard [s]; None: the fleet is not silent.
    """
    now = views[-1]
    lines: list[RenderableType] = [_header(now), _decision(now)]
    further = ([_hidden(now)] if now.belief else []) + ([_operated(now)] if now.operated else [])
    lines += further
    if silence is not None:
        lines.append(Text(f"nothing heard for {silence:.0f} s", style="bold red"))
    lines += [_zones(now, width, max(_LEAST_ZONES, height - _FIXED - len(further))), *_numbers(now, width)]
    lines += _rewards(views, width)
    for line in lines:
        if isinstance(line, Text):
            line.truncate(width, overflow="ellipsis")
    return Group(*lines)


def sparkline(values: Sequence[float | None], low: float, high: float) -> str:
    """Draw one character per value, whose height goes from `low` to `high`; a blank where there is no value."""
    span = high - low
    return "".join(
        " "
        if value is None or not math.isfinite(value)
        else _BLOCKS[round(max(0.0, min(1.0, (value - low) / span)) * (len(_BLOCKS) - 1)) if span > 0 else 0]
        for value in values
    )


def bar(share: float, cells: int) -> str:
    """Draw a bar of `cells` characters, to an eighth of a character; a share above 1 fills it."""
    eighths = round(8 * cells * max(0.0, min(1.0, share))) if math.isfinite(share) else 0
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(cells)


def _header(now: TickView) -> Text:
    role = {"first": "", "standby": "  standby decides"}.get(now.role, "")
    others = f"  {now.coordinators} coordinators" if now.coordinators > 1 else ""
    every = f" every {now.period:g} s" if now.period else ""
    policy = f"policy {now.policy_id:08x}"
    if now.next_policy_id != now.policy_id:
        policy += f" -> {now.next_policy_id:08x}"
    return Text.assemble(
        (f"{now.game or 'fleet'} ", "bold"),
        (f"tick {now.tick}{every}", "bold cyan"),
        f"  session {now.session}  ",
        policy,
        (role, "bold yellow"),
        others,
        ("  paused" if now.paused else "", "bold red"),
    )


def _decision(now: TickView) -> Text:
    live = f"{now.live} of {now.robots} robots live"
    place = f"state {now.global_state}" if now.zone is None else now.zones[now.zone]
    return Text.assemble(
        ("coordinator in ", "dim"),
        place,
        ("   decides ", "dim"),
        (now.action, "bold yellow"),
        ("   ", ""),
        (live, "" if now.live + now.on_roster == now.robots else "bold red"),
        ("   " + now.model if now.model else "", "dim"),
    )


def _hidden(now: TickView) -> Text:
    """The hidden states that the coordinator believes in, likeliest first, and the true one."""
    line = Text.assemble(("hidden state ", "dim"))
    for i, d in enumerate(likely_hidden(now.belief)):
        line.append(f"{', ' if i else ''}{now.hidden[d]} {now.belief[d]:.2f}", "bold cyan" if i == 0 else "cyan")
    if now.hidden_state is not None and now.hidden_state < len(now.hidden):
        right = now.hidden_state == max(range(len(now.belief)), key=lambda d: now.belief[d])
        line.append(f"   true: {now.hidden[now.hidden_state]}", "green" if right else "bold yellow")
    return line


def _operated(now: TickView) -> Text:
    """The robots in an operator's hand, and in whose."""
    told = [f"{robot_id} {words}" for robot_id, words in now.operated.items()]
    return Text.assemble(("operated ", "dim"), (", ".join(told), "bold magenta"))


def _zones(now: TickView, width: int, most: int) -> RenderableType:
    shares = now.truth or ()
    marked, here = {now.zone, now.next_zone}, len(now.zones)
    order = sorted(range(here), key=lambda j: (j not in marked, -(shares[j] if shares else now.estimate[j])))
    if here > _MANY_ZONES:
        order = [j for j in order if j in marked or max(now.estimate[j], shares[j] if shares else 0.0) >= _EMPTY]
    shown = sorted(order[:most])
    rest = f"+ {here - len(shown)} more" if here > len(shown) else ""
    names = min(14, max(len(rest), *map(len, now.zones))) if here else 0
    cells = max(4, (width - 30 - names) // (2 if shares else 1))
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("", max_width=14, no_wrap=True, overflow="ellipsis")
    titles = [("estimate", "cyan"), ("truth", "green")] if shares else [("estimate", "cyan")]
    for title, style in titles:
        table.add_column(title, style=style, no_wrap=True, header_style=style)
        table.add_column("", justify="right", style=style, no_wrap=True, min_width=4)
    table.add_column("", no_wrap=True)
    for j in shown:
        marks = ["is here"] if now.zone == j else []
        marks += ["goes here"] if now.next_zone == j else []
        row: list[RenderableType] = [Text(now.zones[j])]
        for values in (now.estimate, shares) if shares else (now.estimate,):
            row += [Text(bar(values[j], cells)), f"{100 * values[j]:.0f} %"]
        table.add_row(*row, Text(", ".join(marks), style="bold yellow"))
    if rest:
        table.add_row(Text(rest, style="dim"))
    return table


def _numbers(now: TickView, width: int) -> list[Text]:
    rung = "" if now.rung == now.heard else Text.assemble(("  rung ", "dim"), str(now.rung))  # value vectors have none
    reports = Text.assemble(
        ("k ", "dim"),
        str(now.k),
        ("  k_eff ", "dim"),
        (str(now.k_eff), "yellow" if now.k_eff < now.k else ""),
        ("  heard ", "dim"),
        (f"{now.heard} of {now.asked}", "" if now.heard >= now.asked else "yellow"),
        ("  backfilled ", "dim"),
        str(now.backfilled),
        rung,
        ("  latency ", "dim"),
        f"{1e3 * now.latency:.1f} ms",
    )
    rate, limit = now.byte_rate, now.bandwidth_limit
    wire = Text.assemble(("on the wire ", "dim"), f"{now.report_bytes} B" if rate is None else f"{rate:.0f} B/s")
    if limit and rate is not None:
        share = rate / limit
        style = "green" if share < 0.8 else "yellow" if share <= 1.0 else "red"
        wire.append(f" of {limit:.0f} ")
        wire.append(f"▕{bar(share, max(4, min(24, width - 50)))}▏", style)
    wire.append(f"  sampling error {100 * now.sampling_error:.1f} %")
    ages = Text.assemble(
        ("age ", "dim"),
        f"mean {now.age_mean:.1f}",
        ("  p95 ", "dim"),
        str(now.age_p95),
        ("  max ", "dim"),
        str(now.age_max),
        ("  missed ticks ", "dim"),
        (str(now.missed), "red" if now.missed else ""),
        *([("  held ", "dim"), (str(now.held), "red")] if now.held else []),
    )
    refused = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in now.refused.items())
    accepted = f"{now.verdicts.get('accepted', 0)} accepted"
    verdicts = Text.assemble(("reports ", "dim"), accepted, f", {refused}" if refused else "")
    return [reports, wire, ages, verdicts]


def _rewards(views: Sequence[TickView], width: int) -> list[Text]:
    rows: list[tuple[str, str, list[float | None]]] = [("estimated", "cyan", [view.estimated_reward for view in views])]
    if any(view.true_reward is not None for view in views):
        rows.append(("true", "green", [view.true_reward for view in views]))
    known = [value for _, _, values in rows for value in values if value is not None and math.isfinite(value)]
    low, high = min(known, default=0.0), max(known, default=0.0)
    lines = []
    for name, style, values in rows:
        last = next((value for value in reversed(values) if value is not None), None)
        label = f"reward {name:<9} {last:8.2f} " if last is not None else f"reward {name:<9}        - "
        cells = max(0, min(60, width - len(label) - 18))
        line = Text.assemble((label, "dim"), (sparkline(values[-cells:] if cells else [], low, high), style))
        if cells:
            line.append(f"  {low:.2f} .. {high:.2f}", "dim")
        lines.append(line)
    return lines
