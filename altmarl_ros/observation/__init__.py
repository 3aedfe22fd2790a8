"""What the coordinator knows: observation models turn a few reports per tick into a global action.
`make_model` makes one by its name; `ObservationModel` is the interface that all of them have.
"""

from altmarl_ros.observation.catalogue import (
    DEFAULT_MODEL,
    DEFAULT_TURNOVER,
    MODEL_NAMES,
    all_seen,
    check_model,
    make_filter,
    make_model,
    models_for,
)
from altmarl_ros.observation.filtered import Filtered
from altmarl_ros.observation.fresh import Fresh, Sticky
from altmarl_ros.observation.hypotheses import Hypotheses
from altmarl_ros.observation.model import Counts, ObservationModel, draw_without_replacement, kept_robots
from altmarl_ros.observation.reference import AllSeen, RandomActions
from altmarl_ros.observation.relayed import Lossy, Relayed
from altmarl_ros.observation.strata import allocated, numbers_in
from altmarl_ros.observation.switching import Announced, SwitchingFilter

__all__ = [
    "DEFAULT_MODEL",
    "DEFAULT_TURNOVER",
    "MODEL_NAMES",
    "AllSeen",
    "Announced",
    "Counts",
    "Filtered",
    "Fresh",
    "Hypotheses",
    "Lossy",
    "ObservationModel",
    "RandomActions",
    "Relayed",
    "Sticky",
    "SwitchingFilter",
    "all_seen",
    "allocated",
    "check_model",
    "draw_without_replacement",
    "kept_robots",
    "make_filter",
    "make_model",
    "models_for",
    "numbers_in",
]
