"""The header of a policy bundle's file: JSON that says what the arrays are, and of which game.

Version 1 knew ladders only. Version 2 says the kind of the coordinator's policy in `pi_g`: `ladder` or `shares`.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.errors import BundleError

FORMAT = "altmarl policy bundle"
FORMAT_VERSION = 2
LADDER, SHARES = "ladder", "shares"

_READ_VERSIONS = (1, 2)
_KINDS: dict[str, tuple[type, ...]] = {
    "game": (str,),
    "game_hash": (str,),
    "gamma": (int, float),
    "seed": (int,),
    "report": (dict,),
    "sha256": (str,),
}
_LADDER_KINDS: dict[str, tuple[type, ...]] = {"K": (int,), "n_global_actions": (int,)}
_MOST_RUNGS = 10_000


def parse_header(raw: NDArray[Any]) -> dict[str, Any]:
    """Parse and check the bytes of a header; `pi_g` is filled in for version 1.

    Raises:
        BundleError: it is no header of a bundle that this program reads; one line says why.
    """
    header = _document(raw)
    kind = header.setdefault("pi_g", LADDER) if header["version"] == 1 else header.get("pi_g")
    if kind not in (LADDER, SHARES):
        raise BundleError(f"its header's 'pi_g' is {kind!r}, this program reads {LADDER!r} and {SHARES!r}")
    kinds = {**_KINDS, **(_LADDER_KINDS if kind == LADDER else {})}
    missing = [key for key in kinds if key not in header]
    if missing:
        raise BundleError(f"its header lacks {missing[0]!r}")
    kinds |= {"dynamics_hash": (str,)} if "dynamics_hash" in header else {}
    for key, types in kinds.items():
        if not isinstance(header[key], types) or isinstance(header[key], bool):
            raise BundleError(f"its header's {key!r} is {header[key]!r}")
    if not 0.0 < header["gamma"] < 1.0:
        raise BundleError(f"its header's 'gamma' is {header['gamma']}, must be in (0, 1)")
    if kind == LADDER and not 0 <= header["K"] <= _MOST_RUNGS:
        raise BundleError(f"its header's 'K' is {header['K']}")
    return header


def signed_part(header: dict[str, Any]) -> dict[str, Any]:
    """What the checksum of a parsed header covers besides the arrays: all keys that its file holds, but the checksum."""
    filled_in = {"sha256", "pi_g"} if header["version"] == 1 else {"sha256"}
    return {key: value for key, value in header.items() if key not in filled_in}


def _document(raw: NDArray[Any]) -> dict[str, Any]:
    try:
        header = json.loads(raw.astype(np.uint8).tobytes().decode())
    except (ValueError, TypeError, RecursionError) as error:
        raise BundleError(f"its header is not JSON: {error}") from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise BundleError(f"is not a policy bundle: its header does not say {FORMAT!r}")
    version = header.get("version")
    if isinstance(version, bool) or version not in _READ_VERSIONS:
        raise BundleError(f"has format version {version!r}, this program reads {' and '.join(map(str, _READ_VERSIONS))}")
    return header
