"""The configuration of zenoh for either end of a link: mutual TLS, no discovery, and access control made from the table.

Everything is denied by default. What a certificate's holder may say and hear follows from the common name alone, and a common
name that the register does not list as valid may do nothing.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Iterable, Sequence

import zenoh

from altmarl_ros.errors import AltmarlError
from altmarl_ros.links.endpoints import read_endpoint
from altmarl_ros.links.identity import Identity
from altmarl_ros.links.keys import Credentials
from altmarl_ros.links.register import Register
from altmarl_ros.links.table import BEACON, BLOB, BY_NAME, STATE, TABLE, Flow, segment

_SPARE_SESSIONS = 16
_LARGEST_MESSAGE = 1 << 25
_SESSIONS_EACH = 4  # a robot that dials anew leaves connections behind that are not known to be cut yet
_BEFORE_LOSS_MS = 20_000  # silence after which a connection counts as cut; a field's end notices sooner, by its lease
_KEEP_ALIVES = 2  # in that time
_OPENING_MS = 10_000  # twenty robots that dial at once over 20 kB/s need 5 s


def listening(base: str, credentials: Credentials, endpoints: Sequence[str], register: Register, now: datetime) -> zenoh.Config:
    """Return the configuration of a coordinator's end, which listens at these endpoints.

    Raises:
        AltmarlError: the certificate is not a coordinator's, or an endpoint is none.
    """
    if credentials.identity.role != "coordinator":
        raise AltmarlError(f"{credentials.certificate}: is a {credentials.identity.role}'s, only a coordinator's may listen")
    valid = [entry.identity for entry in register.valid(now)]
    return _config(
        {
            "mode": "router",
            "listen/endpoints": [read_endpoint(endpoint) for endpoint in endpoints],
            "transport/link/tls": _tls(credentials, "listen"),
            "transport/unicast/max_sessions": _SESSIONS_EACH * len(valid) + _SPARE_SESSIONS,
            "access_control": access_control(base, valid),
        }
    )


def connecting(credentials: Credentials, endpoint: str) -> zenoh.Config:
    """Return the configuration of a robot's or an operator's end, which dials out to one endpoint.

    Raises:
        AltmarlError: the endpoint is none.
    """
    return _config(
        {
            "mode": "client",
            "connect/endpoints": [read_endpoint(endpoint)],
            "connect/retry": {"period_init_ms": 250, "period_max_ms": 1000, "period_increase_factor": 1.5},
            "transport/link/tls": _tls(credentials, "connect"),
        }
    )


def access_control(base: str, holders: Iterable[Identity]) -> dict[str, Any]:
    """Return zenoh's access control for the holders of certificates that are valid; everybody else may do nothing."""
    rules: list[dict[str, Any]] = []
    subjects: list[dict[str, Any]] = []
    policies: list[dict[str, Any]] = []
    for holder in holders:
        if holder.role == "coordinator":
            continue
        allowed = _rules(base, holder)
        rules += allowed
        subjects.append({"id": holder.common_name, "cert_common_names": [holder.common_name]})
        policies.append({"rules": [rule["id"] for rule in allowed], "subjects": [holder.common_name]})
    return {"enabled": True, "default_permission": "deny", "rules": rules, "subjects": subjects, "policies": policies}


def _rules(base: str, holder: Identity) -> list[dict[str, Any]]:
    own = segment(holder)
    says = [flow for flow in TABLE if holder.role in flow.senders]
    hears = [flow for flow in TABLE if holder.role in flow.hearers and flow.carriage == "stream"]
    heard = [f"{base}/{BEACON}", *(_heard_key(flow, base, own) for flow in hears)]
    told = [flow.key(base, own) for flow in says if flow.carriage == "stream"]
    asked = [f"{base}/{STATE}", f"{base}/{BLOB}/*", *(flow.key(base, own) for flow in says if flow.carriage == "request")]
    # What the coordinator's end is interested in, which decides what is sent to it at all; it tells nothing about others.
    wanted = [flow.key(base, "*") for flow in says if flow.carriage == "stream"]
    answered = [f"{base}/{STATE}", f"{base}/{BLOB}/*", *(flow.key(base, "*") for flow in says if flow.carriage == "request")]
    calls = f"{base}/{BY_NAME['call'].name}"
    for flow in (BY_NAME[name] for name in ("echo", "lane") if holder.role in BY_NAME[name].senders):
        asked.append(flow.key(base, own))
        answered.append(flow.key(base, "*"))
    serves = [f"{calls}/{own}/*"] if holder.role == "robot" else []
    if holder.role == "operator":
        asked.append(f"{calls}/*/{own}")
        answered.append(f"{calls}/*/*")
    parts = (
        ("hears", "ingress", ["declare_subscriber"], heard),
        ("heard", "egress", ["put"], heard),
        ("says", "ingress", ["put"], told),
        ("wanted", "egress", ["declare_subscriber"], wanted),
        ("asks", "ingress", ["query"], asked),
        ("answered", "egress", ["reply"], asked),
        ("answers", "egress", ["declare_queryable"], answered),
        ("serves", "ingress", ["declare_queryable", "reply"], serves),
        ("served", "egress", ["query"], serves),
    )
    return [
        {
            "id": f"{holder.common_name} {name}",
            "permission": "allow",
            "flows": [direction],
            "messages": messages,
            "key_exprs": keys,
        }
        for name, direction, messages, keys in parts
        if keys
    ]


def _heard_key(flow: Flow, base: str, own: str) -> str:
    if flow.addressed:
        return flow.key(base, own)
    return flow.key(base) if "coordinator" in flow.senders else flow.key(base, "*")


def _tls(credentials: Credentials, side: str) -> dict[str, Any]:
    return {
        "root_ca_certificate": str(credentials.authority),
        f"{side}_certificate": str(credentials.certificate),
        f"{side}_private_key": str(credentials.key),
        "enable_mtls": True,
        "verify_name_on_connect": True,
        "close_link_on_expiration": True,
    }


def _config(values: dict[str, Any]) -> zenoh.Config:
    config = zenoh.Config()
    common = {
        "scouting/multicast/enabled": False,
        "scouting/gossip/enabled": False,
        "scouting/delay": 0,  # nobody is looked for: an end that listens would wait half a second before it does
        "open/return_conditions": {"connect_scouted": False, "declares": False},
        "transport/unicast/open_timeout": _OPENING_MS,
        "transport/unicast/accept_timeout": _OPENING_MS,
        "transport/link/tx/lease": _BEFORE_LOSS_MS,
        "transport/link/tx/keep_alive": _KEEP_ALIVES,
        "timestamping/enabled": {"router": False, "peer": False, "client": False},  # 28 bytes in each message
        "transport/link/rx/max_message_size": _LARGEST_MESSAGE,
        "transport/shared_memory/enabled": False,
        "adminspace/enabled": False,
    }
    try:
        for key, value in {**common, **values}.items():
            config.insert_json5(key, json.dumps(value))
    except zenoh.ZError as error:
        raise AltmarlError(f"zenoh refuses {key}: {error}") from None
    return config
