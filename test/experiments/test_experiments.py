"""What the experiments' rows say, against direct computation."""

from functools import lru_cache

import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError
from altmarl_ros.experiments import convergence, gap_rate, heatmap, heterogeneity, k_sweep, learn_and_play, value_of_reports
from altmarl_ros.experiments.convergence import draw_convergence
from altmarl_ros.experiments.gap_rate import draw_gap_rate
from altmarl_ros.experiments.heatmap import draw_heatmap
from altmarl_ros.experiments.heterogeneity import draw_heterogeneity
from altmarl_ros.experiments.k_sweep import draw_k_sweep
from altmarl_ros.experiments.learn_and_play import ONE_THREAD
from altmarl_ros.experiments.table import MEASURED, pick, read_csv, write_csv
from altmarl_ros.experiments.value_of_reports import draw_value_of_reports
from altmarl_ros.games.random_game import RandomGameParameters, build_random_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.learning.evaluation import ALL_SEEN, TOLD, Evaluation, common_start
from altmarl_ros.learning.gaps.equilibrium import nash_gap
from altmarl_ros.learning.gaps.exact_team import TeamGame
from altmarl_ros.learning.gaps.gap_rate import best_rung, gap_by_k, learn_pair
from altmarl_ros.learning.populations.robot_kernels import draw_kernels
from altmarl_ros.observation import Announced
from altmarl_ros.plotting import as_png

SMALL = {"robots": 30, "runs": 20, "seeds": 2, "training_runs": 10}


def only(rows, **wanted):
    (row,) = pick(rows, **wanted)
    return row


@lru_cache
def pair(game, K, seed, learn_for="fresh"):
    options = TrainingOptions(K=K, n=30, runs=10, seed=seed, learn_for=learn_for, certificate_runs=0, g_learn=ONE_THREAD)
    return train(game, options)


@pytest.fixture(scope="module")
def swept(warehouse, tmp_path_factory):
    from altmarl_ros.experiments.cache import Cache
    from altmarl_ros.experiments.task_runner import TaskRunner

    options = k_sweep.KSweepOptions(k=(1, 3), model=("fresh", "filtered"), seed=4, **SMALL)
    with TaskRunner(Cache(tmp_path_factory.mktemp("sweep")), backend="sequential") as runner:
        return k_sweep.k_sweep(warehouse, options, runner)


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "k", "K"), [("fresh", 1, 3), ("filtered", 3, 3), (k_sweep.LEARNED_FOR_K, 1, 1)])
def test_k_sweep_gives_what_direct_play_gives(warehouse, swept, rule, k, K):
    values, gaps, hits = [], [], []
    for seed in (4, 5):
        start = common_start(warehouse, 30, 20, seed)
        learn_for = "filtered" if rule == "filtered" else "fresh"
        top = Evaluation(warehouse, pair(warehouse, 3, seed, "filtered"), start, 50, seed).rollouts(ALL_SEEN, 0)
        own = Evaluation(warehouse, pair(warehouse, K, seed, learn_for), start, 50, seed)
        played = own.rollouts("fresh" if rule == k_sweep.LEARNED_FOR_K else rule, k)
        values.append(played.value)
        hits.append(played.mode_hits.mean())
        gaps.append((top.returns - played.returns).mean())
    for quantity, expected in (("value", values), ("gap_to_all_seen", gaps), ("mode_accuracy", hits)):
        row = only(swept, rule=rule, k=k, quantity=quantity)
        assert row["mean"] == pytest.approx(np.mean(expected))
        assert (row["robots"], row["runs"], row["seeds"]) == (30, 20, 2)
        assert row["standard_error"] > 0


@pytest.mark.slow
def test_k_sweep_times_every_k(swept):
    for quantity in ("best_responses_seconds", "ladder_seconds"):
        assert all(only(swept, k=k, quantity=quantity)["mean"] > 0 for k in (1, 3))


