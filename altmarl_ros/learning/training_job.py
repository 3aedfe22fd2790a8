"""Runs a training in another process, so that it does not delay processes that must keep time.

The process has a low priority (nice) and one thread, and ends when the process that started it ends. It reads its request
as one line of JSON, and reports in lines of JSON:

    {"progress": {"fraction": 0.4, "message": "round 1, local: value 97.1, kept"}}
    {"trained": {"policy_id": 123, "value": 97.1, "seconds": 3.2}}
    {"scored": {"present": [94.0, 0.7], "candidate": [97.0, 0.8], "gain": [3.0, 0.2]}}     mean, half of its 95 % interval
    {"failed": "a reason in one line"}
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from typing import Any, Mapping

_LONGEST_LINE = 1 << 20
_LONGEST_END = 5.0  # s; patience until a killed process has ended
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_TAIL = 4096
_WORKER = """
import sys
if sys.path[0] == "":  # modules in the working directory must not be imported
    del sys.path[0]
from altmarl_ros.learning.training_worker import main
sys.exit(main())
"""


@dataclass(frozen=True)
class TrainingRequest:
    """What to train, and how to compare the result with the present bundle.

    Attributes:
        game: built-in name or YAML file of the game.
        out: file to which the candidate is written.
        present: file of the bundle to compare with.
        n: number of robots in the comparison.
        k: number of reports per tick in the comparison.
        model: observation model of the comparison.
        turnover: turnover of that model, if it is `sticky`.
        runs: number of episodes in the comparison.
        rewards: fields of `games.rewards.Rewards`.
        options: fields of `alternating.TrainingOptions`, with those of `backups.GLearnOptions` under `g_learn` and of
            `shares.solver.SharesOptions` under `shares`.
        from_present: whether the first best response answers the robots' present policy, or else the uniform one.
        nice: niceness of the process, 0 to 19; a higher one leaves more of the processor to others.
    """

    game: str
    out: str
    present: str
    n: int
    k: int
    model: str
    turnover: float
    runs: int
    rewards: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    from_present: bool = True
    nice: int = 10


@dataclass(frozen=True)
class Report:
    """One line that the process reported; `kind` is progress, trained, scored or failed."""

    kind: str
    values: Mapping[str, Any]


class TrainingJob:
    """A training process that is running; call `poll` now and then to get its reports.

    Raises:
        OSError: the process cannot be started.
    """

    def __init__(self, request: TrainingRequest) -> None:
        """Start the process."""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._began = time.monotonic()
        environment = {**os.environ, **dict.fromkeys(_ONE_THREAD, "1")}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _WORKER],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._answers = self._process.stdout
        os.set_blocking(self._answers.fileno(), False)
        self._rest = b""
        self._over = self._scored = False
        with contextlib.suppress(BrokenPipeError):  # the process has ended already, which poll() reports
            self._process.stdin.write(json.dumps(asdict(request)).encode() + b"\n")
            self._process.stdin.flush()  # stays open: when it closes, the process knows that this one has ended

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def seconds(self) -> float:
        """The time since the process was started [s]."""
        return time.monotonic() - self._began

    @property
    def over(self) -> bool:
        """Whether the process has ended and all its reports have been read."""
        return self._over

    def poll(self) -> list[Report]:
        """Return the reports since the last call; a failure is reported once, even if the process ended without a word."""
        if self._over:
            return []
        ended = self._process.poll()
        lines = self._read()
        reports = [report for report in map(_report, lines) if report is not None]
        failed = next((report for report in reports if report.kind == "failed"), None)
        if failed is None and len(self._rest) > _LONGEST_LINE:
            failed = Report("failed", {"reason": "the training process said what is no line"})
            reports.append(failed)
        self._scored |= any(report.kind == "scored" for report in reports)
        if failed is None and ended is not None and not (ended == 0 and self._scored):
            reports.append(Report("failed", {"reason": f"the training process {_how(ended)}{self._last_words()}"}))
        if failed is not None or ended is not None:
            self.cancel()
        return reports

    def cancel(self) -> None:
        """Kill the process; files that it writes are whole or do not exist."""
        if self._over:
            return
        self._over = True
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_LONGEST_END)
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]
        self._answers.close()
        self._errors.close()

    def _read(self) -> list[bytes]:
        with contextlib.suppress(BlockingIOError):  # nothing more to read at present
            while len(self._rest) <= _LONGEST_LINE and (chunk := os.read(self._answers.fileno(), 1 << 16)):
                self._rest += chunk
        *lines, self._rest = self._rest.split(b"\n")
        return lines

    def _last_words(self) -> str:
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - _TAIL))
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f": {lines[-1][:300]}" if lines else ""


def _report(line: bytes) -> Report | None:
    try:
        document = json.loads(line)
        ((kind, values),) = document.items()
    except (ValueError, AttributeError):
        return None
    return Report(kind, values if isinstance(values, dict) else {"reason": str(values)})


def _how(code: int) -> str:
    return f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
