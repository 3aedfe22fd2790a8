"""Work that is put off, over a fake timer."""

from types import SimpleNamespace

import pytest

from altmarl_ros.nodes.common.deferred_work import DeferredWork


@pytest.fixture
def timer():
    return SimpleNamespace(running=True, timer_period_ns=0)


@pytest.fixture
def deferred(timer):
    def create_timer(_period, callback, clock):
        timer.callback = callback
        timer.cancel, timer.reset = (lambda: setattr(timer, "running", False)), (lambda: setattr(timer, "running", True))
        return timer

    return DeferredWork(SimpleNamespace(create_timer=create_timer))


def test_work_is_done_later_once_and_in_order(deferred, timer):
    done = []
    for name in "abc":
        deferred.soon(lambda name=name: done.append(name))
    assert done == []
    assert timer.running
    timer.callback()
    assert done == ["a", "b", "c"]
    assert not timer.running
    deferred.soon(lambda: done.append("d"))
    assert timer.running
    assert 1e6 <= timer.timer_period_ns <= 2e7