@pytest.mark.slow
def test_adding_a_k_below_computes_that_k_alone(warehouse, runner):
    sweep = k_sweep.KSweepOptions(k=(3,), model=("fresh",), **SMALL)
    k_sweep.k_sweep(warehouse, sweep, runner)
    before = runner.computed
    k_sweep.k_sweep(warehouse, k_sweep.KSweepOptions(k=(1, 3), model=("fresh",), **SMALL), runner)
    assert runner.computed - before == 2 + 2 + 2  # per seed: learn for 1, play it, and play rung 1 of the ladder


@pytest.mark.slow
def test_heterogeneity_gives_what_direct_play_gives(warehouse, runner):
    options = heterogeneity.HeterogeneityOptions(spread=(0.6,), k=(1, 2, 3), K=3, model=("fresh",), **SMALL)
    rows = heterogeneity.heterogeneity(warehouse, options, runner)
    bundle = pair(warehouse, 3, 0, "filtered")
    gaps, values = [], []
    for seed in (0, 1):
        kernels = draw_kernels(warehouse, 30, 0.6, np.random.default_rng([seed, 4]))
        stage = Evaluation(warehouse, bundle, common_start(warehouse, 30, 20, seed), 50, seed, kernels)
        values.append(stage.rollouts("fresh", 2).value)
        gaps.append(stage.rollouts("informed", 0).value - values[-1])
    chosen = {"spread": 0.6, "rule": "fresh", "k": 2}
    assert only(rows, **chosen, quantity="value")["mean"] == pytest.approx(np.mean(values))
    assert only(rows, **chosen, quantity="gap_to_informed")["mean"] == pytest.approx(np.mean(gaps))
    counted = only(rows, spread=0.6, rule="fresh", quantity="gap_to_all_seen_points_fitted")["mean"]
    assert 0 <= counted <= 3
    assert as_png(draw_heterogeneity(rows, "command")).startswith(b"\x89PNG")


@pytest.mark.slow
def test_heatmap_gives_what_direct_play_gives(warehouse, runner):
    options = heatmap.HeatmapOptions(x="loss", y="k", x_value=("0", "0.5"), y_value=(1, 3), K=3, model="fresh", **SMALL)
    rows = heatmap.heatmap(warehouse, options, runner)
    assert len(pick(rows, quantity="value")) == 4
    bundle = pair(warehouse, 3, 0, "filtered")
    values = [
        Evaluation(warehouse, bundle, common_start(warehouse, 30, 20, seed), 50, seed).rollouts("fresh", 3, loss=0.5).value
        for seed in (0, 1)
    ]
    assert only(rows, x_value=0.5, y_value=3, quantity="value")["mean"] == pytest.approx(np.mean(values))
    gaps = {(r["x_value"], r["y_value"]): r["mean"] + 0 for r in pick(rows, quantity="gap_to_all_seen")}
    value = {(r["x_value"], r["y_value"]): r["mean"] + 0 for r in pick(rows, quantity="value")}
    assert len({round(gaps[cell] + value[cell], 6) for cell in gaps}) == 1  # all seen is the same in every cell
    assert as_png(draw_heatmap(rows)).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("axes", "named"),
    [
        ({"x": "colour"}, "'colour' is unknown"),
        ({"x": "k", "y": "k"}, "both axes"),
        ({"x_value": ("many",)}, "'many'"),
        ({"x_value": (1, "1")}, "twice"),
        ({"x": "model", "x_value": ("psychic",)}, "'psychic'"),
        ({"y_value": (0,)}, "too small"),
    ],
)
def test_a_wrong_axis_is_named(warehouse, runner, axes, named):
    with pytest.raises(AltmarlError, match=named):
        heatmap.heatmap(warehouse, heatmap.HeatmapOptions(**axes), runner)


