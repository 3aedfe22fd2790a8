"""One deterministic computation of an experiment, identified by a hash of everything that its result depends on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, Mapping

from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.policies import PolicyBundle

FORMAT = 1
"""Format of stored results."""

_CODE = ("games", "policies", "observation", "learning", "experiments")


@dataclass(frozen=True, eq=False)
class Task:
    """The call function(game, bundle, **parameters), to be made in this process or in another one.

    Attributes:
        function: defined at the top level of a module; returns JSON values or a bundle.
        game: the game that is learned or played.
        bundle: the policies that are played; None where none are.
        parameters: keyword arguments, JSON values.
        cost: estimate of how long it takes, in any unit; the longest tasks are started first.
    """

    function: Callable[..., Any]
    game: TabularGame
    bundle: PolicyBundle | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    cost: float = 1.0

    @property
    def key(self) -> str:
        """64 hexadecimal digits that change with the function, the parameters, the game, the bundle, or the code."""
        about = {
            "format": FORMAT,
            "code": code_version(),
            "function": f"{self.function.__module__}.{self.function.__qualname__}",
            "game": self.game.content_hash,
            "bundle": self.bundle.content_hash if self.bundle else None,
            "parameters": dict(self.parameters),
        }
        return hashlib.sha256(json.dumps(about, sort_keys=True, allow_nan=False).encode()).hexdigest()

    def run(self) -> Any:
        """Compute the result."""
        return self.function(self.game, self.bundle, **self.parameters)


@lru_cache(maxsize=1)
def code_version() -> str:
    """Hash the sources that results depend on, so that results of older code are never taken for new ones."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[1]
    for folder in _CODE:
        for source in sorted((package / folder).rglob("*.py")):
            if source.stem != "figure":  # the only one that no result depends on
                digest.update(str(source.relative_to(package)).encode() + source.read_bytes())
    return digest.hexdigest()[:16]
