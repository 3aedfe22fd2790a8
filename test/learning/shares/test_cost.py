"""What a training over shares is said to take before it begins."""

import pytest

from altmarl_ros.cli.main import main
from altmarl_ros.games import load_game
from altmarl_ros.learning.shares import cost


@pytest.mark.slow
def test_what_would_take_long_is_told_as_a_bound_and_not_tried(monkeypatch, capfd):
    game = load_game("deliveries")
    monkeypatch.setattr(cost, "_LONG", float("inf"))
    whole = cost.shares_cost(game)
    assert not whole.at_least
    monkeypatch.setattr(cost, "_LONG", 0.0)
    part = cost.shares_cost(game)
    assert part.at_least
    assert part.seconds > 0
    assert part.memory == whole.memory
    assert main(["game", "check", "deliveries"]) == 0
    (line,) = [line for line in capfd.readouterr().out.splitlines() if line.startswith("training over shares")]
    assert "more than" in line
