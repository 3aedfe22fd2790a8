"""Messages about the hidden state on their way to the coordinator's inbox."""

import math
from types import SimpleNamespace

import pytest
from builtin_interfaces.msg import Time

from altmarl_ros.monitoring.health import Level
from altmarl_ros.msg import HiddenEvidence
from altmarl_ros.nodes.coordinator.evidence_link import EvidenceLink


@pytest.fixture
def link():
    """A link whose node's clock says 100 s; `tell` is the callback of its topic, `warnings` what it logged."""
    told, warnings = {}, []
    node = SimpleNamespace(
        get_clock=lambda: SimpleNamespace(now=lambda: SimpleNamespace(nanoseconds=100 * 10**9)),
        get_logger=lambda: SimpleNamespace(warning=lambda text, **_: warnings.append(text)),
    )
    endpoints = SimpleNamespace(node=node, subscription=lambda _type, topic, callback, _qos: told.update({topic: callback}))
    link = EvidenceLink(endpoints, "/fleet", 2, 10.0)
    link.tell, link.warnings = told["/fleet/hidden_evidence"], warnings
    return link


def test_a_message_counts_once(link):
    link.tell(HiddenEvidence(source="wms", stamp=Time(sec=99), weight=[1.0, 4.0]))
    link.tell(HiddenEvidence(source="wms", stamp=Time(sec=99), weight=[1.0, 4.0]))
    assert link.inbox.take() == (0.25, 1.0)
    assert link.inbox.heard == 1
    assert link.finding().level is Level.OK


def test_one_that_is_old_by_its_stamp_does_not_count(link):
    link.tell(HiddenEvidence(stamp=Time(sec=80), weight=[1.0, 4.0]))
    assert link.inbox.take() == ()
    link.tell(HiddenEvidence(weight=[1.0, 4.0]))  # without a stamp
    assert link.inbox.take() == (0.25, 1.0)


def test_one_that_is_not_valid_is_a_warning_that_names_who_and_what(link):
    link.tell(HiddenEvidence(source="wms", weight=[1.0, math.nan]))
    assert "'wms' refused: weight 1 is nan" in link.warnings[0]
    assert link.finding().level is Level.WARN
    assert link.finding().level is Level.OK  # told once
