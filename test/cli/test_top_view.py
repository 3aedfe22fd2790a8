"""What `altmarl top` draws, in terminals of all sizes."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from altmarl_ros.cli.top_view import bar, sparkline, top_view
from altmarl_ros.monitoring.tick_view import TickView, true_reward, true_shares
from altmarl_ros.simulation.markov_world import Truth

ZONES = tuple(f"zone {c}" for c in "ABCDE")


NOW = TickView(
    session=7,
    tick=41,
    policy_id=0xABCD,
    next_policy_id=0xABCD,
    role="first",
    coordinators=1,
    paused=False,
    game="warehouse",
    zones=ZONES,
    model="filtered",
    period=0.5,
    robots=30,
    live=29,
    k=5,
    k_eff=3,
    asked=3,
    backfilled=1,
    heard=2,
    rung=5,
    report_bytes=388,
    bandwidth_limit=1000.0,
    latency=0.0123,
    missed=2,
    held=0,
    age_mean=4.2,
    age_p95=9,
    age_max=12,
    global_state=1,
    global_action=3,
    action="to D",
    zone=1,
    next_zone=3,
    truth=(0.4, 0.3, 0.2, 0.1, 0.0),
    estimate=(0.5, 0.25, 0.125, 0.125, 0.0),
    sampling_error=0.034,
    estimated_reward=6.5,
    true_reward=6.1,
    verdicts={"accepted": 80, "late": 3, "not_polled": 1},
)


def view(**changes):
    return replace(NOW, **changes)


def drawn(views, width, height, silence=None):
    console = Console(width=width, height=height, record=True, file=StringIO())
    console.print(top_view(views, width, height, silence))
    return console.export_text().splitlines()


@pytest.mark.parametrize(("width", "height"), [(40, 13), (60, 16), (80, 24), (120, 40), (200, 60)])
@pytest.mark.parametrize("zones", [1, 5, 60])
def test_it_fits_into_the_terminal(width, height, zones):
    names = tuple(f"a zone with a long name {i}" for i in range(zones))
    shares = tuple(1.0 / zones for _ in names)
    lines = drawn([view(zones=names, estimate=shares, truth=shares, zone=0, next_zone=0)] * 100, width, height, 12.0)
    assert max(map(len, lines)) <= width
    assert len(lines) <= height + 1 + (zones > 3)


def test_it_says_what_is_known_of_the_tick():
    text = "\n".join(drawn([view(tick=40), view()], 120, 40))
    for said in (
        "tick 41 every 0.5 s",
        "session 7",
        "policy 0000abcd",
        "coordinator in zone B",
        "decides to D",
        "29 of 30 robots live",
        "k 5",
        "k_eff 3",
        "heard 2 of 3",
        "backfilled 1",
        "rung 5",
        "latency 12.3 ms",
        "776 B/s of 1000",
        "sampling error 3.4 %",
        "age mean 4.2",
        "p95 9",
        "max 12",
        "missed ticks 2",
        "80 accepted, 3 late, 1 not polled",
        "50 %",
        "40 %",
    ):
        assert said in text, said
    rows = {line.split()[1]: line for line in text.splitlines() if line.startswith("zone ")}
    assert "is here" in rows["B"]
    assert "goes here" in rows["D"]
    assert "nothing heard" not in text


def test_value_vectors_have_no_rung():
    text = "\n".join(drawn([view(rung=2)], 120, 40))
    assert "heard 2 of 3" in text
    assert "rung" not in text


def test_of_many_zones_it_leaves_out_the_empty_ones_but_shows_where_the_coordinator_is_and_goes():
    names = tuple(f"zone {j:03}" for j in range(100))
    shares = tuple({40: 0.7, 41: 0.3}.get(j, 0.0) for j in range(100))
    lines = drawn([view(zones=names, estimate=shares, truth=shares, zone=7, next_zone=93)], 120, 10**6)
    assert [line.split()[1] for line in lines if line.startswith("zone ")] == ["007", "040", "041", "093"]
    assert any(line.startswith("+ 96 more") for line in lines)


def test_without_truth_or_game_it_shows_the_estimate_alone():
    bare = view(truth=None, true_reward=None, zone=None, next_zone=None, game="", period=None, model="", role="")
    text = "\n".join(drawn([bare], 80, 24))
    assert "truth" not in text
    assert "true" not in text
    assert "388 B" in text


@pytest.mark.parametrize(("width", "height"), [(40, 16), (80, 24)])
def test_the_belief_of_a_hidden_state_is_shown_by_name(width, height):
    names, belief = ("corner 0", "corner 1", "corner 2"), (0.04, 0.06, 0.9)
    lines = drawn([view(hidden=names, belief=belief, hidden_state=1)], width, height)
    (line,) = [line for line in lines if line.startswith("hidden state")]
    assert line.startswith("hidden state corner 2 0.90, corner 1 0.")
    assert len(lines) <= height
    if width == 80:
        assert line.rstrip().endswith("true: corner 1")
    assert not [line for line in drawn([view()], width, height) if "hidden" in line]


def test_a_policy_under_way_and_a_standby_that_decides_are_shown():
    text = "\n".join(drawn([view(next_policy_id=0xEF, role="standby", coordinators=2, paused=True)], 120, 40))
    assert "0000abcd -> 000000ef" in text
    assert "standby decides" in text
    assert "2 coordinators" in text
    assert "paused" in text


def test_sparklines_and_bars_are_to_scale():
    assert sparkline([0.0, 1.0, 0.5, None, 2.0], 0.0, 1.0) == "▁█▅ █"
    assert sparkline([3.0, 3.0], 3.0, 3.0) == "▁▁"
    assert sparkline([float("nan")], 0.0, 1.0) == " "
    assert bar(0.5, 8) == "████    "
    assert bar(1.0 / 16, 8) == "▌       "
    assert bar(7.0, 3) == "███"
    assert bar(float("inf"), 3) == "   "


def test_the_true_reward_is_that_of_the_robots_that_acted(warehouse):
    game = replace(warehouse)
    truth = Truth(1, 2, (4, 5, 6), (0, 1, 1), (2, None, 0), (1, 0, 1))
    expected = game.r_g[3, 2] + (game.r_l[0, 3, 2] + game.r_l[1, 3, 0]) / 2
    assert true_reward(game, truth, 3, 2) == pytest.approx(expected)
    assert true_shares(truth, 5) == pytest.approx((1 / 3, 2 / 3, 0, 0, 0))
    counts = [[0] * 3 for _ in range(5)]
    counts[0][2] = counts[1][0] = 1
    crowd = Truth(1, 2, (), (), (), (), tuple(count for row in counts for count in row))
    assert true_reward(game, crowd, 3, 2) == pytest.approx(expected)
    nobody = Truth(1, 2, (4,), (0,), (None,), (0,))
    assert true_reward(game, nobody, 3, 2) == pytest.approx(game.r_g[3, 2])


def test_the_true_reward_needs_the_hidden_state(loads):
    truth = Truth(1, 2, (4, 5), (0, 1), (1, 1), (1, 1), hidden_state=1)
    assert true_reward(loads, truth, 0, 0) == pytest.approx((-0.1 + 1.0) / 2)
    assert true_reward(loads, replace(truth, hidden_state=0), 0, 0) == pytest.approx(0.5)
    assert true_reward(loads, replace(truth, hidden_state=None), 0, 0) is None
    assert true_reward(loads, replace(truth, hidden_state=2), 0, 0) is None


def test_robots_in_an_operators_hand_are_listed_and_not_missed():
    def drawn(now):
        console = Console(file=StringIO(), width=100, force_terminal=True)
        console.print(top_view([now], 100, 30))
        return console.file.getvalue()

    operated = {4: "held by anna", 9: "removed by bob"}
    shown = drawn(view(operated=operated, on_roster=1))
    assert "4 held by anna, 9 removed by bob" in shown
    red = "\x1b[1;31m29 of 30 robots live"
    assert red in drawn(view())
    assert red not in shown
