"""The `altmarl` command: results, exit codes, and one clear line for every mistake."""

import json
from math import comb

import numpy as np
import pytest

from altmarl_ros.cli.main import main, usage_text
from altmarl_ros.games import load_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.policies import load_bundle, save_bundle


@pytest.fixture(scope="module")
def policy(shares_bundle, tmp_path_factory):
    return save_bundle(shares_bundle, tmp_path_factory.mktemp("policy") / "warehouse.npz")


@pytest.fixture
def ladder(small_bundle, tmp_path):
    return save_bundle(small_bundle, tmp_path / "ladder.npz")


@pytest.fixture
def few(tiny_file):
    """Arguments of a training that takes a moment."""
    size = ["--k", "2", "--runs", "20", "--robots", "50", "--rounds", "1", "--search", "0"]
    return ["train", "--game", str(tiny_file), *size]


@pytest.fixture(autouse=True)
def own_data_home(monkeypatch, tmp_path):
    monkeypatch.setenv("ROS_HOME", str(tmp_path / "ros_home"))
    monkeypatch.chdir(tmp_path)


def one_error_line(capfd):
    captured = capfd.readouterr()
    lines = [line for line in captured.err.splitlines() if line.strip()]
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.mark.slow
def test_more_reports_earn_more_and_both_beat_random_actions(warehouse, tmp_path, capfd):
    bundle = train(warehouse, TrainingOptions(K=5, runs=200, n=1000, certificate_runs=0))
    policy = save_bundle(bundle, tmp_path / "warehouse.npz")
    assert main(["evaluate", "-p", str(policy), "-k", "1", "-k", "5", "--runs", "1500", "--json"]) == 0
    results = {row["model"]: row for row in json.loads(capfd.readouterr().out)["results"]}

    def standard_errors_between(better, worse):
        a, b = results[better], results[worse]
        return (a["value"] - b["value"]) / np.hypot(a["standard_error"], b["standard_error"])

    for model in ("fresh", "filtered"):
        assert standard_errors_between(f"{model}, k = 5", f"{model}, k = 1") > 5
        assert standard_errors_between(f"{model}, k = 1", "random actions") > 5


def test_evaluation_depends_on_the_seed_and_on_nothing_else(policy, capfd):
    def values(seed):
        assert main(["evaluate", "-p", str(policy), "-k", "2", "--runs", "50", "--seed", seed, "--json"]) == 0
        return [row["value"] for row in json.loads(capfd.readouterr().out)["results"]]

    assert values("1") == values("1") != values("2")


@pytest.mark.slow
@pytest.mark.parametrize(("backup", "most_reports"), [("auto", None), ("shares", None), ("exact", 2), ("sampled", 2)])
def test_train_writes_a_bundle_that_loads(few, tiny_file, tmp_path, backup, most_reports):
    assert main([*few, "--backup", backup, "--out", str(tmp_path / "new.npz")]) == 0
    assert load_bundle(tmp_path / "new.npz", load_game(tiny_file)).pi_g.most_reports == most_reports


@pytest.mark.slow
def test_for_the_papers_rule_a_ladder_is_learned(few, tmp_path):
    assert main([*few, "--learn-for", "fresh", "--out", str(tmp_path / "new.npz")]) == 0
    assert load_bundle(tmp_path / "new.npz").kind == "ladder"


def test_train_tells_its_verdict_and_what_it_rests_on_if_asked(few, tmp_path, capfd):
    few = [*few, "--out", str(tmp_path / "new.npz")]
    assert main(few) == 0
    said = " ".join(capfd.readouterr().out.split())
    assert "% of the best possible against these robots" in said
    assert "NashGap" not in said
    assert main([*few, "-v"]) == 0
    said = " ".join(capfd.readouterr().out.split())
    for words in ("NashGap", "claimed at most", "without a single report", "of 25 or more robots"):
        assert words in said