@pytest.mark.slow
def test_convergence_holds_the_best_pair_and_its_gap(warehouse, runner):
    options = convergence.ConvergenceOptions(k=1, robots=30, runs=20, gap_runs=10, rounds=2, seeds=1, seed=2)
    rows = convergence.convergence(warehouse, options, runner)
    heard = []
    bundle = train(warehouse, TrainingOptions(K=1, n=30, runs=20, rounds=2, seed=2, certificate_runs=0), heard.append)
    steps = bundle.report["steps"]
    candidates = [row["mean"] for row in pick(rows, quantity="candidate_value")]
    assert candidates == pytest.approx([step["value"] for step in steps])
    held = [row["mean"] for row in pick(rows, quantity="value")]
    assert held[-1] == pytest.approx([step["value"] for step in steps if step["kept"]][-1])
    assert held == sorted(held)
    pair_held = [progress.pair for progress in heard if progress.step][-1]
    gap = nash_gap(warehouse, *pair_held, k=1, n=30, runs=10, seed=2, model="filtered")
    last = max(row["step"] for row in rows)
    for gain in convergence.GAINS:
        assert only(rows, step=last, quantity=gain)["mean"] == pytest.approx(getattr(gap, gain).estimate)
    assert as_png(draw_convergence(rows)).startswith(b"\x89PNG")


@pytest.mark.slow
def test_gap_rate_gives_the_exact_gaps_and_their_fit(runner):
    rows = gap_rate.gap_rate(None, gap_rate.GapRateOptions(k=(1, 2, 3), robots=6, games=1, seed=3), runner)
    game = build_random_game(RandomGameParameters(seed=3))
    team = TeamGame(game, 6)
    pi_l = learn_pair(team, 3)[1]
    best = team.value(team.response(best_rung(game, pi_l, 6)), pi_l)  # k = n: every robot heard
    for k in (1, 2, 3):
        value = team.value(team.response(best_rung(game, pi_l, k)), pi_l)
        assert only(rows, k=k, quantity="gap_all_seen")["mean"] == pytest.approx(best - value, abs=1e-7)
    law = gap_by_k(game, 6, [1, 2, 3]).against_k()
    assert only(rows, quantity="gap_against_k_exponent")["mean"] == pytest.approx(law.exponent)
    assert only(rows, quantity="gap_against_k_points_fitted")["mean"] == len(law.used)
    assert as_png(draw_gap_rate(rows)).startswith(b"\x89PNG")


def test_a_game_without_a_gap_is_told_and_drawn(runner, random_game):
    rows = gap_rate.gap_rate(random_game(0, A_g=1), gap_rate.GapRateOptions(k=(1, 2), robots=4), runner)
    assert only(rows, quantity="gap_against_k_points_fitted")["mean"] == 0
    assert as_png(draw_gap_rate(rows)).startswith(b"\x89PNG")


@pytest.mark.slow
def test_figures_are_drawn_from_the_table_alone_and_beside_another(swept, tmp_path):
    write_csv(tmp_path / "k.csv", swept)
    rows = read_csv(tmp_path / "k.csv")
    assert set(MEASURED) < set(rows[0])
    figure = draw_k_sweep(rows, "altmarl experiment k-sweep", rows)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert {"every robot seen", "random actions", "fresh", "filtered"} <= set(labels)
    assert as_png(figure, 30).startswith(b"\x89PNG")


TINY = {"robots": 6, "runs": 8, "horizon": 15, "seeds": 1}


@pytest.fixture(scope="module")
def loads_pair(loads):
    options = TrainingOptions(K=2, n=6, runs=8, learn_for="filtered", certificate_runs=0, g_learn=ONE_THREAD)
    return train(loads, options)


@pytest.fixture
def learning_once(monkeypatch, loads_pair):
    """Experiments get the same pair from every training, which takes most of their time."""
    monkeypatch.setattr(learn_and_play, "train", lambda game, options: loads_pair)


def played(loads, pair, rule, k, **options):
    start = common_start(loads, 6, 8, 0)
    return Evaluation(loads, pair, start, 15, 0).rollouts(rule, k, **options).returns


