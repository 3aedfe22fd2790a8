"""What the coordinator knows: from a few reports per tick to a global action."""

from altmarl_ros.observation.catalogue import DEFAULT_MODEL, MODEL_NAMES, make_filter, make_model
from altmarl_ros.observation.filtered import Filtered
from altmarl_ros.observation.fresh import Fresh, Sticky
from altmarl_ros.observation.hypotheses import Hypotheses
from altmarl_ros.observation.model import ObservationModel, draw_without_replacement
from altmarl_ros.observation.reference import AllSeen, RandomActions
from altmarl_ros.observation.relayed import Lossy

__all__ = [
    "DEFAULT_MODEL",
    "MODEL_NAMES",
    "AllSeen",
    "Filtered",
    "Fresh",
    "Hypotheses",
    "Lossy",
    "ObservationModel",
    "RandomActions",
    "Sticky",
    "draw_without_replacement",
    "make_filter",
    "make_model",
]
