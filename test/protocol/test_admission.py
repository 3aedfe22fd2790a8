import pytest

from altmarl_ros.protocol.admission import NAME_LENGTH, Admission, HelloBudget

OURS = "0123456789abcdef"


@pytest.mark.parametrize(
    ("name", "game_hash", "known", "members", "reason"),
    [
        ("/robot_7/robot", OURS, False, 9, None),
        ("/robot_7/robot", "", False, 9, None),
        ("/robot_7/robot", "x" * 1000, True, 9, f"it plays game '{'x' * 16}', this fleet {OURS}"),
        ("/robot_7/robot", OURS, False, 10, "10 robots already, as many as `roster.capacity` allows"),
        ("/robot_7/robot", OURS, True, 10, None),
        ("x" * NAME_LENGTH, OURS, False, 0, None),
        ("x" * (NAME_LENGTH + 1), OURS, True, 1, "its name has 256 characters, more than 255"),
    ],
)
def test_what_a_hello_may_add_is_bounded(name, game_hash, known, members, reason):
    given = Admission(OURS, 10).refusal(name, game_hash, known, members)
    assert given is None if reason is None else reason in given


def test_hellos_for_many_robots_have_a_budget_and_those_of_one_robot_have_none():
    budget = HelloBudget(100_000, 0.0)
    assert all(budget.spend(5000, 0.0) for _ in range(20)), "a whole crowd"
    assert not budget.spend(5000, 0.5)
    assert all(budget.spend(1, 0.5) for _ in range(10_000))
    assert budget.spend(5000, 1.1)
    assert sum(budget.spend(5000, 1.1 + 0.02 * i) for i in range(500)) <= 11