def test_train_if_missing_keeps_what_is_there(policy):
    before = policy.read_bytes()
    assert main(["train", "--out", str(policy), "--if-missing"]) == 0
    assert policy.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        (["train", "--game", "chess"], "chess"),
        (["train", "--game", "missing.yaml"], "missing.yaml"),
        (["train", "--backup", "magic"], "magic"),
        (["train", "--backup", "exact", "--k", "200"], "k=200"),
        (["evaluate", "-p", "missing.npz"], "missing.npz"),
        (["fleet", "-p", "missing.npz"], "missing.npz"),
        (["fleet", "--network", "los=0.3"], "'los' is unknown"),
        (["fleet", "--robots", "3000"], "robots is 3000, must be at most 2000 without a crowd"),
        (["fleet", "--model", "smooth"], "observation model 'smooth' is unknown"),
        (["report", "missing.npz"], "missing.npz"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_gives_one_line_and_exit_code_2(arguments, culprit, capfd):
    assert main(arguments) == 2
    assert culprit in one_error_line(capfd)


@pytest.mark.parametrize(
    ("arguments", "culprit", "help_of"),
    [
        (["train", "--k", "-1"], "must be at least 0", "altmarl train"),
        (["fleet", "--rtf", "5000"], "1000", "altmarl fleet"),
        (["train", "--k", "many"], "'--k'", "altmarl train"),
        (["train", "--seeds", "1"], "--seeds", "altmarl train"),
        (["evaluate", "--runs", "1"], "--runs", "altmarl evaluate"),
        (["bogus"], "'bogus'", "altmarl"),
        (["game", "bogus"], "'bogus'", "altmarl game"),
        (["report"], "missing argument", "altmarl report"),
        (["netcheck"], "--listen", "altmarl"),
        (["fleet", "--backend", "gazebo"], "gazebo", "altmarl"),
        (["fleet", "--floor-game", "deliveries"], "only --backend physical has a floor", "altmarl"),
        (["link", "dispatch", "--policy-rate", "-1"], "'--policy-rate'", "altmarl link"),
        (["fleet", "--backend", "physical", "--floor-game", "deliveries"], "not those of --game 'warehouse'", "altmarl"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_option_gives_one_line_that_says_where_help_is(arguments, culprit, help_of, capfd):
    assert main(arguments) == 2
    line = one_error_line(capfd)
    assert culprit in line
    assert f"`{help_of}" in line
    assert line.rstrip().endswith("--help` tells more")


@pytest.mark.parametrize(
    ("low", "high", "rule"), [(0, 5, "must be in 0..5"), (0, None, "must be at least 0"), (None, 5, "must be at most 5")]
)
def test_a_range_is_told_in_the_same_words_where_click_judges_it(low, high, rule):
    """Newer versions of typer judge ranges themselves."""
    click = pytest.importorskip("click")
    with pytest.raises(click.BadParameter) as refused:
        click.IntRange(low, high).convert("-7" if high is None else "7", click.Option(["--k"]), None)
    assert f"invalid value for '--k': {'-7' if high is None else '7'}, {rule};" in usage_text(refused.value)


def test_nothing_said_prints_the_help(capfd):
    assert main([]) in (0, 2)
    assert "Run robots" in "".join(capfd.readouterr())


def test_evaluating_beyond_the_ladder_names_the_top_rung(ladder, capfd):
    assert main(["evaluate", "-p", str(ladder), "-k", "4"]) == 2
    assert "at most 3" in capfd.readouterr().err


def test_value_vectors_serve_every_number_of_reports(policy, capfd):
    ks = ("0", "6", "400")
    arguments = [word for k in ks for word in ("-k", k)]
    assert main(["evaluate", "-p", str(policy), *arguments, "-m", "filtered", "--runs", "200", "--json"]) == 0
    results = {row["model"]: row["value"] for row in json.loads(capfd.readouterr().out)["results"]}
    values = [results[f"filtered, k = {k}"] for k in ks]
    assert values == sorted(values)
    assert results["random actions"] < values[0]


def test_more_reports_than_robots_are_noted(policy, capfd):
    assert main(["evaluate", "-p", str(policy), "-k", "3", "-k", "5", "-m", "filtered", "--robots", "3", "--runs", "4"]) == 0
    notes = [line for line in capfd.readouterr().err.splitlines() if line.startswith("note: ")]
    assert notes == ["note: k = 5 of 3 robots: all are polled at every tick"]


@pytest.mark.parametrize("command", ["train", "evaluate", "fleet", "dashboard", "report", "demo", "doctor", "netcheck"])
def test_help_has_an_example(command, capfd):
    assert main([command, "--help"]) == 0
    assert f"Example: altmarl {command}" in " ".join(capfd.readouterr().out.split())


def test_doctor_names_what_is_missing(capfd):
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert report["healthy"]
    found = {entry["name"]: entry for entry in report["findings"]}
    assert {"rclpy", "launch", "nav2_msgs.action", "lib/altmarl_ros/world"} <= set(found)
    if not found["launch"]["found"]:
        assert "launch files (they need a ROS installation; `altmarl fleet`" in found["launch"]["detail"]
        assert "No module" not in found["launch"]["detail"]


def test_game_check_tells_sizes_costs_and_mixing(capfd):
    assert main(["game", "check", "warehouse", "-k", "3", "-k", "300", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["local_states"], told["local_actions"], told["gamma"]) == (5, 3, 0.95)
    assert [cost["vectors"] for cost in told["costs"]] == [comb(7, 4), comb(304, 4)]
    assert ["memory" in cost["reason"] for cost in told["costs"]] == [False, True]
    game = load_game("warehouse")
    for s_g, modulus in enumerate(told["slowest_mode"]):
        eigenvalues = np.linalg.eigvals(game.P_l[:, s_g].mean(axis=1))
        assert modulus == pytest.approx(sorted(np.abs(eigenvalues))[-2])


def test_game_check_prints_a_table(capfd):
    assert main(["game", "check", "warehouse"]) == 0
    said = capfd.readouterr().out
    assert "training over shares, for every k at once: about" in said
    assert "by reports per tick" in said
