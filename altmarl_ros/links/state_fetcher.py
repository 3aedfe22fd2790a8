"""Fetches the states of a coordinator's end by their hashes: whoever joins or comes back gets what a latched topic holds."""

from __future__ import annotations

import time
from typing import Callable

from altmarl_ros.links.beacon import Beacon, State, hash_of, read_states
from altmarl_ros.links.border import Border
from altmarl_ros.links.store import Store, digest_of
from altmarl_ros.links.table import BLOB, BY_NAME, STATE, Flow, state_flow

ASK_TIMEOUT = 5.0
"""Longest wait for a small answer [s]."""

_SLOWEST = 200.0  # bytes per second at which a content still arrives in time


def patience(size: int) -> float:
    """Return how long a content of `size` bytes is waited for [s]."""
    return ASK_TIMEOUT + size / _SLOWEST


class StateFetcher:
    """Knows which states the coordinator's end has, and delivers their messages whenever they have changed."""

    def __init__(
        self,
        base: str,
        border: Border,
        store: Store,
        ask: Callable[[str, float], bytes | None],
        on_state: Callable[[str, tuple[bytes, ...]], None],
    ) -> None:
        """Begin with no state.

        Args:
            base: what all keys begin with.
            border: counts what is fetched and refused.
            store: of contents that were fetched before.
            ask: fetches the content of a key within so many seconds; None: there was no answer.
            on_state: takes the name of a state and its messages, oldest first.
        """
        self._base, self._border, self._store, self._ask, self._on_state = base, border, store, ask, on_state
        self._listed: Beacon | None = None  # whose list of states is known
        self._states: dict[str, State] = {}  # of that list
        self._wanted: frozenset[str] = frozenset()
        self._delivered: dict[str, tuple[bytes, int]] = {}  # instance and number of what was delivered last
        self._contents: dict[str, tuple[bytes, ...]] = {}

    @property
    def offered(self) -> tuple[str, ...]:
        """Names of the states that are fetched only if somebody wants them: the policies of types of robots."""
        return tuple(name for name in self._states if name not in BY_NAME)

    def want(self, names: frozenset[str]) -> bool:
        """Fetch these of the states on offer too; returns whether they are others than before."""
        changed, self._wanted = names != self._wanted, names
        return changed

    def sync(self, beacon: Beacon) -> bool:
        """Fetch the states that a beacon tells of, unless they are known; returns whether some are still missing."""
        if beacon != self._listed and not self._fetch_list(beacon):
            return True
        wanted = self._wanted.union(BY_NAME)
        complete = [self._deliver(name, state, beacon.instance) for name, state in self._states.items() if name in wanted]
        return not all(complete)

    def _fetch_list(self, beacon: Beacon) -> bool:
        packed = self._ask(f"{self._base}/{STATE}", ASK_TIMEOUT)
        if packed is None or hash_of(packed) != beacon.states:
            return False
        try:
            self._states = read_states(packed)
        except ValueError as error:
            self._border.refuse("coordinator", f"the list of states {error}")
            self._states = {}
        self._listed = beacon
        return True

    def _deliver(self, name: str, state: State, instance: bytes) -> bool:
        flow = state_flow(name)
        if flow is None or self._delivered.get(name) == (instance, state.number):
            return True
        contents = []
        for digest, size in state.contents:
            content = self._fetch(digest, size, flow)
            if content is None:
                return False
            contents.append(content)
        restarted = name in self._delivered and self._delivered[name][0] != instance
        self._delivered[name] = (instance, state.number)
        if not (restarted and self._contents.get(name) == tuple(contents)):  # else it is known, and only the other end is new
            self._contents[name] = tuple(contents)
            self._on_state(name, tuple(contents))
        return True

    def _fetch(self, digest: str, size: int, flow: Flow) -> bytes | None:
        if size > flow.most_bytes:
            self._border.refuse("coordinator", f"{flow.name} of {size} bytes, at most {flow.most_bytes} may cross")
            return None
        kept = self._store.find(digest, flow.most_bytes)
        if kept is not None:
            return kept
        content = self._ask(f"{self._base}/{BLOB}/{digest}", patience(size))
        if content is None or len(content) != size or digest_of(content) != digest:
            return None
        self._border.admit(flow, "coordinator", len(content), time.monotonic())
        self._store.keep(content)
        return content
