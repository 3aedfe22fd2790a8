import pytest

from altmarl_ros.cli.fleet_display import _zones_shown


@pytest.mark.parametrize(("counts", "here", "goes"), [([0] * 100, 7, 99), (list(range(100)), 3, 5)])
def test_of_many_zones_the_fullest_and_those_of_the_coordinator_are_shown(counts, here, goes):
    shown = _zones_shown(counts, (here, goes))
    assert {here, goes} <= set(shown)
    assert shown == sorted(shown)
    assert 24 <= len(shown) <= 26
    if any(counts):
        assert set(range(76, 100)) <= set(shown)


def test_few_zones_are_all_shown():
    assert _zones_shown([0, 3, 0], (0, 0)) == [0, 1, 2]
