"""A ROS domain for one test, which no other test takes meanwhile, whichever process or pytest runs it."""

import fcntl
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

from altmarl_ros.deployment.middleware import discovery_variables, free_domain

_TRIES = 100


@contextmanager
def own_domain(monkeypatch):
    """Keep ROS to this machine and to a free domain, which is locked until the test ends.

    A domain is seen to be in use once its first participant listens; the lock holds it from when it is chosen.
    """
    for _ in range(_TRIES):
        domain = free_domain()
        path = Path(tempfile.gettempdir()) / f"altmarl-test-domain-{os.getuid()}-{domain}"
        with path.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            for name, value in discovery_variables().items():
                monkeypatch.setenv(name, value)
            monkeypatch.setenv("ROS_DOMAIN_ID", str(domain))
            monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
            yield domain
            return
    raise RuntimeError("every ROS domain of this machine is in use")