@pytest.mark.slow
@pytest.mark.usefixtures("learning_once")
def test_gap_rate_measures_where_a_hidden_state_must_be_remembered(loads, loads_pair, runner):
    rows = gap_rate.gap_rate(loads, gap_rate.GapRateOptions(k=(1, 2, 3), training_runs=8, **TINY), runner)
    for k in (1, 3):
        own = played(loads, loads_pair, "filtered", k)
        for gap, rule in (("gap_all_seen", ALL_SEEN), ("gap_told", TOLD)):
            measured = only(rows, k=k, quantity=gap)
            assert measured["mean"] == pytest.approx((played(loads, loads_pair, rule, 0) - own).mean())
            assert measured["standard_error"] >= 0.0
    assert only(rows, quantity="gap_told_against_k_points_fitted")["mean"] <= 3
    assert as_png(draw_gap_rate(rows)).startswith(b"\x89PNG")
    with pytest.raises(AltmarlError, match="k is 7"):
        gap_rate.gap_rate(loads, gap_rate.GapRateOptions(k=(7,), **TINY), runner)


@pytest.mark.slow
@pytest.mark.usefixtures("learning_once")
def test_robots_that_differ_play_games_with_a_hidden_state(loads, runner):
    options = heterogeneity.HeterogeneityOptions(spread=(0.0, 0.7), k=(1, 2), K=2, training_runs=8, **TINY)
    rows = heterogeneity.heterogeneity(loads, options, runner)
    assert {row["rule"] for row in rows} == {"informed", "all_seen", "random", "told", "filtered"}
    value = {row["rule"]: row["mean"] for row in pick(rows, spread=0.7, quantity="value") if row["k"] in ("", 1)}
    assert value["random"] < value["filtered"]
    assert only(rows, spread=0.7, rule="filtered", k=2, quantity="gap_to_all_seen")["standard_error"] > 0
    assert as_png(draw_heterogeneity(rows)).startswith(b"\x89PNG")


@pytest.mark.usefixtures("learning_once")
def test_value_of_reports_is_the_share_of_the_way_to_being_told(loads, loads_pair, warehouse, runner, monkeypatch):
    monkeypatch.setattr(value_of_reports, "_CERTAIN", 0.0)
    options = value_of_reports.ValueOfReportsOptions(k=(2,), announced=(0.3, 1.0), training_runs=8, **TINY)
    rows = value_of_reports.value_of_reports(loads, [("again", loads)], options, runner)
    nothing, told = played(loads, loads_pair, "filtered", 0), played(loads, loads_pair, TOLD, 0)
    assert only(rows, variant="", quantity="worth_of_knowing")["mean"] == pytest.approx((told - nothing).mean())
    for q, k in ((0.0, 0), (0.3, 2), (1.0, 0)):
        gain = played(loads, loads_pair, "filtered", k, announced=q).mean() - nothing.mean()
        share = only(rows, variant="", announced=q, k=k, quantity="share_of_way")
        assert share["mean"] == pytest.approx(gain / (told - nothing).mean())
        assert only(rows, variant="", announced=q, k=k, quantity="value")["mean"] == pytest.approx(nothing.mean() + gain)
    assert {row["announced"] for row in pick(rows, variant="again")} == {"", 0.0}
    assert as_png(draw_value_of_reports(rows)).startswith(b"\x89PNG")
    with pytest.raises(AltmarlError, match="no hidden state"):
        value_of_reports.value_of_reports(warehouse, [], options, runner)


def test_an_announcement_in_every_tick_leaves_no_doubt(loads, loads_pair):
    told = Announced(loads, loads_pair.pi_l, loads_pair.pi_g, share=1.0, rng=np.random.default_rng(0))
    never = Announced(loads, loads_pair.pi_l, loads_pair.pi_g, share=0.0, rng=np.random.default_rng(0))
    for model, certain in ((told, True), (never, False)):
        model.reset(2)
        model.tell(np.array([0, 1]))
        model.decide(np.zeros(2, dtype=np.int64), np.zeros((2, 3), dtype=np.int64), 6)
        assert np.allclose(model.belief, np.eye(2)) == certain
    with pytest.raises(AltmarlError, match=r"must be in 0\.\.1"):
        Announced(loads, loads_pair.pi_l, loads_pair.pi_g, share=1.5, rng=np.random.default_rng(0))
