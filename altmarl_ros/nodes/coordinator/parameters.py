"""The parameters of the `coordinator` executable, and what some of them mean."""

from __future__ import annotations

from typing import Any, Mapping

from altmarl_ros.errors import AltmarlError
from altmarl_ros.monitoring.health import Threshold, Thresholds
from altmarl_ros.nodes.common import diagnostics
from altmarl_ros.nodes.common.allowed_paths import ALLOWED
from altmarl_ros.nodes.common.diagnostics import threshold_parameters
from altmarl_ros.nodes.common.lifecycle import AUTOSTART
from altmarl_ros.nodes.common.parameters import Parameter
from altmarl_ros.nodes.coordinator.evidence_link import EVIDENCE_TIMEOUT
from altmarl_ros.nodes.coordinator.plant_link import PLANT_PARAMETERS
from altmarl_ros.nodes.coordinator.standby_link import STANDBY_PARAMETERS
from altmarl_ros.observation import MODEL_NAMES
from altmarl_ros.protocol.admission import DEFAULT_CAPACITY, IdRanges
from altmarl_ros.protocol.settings import CoordinatorSettings

_DEFAULTS = CoordinatorSettings()
_THRESHOLDS = Thresholds()

PARAMETERS = (
    Parameter("game", "warehouse", "Game: a built-in name or a YAML file.", path="name or file"),
    Parameter(
        "policy.file",
        "",
        "Policy bundle (.npz) learned for that game by `altmarl train`; set again, it is read again.",
        live=True,
        path="file",
    ),
    Parameter(
        "policy.patience",
        _DEFAULTS.patience,
        "Ticks after which a new policy is acted by although some robot has not confirmed it.",
        1,
        10_000,
        live=True,
    ),
    Parameter(
        "policy.temperature",
        _DEFAULTS.decision.temperature,
        "Draw the global action by softmax of what it is worth over this; 0: the best one.",
        0.0,
        1e6,
        unit="reward",
        live=True,
    ),
    Parameter("paused", _DEFAULTS.paused, "Begin no tick; robots that drive stop, the others wait.", live=True),
    Parameter("fleet_prefix", "/fleet", "Prefix of the fleet-wide topics."),
    Parameter(
        "sampling.k",
        _DEFAULTS.k,
        "Reports wanted per tick, of fewer robots those of all; a ladder allows no more than its top rung.",
        0,
        10_000,
        live=True,
    ),
    Parameter("sampling.model", _DEFAULTS.decision.model, "What is made of the reports.", choices=MODEL_NAMES, live=True),
    Parameter(
        "sampling.turnover",
        _DEFAULTS.decision.turnover,
        "Share of the polled robots drawn anew, for `sticky`.",
        0.0,
        1.0,
        live=True,
    ),
    Parameter("sampling.seed", _DEFAULTS.decision.seed, "Seed of the draw and of the virtual global plant.", 0, live=True),
    Parameter(
        "bandwidth_limit",
        _DEFAULTS.bandwidth_limit,
        "Reports on the wire over any 5 s, on average; 0: no limit.",
        0.0,
        1e9,
        unit="B/s",
        live=True,
    ),
    Parameter(
        "tick.period",
        _DEFAULTS.period,
        "Time between ticks; robots that drive wait for one for their `timeout.tick`.",
        0.005,
        3600.0,
        unit="s",
        live=True,
    ),
    Parameter(
        "tick.lease",
        0.4,
        "Silence of this process after which robots that drive may hold it for gone; at most their "
        "`timeout.coordinator`, or they hear nothing.",
        0.05,
        3600.0,
        unit="s",
    ),
    Parameter(
        "tick.deadline",
        _DEFAULTS.deadline,
        "Share of the period after which the coordinator decides on what it has.",
        0.05,
        0.95,
        live=True,
    ),
    Parameter(
        "tick.backfill",
        _DEFAULTS.backfill,
        "Share of the deadline after which, each time, others are asked in place of silent robots; 1: never.",
        0.05,
        1.0,
        live=True,
    ),
    Parameter("tick.limit", 0, "Fall silent after so many ticks; 0: never.", 0),
    Parameter("start.robots", 0, "Hold the first tick until so many robots have joined, unless resumed ...", 0),
    Parameter("start.timeout", 10.0, "... but no longer than this.", 0.0, 3600.0, unit="s"),
    Parameter("roster.allow", "", "Ids of the robots that may join, such as 0-9,17; empty: all."),
    Parameter("roster.capacity", DEFAULT_CAPACITY, "Robots that may be on the roster.", 1, 10_000_000),
    Parameter(
        "roster.max_misses",
        _DEFAULTS.max_misses,
        "Polls in a row that a robot may miss before it leaves the draw.",
        1,
        live=True,
    ),
    Parameter(
        "roster.probe_interval",
        _DEFAULTS.probe_interval,
        "Draws between two polls of a robot that left the draw.",
        1,
        live=True,
    ),
    Parameter(
        "state_file",
        "",
        "File in which s_g and the session survive a restart, one that is not there yet or that a coordinator wrote; "
        "empty: nowhere.",
        path="file",
    ),
    ALLOWED,
    AUTOSTART,
    *PLANT_PARAMETERS,
    EVIDENCE_TIMEOUT,
    *STANDBY_PARAMETERS,
    diagnostics.PERIOD,
    diagnostics.GRACE,
    *threshold_parameters("slowness", _THRESHOLDS.slowness, "Missing share of the tick frequency"),
    *threshold_parameters("loss", _THRESHOLDS.loss, "Share of polls without an accepted report"),
    *threshold_parameters("suspended", _THRESHOLDS.suspended, "Share of the roster that has left the draw"),
    *threshold_parameters("age", _THRESHOLDS.age, "95 % quantile of the age of information, over that of a fair draw,"),
)

LIVE = frozenset(p.name for p in PARAMETERS if p.live)
"""Names of the parameters that a configured coordinator lets be set."""

HANDED_OVER = frozenset(name for name in LIVE if not name.startswith("diagnostics."))
"""Names of the parameters that a standby takes over from the coordinator that decides."""


def thresholds_of(values: Mapping[str, Any]) -> Thresholds:
    """The thresholds of /diagnostics."""

    def threshold(name: str) -> Threshold:
        return Threshold(values[f"diagnostics.{name}.warn"], values[f"diagnostics.{name}.error"])

    return Thresholds(threshold("slowness"), threshold("loss"), threshold("suspended"), threshold("age"))


def allowed_ids(values: Mapping[str, Any]) -> IdRanges | None:
    """Ids of the robots that may join; None: all may.

    Raises:
        AltmarlError: `roster.allow` is no list of ids.
    """
    text = values["roster.allow"].strip()
    try:
        return IdRanges.parse(text) if text else None
    except AltmarlError as error:
        raise AltmarlError(f"parameter 'roster.allow': {error}") from None
