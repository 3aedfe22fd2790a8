"""Absurd parameters for every executable, for the parameter services of live nodes, and for `altmarl tune`.

    python benchmarks/fuzz.py --files 0 --parameters 1000

Names, types, values and YAML are drawn at random. Each set must be taken or refused by one line: no traceback, no process that
ends otherwise than by 0 or 2, none that still runs 20 s after it was told to end, none over 2 GiB, no
service without an answer.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from altmarl_ros.cli.main import main as altmarl
from altmarl_ros.cli.processes import Child, ProcessGroup
from altmarl_ros.deployment.middleware import discovery_variables, isolation_variables
from altmarl_ros.nodes.parameter_tables import TABLES, parameter_table
from altmarl_ros.resources import executable

MOST_SECONDS = 20.0
MOST_KIB = 2 << 20
_UP = 1.0  # s that a node may run
_STARTS, _SERVICES = 0.4, 0.4  # shares of the sets; the rest is for `altmarl tune`
_MODULES = {"coordinator": "coordinator.node", "link": "link.node", "trainer": "trainer.node"}
_MODULES |= {"physical_world": "simulators.physical_world"}
_LIVE = ("coordinator", "robots", "trainer")
_SIGNS_OF_FAILURE = ("Traceback (most recent call last)", "Segmentation fault", "terminate called", "Fatal Python error")

ODD_NAMES = ("", " ", ".", "..", "a..b", "x" * 300, "qos_overrides./fleet/tick.publisher.depth", "use_sim_time", "__node")
ODD_NAMES += ("qos_overrides./fleet/tick.publisher.reliability", "sampling", "sampling.k.k", "ä", "a/b", "a b", "~", "-p", "{}")
ODD_TEXTS = (
    "",
    " ",
    "~",
    "no",
    "1e5",
    "../../x",
    "/dev/zero",
    "/dev/stdin",
    "/proc/self/mem",
    ".",
    "/",
    "a\nb",
    "\x1b[31m",
    "üü",
)
ODD_TEXTS += (
    "2020-13-45",
    "!!timestamp foo",
    "&a [*a]",
    "{a: 1}",
    "[",
    "'",
    "x" * 5000,
    "warehouse",
    "hall",
    "/a b",
    "robot_{id}",
)
ODD_NUMBERS = (0, 1, -1, 2, 3, 7, 100, 2**31 - 1, 2**31, -(2**31), 2**63 - 1, -(2**63), 10**23, -(10**30))
ODD_FLOATS = (0.0, -0.0, 0.5, 1.0, 1e-320, 1e-9, 1e6, 1e9, 1e308, -1e308, 0.9999999999999999, np.nan, np.inf, -np.inf)
ODD_LISTS: tuple[list[Any], ...] = ([], [1], [1.5], ["a"], [True], [1, 2.5], [[1]], [None], ["\0"])


@dataclass(frozen=True)
class Outcome:
    """What one set led to: `taken`, `refused`, or what went wrong; seconds, and KiB of memory where a process was started."""

    verdict: str
    seconds: float
    memory: int = 0
    detail: str = ""


class Draws:
    """Random names and values."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def one_of(self, items: Any) -> Any:
        return items[int(self._rng.integers(len(items)))]

    def chance(self, share: float) -> bool:
        return bool(self._rng.random() < share)

    def value(self) -> Any:
        return self.one_of(
            (True, False, None, *map(self.one_of, (ODD_TEXTS, ODD_TEXTS, ODD_NUMBERS, ODD_NUMBERS, ODD_FLOATS, ODD_LISTS)))
        )

    def value_like(self, default: Any) -> Any:
        """A value of the same type, most often."""
        if self.chance(0.2):
            return self.value()
        if isinstance(default, bool):
            return self.chance(0.5)
        kinds = {int: ODD_NUMBERS, float: ODD_FLOATS, str: ODD_TEXTS}
        return self.one_of(kinds[type(default)])

    def settings(self, name: str) -> dict[str, Any]:
        """Parameters for a node of that executable, by name."""
        table = parameter_table(name)
        drawn: dict[str, Any] = {}
        for _ in range(int(self._rng.integers(1, 5))):
            if self.chance(0.15):
                drawn[self.one_of(ODD_NAMES)] = self.value()
            else:
                parameter = self.one_of(table)
                drawn[parameter.name] = (
                    self.one_of(parameter.choices) if parameter.choices else self.value_like(parameter.default)
                )
        return drawn

    def yaml_file(self, node: str, drawn: Mapping[str, Any]) -> bytes:
        """A parameter file with them, damaged now and then."""
        key = "ros__parameters" if self.chance(0.95) else self.one_of(ODD_NAMES)
        text = yaml.safe_dump({self.one_of(("/**", node, f"/{node}")): {key: dict(drawn)}}, allow_unicode=True).encode()
        if self.chance(0.3):
            at = int(self._rng.integers(len(text) + 1))
            junk = self.one_of((b"", b"\0", b"&a ", b"*a", b"!!int ", b"'", b"{", b"\xff\xfe", b"\n? ", b"- ", b": ", b"\t"))
            text = text[:at] + junk + text[at + int(self._rng.integers(4)) :]
        return text


def fuzz(sets: int, seed: int, policy: Path) -> Iterator[tuple[str, str, Outcome]]:
    """Try so many sets of parameters; yields kind, what was tried, and its outcome. `policy` is a bundle of the warehouse."""
    os.environ.update({**discovery_variables(), **isolation_variables(), "ROS_HOME": str(policy.parent / "home")})
    starts, services = round(_STARTS * sets), round(_SERVICES * sets)
    for number in range(starts):
        yield _start(Draws(np.random.default_rng([seed, 1, number])), list(TABLES)[number % len(TABLES)], policy)
    if sets > starts:
        with tempfile.TemporaryDirectory() as folder, ProcessGroup(Path(folder), os.environ) as group:
            own = {"policy.file": str(policy), "sampling.k": 2}
            children = {
                name: group.start(
                    name, [str(executable(name)), "--ros-args", *_arguments(own if name == "coordinator" else {})]
                )
                for name in _LIVE
            }
            time.sleep(8.0)
            for number in range(sets - starts - services):
                yield _tune(Draws(np.random.default_rng([seed, 3, number])), Path(folder))
            yield from _serve(services, seed, children)  # last: a process that uses DDS must not be forked
            yield from _judge_live(children)


def _arguments(settings: Mapping[str, Any]) -> list[str]:
    return [item for name, value in settings.items() for item in ("-p", f"{name}:={_yaml_of(value)}")]


def _yaml_of(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=10**9).removesuffix("\n").removesuffix("\n...")


def _start(draws: Draws, name: str, policy: Path) -> tuple[str, str, Outcome]:
    """Start an executable with drawn parameters, and end it."""
    drawn = draws.settings(name)
    if name == "coordinator" and draws.chance(0.8):
        drawn.setdefault("policy.file", str(policy))
    with tempfile.TemporaryDirectory() as folder:
        if draws.chance(0.5):
            file = Path(folder) / "parameters.yaml"
            file.write_bytes(draws.yaml_file(name, drawn))
            arguments, tried = ["--params-file", str(file)], repr(file.read_bytes())
        else:
            arguments, tried = [text.replace("\0", "?") for text in _arguments(drawn)], repr(drawn)
        module = import_module(f"altmarl_ros.nodes.{_MODULES.get(name, TABLES[name].module)}")
        outcome = _in_child(lambda: module.main(["--ros-args", *arguments]), _UP, (0, 2))
    return "start", f"{name} {tried}", outcome


def _tune(draws: Draws, folder: Path) -> tuple[str, str, Outcome]:
    """Run `altmarl tune` with drawn settings, or with a drawn file."""
    node = draws.one_of(_LIVE)
    drawn = draws.settings(node)
    if draws.chance(0.4):
        file = folder / "load.yaml"
        file.write_bytes(draws.yaml_file(node, drawn))
        arguments = [node, "--load", str(file)]
        tried = repr(file.read_bytes())
    else:
        words = [f"{name}={value if draws.chance(0.5) else _yaml_of(value)}" for name, value in drawn.items()]
        arguments, tried = [node, "--", *words], repr(words)
    return "tune", f"{node} {tried}", _in_child(lambda: altmarl(["tune", *arguments]), None, (0, 1, 2))


def _in_child(run: Any, up: float | None, codes: tuple[int, ...]) -> Outcome:
    """Run a function in a forked process, which is told to end after `up` [s] (None: it ends by itself)."""
    with tempfile.TemporaryFile() as output:
        began = time.monotonic()
        process = multiprocessing.get_context("fork").Process(target=_child, args=(run, output.fileno()))
        process.start()
        if up is not None:
            process.join(up)
            end = time.monotonic() + MOST_SECONDS
            while process.exitcode is None and time.monotonic() < end:  # the first one may come before there is a handler
                os.kill(process.pid or 0, signal.SIGTERM)
                process.join(1.0)
        process.join(MOST_SECONDS)
        hangs = process.exitcode is None
        memory = _peak(process.pid or 0) if hangs else 0
        if hangs:
            process.kill()
            process.join()
        seconds = time.monotonic() - began
        output.seek(0)
        said = output.read().decode(errors="replace")
    head, _, rest = said.rpartition("\npeak ")
    memory = memory or (int(rest) if rest.strip().isdigit() else 0)
    ended_early = up is not None and process.exitcode == -signal.SIGTERM
    if hangs:
        return Outcome("hang", seconds, memory, said[-2000:])
    if any(sign in said for sign in _SIGNS_OF_FAILURE) or (process.exitcode not in codes and not ended_early):
        return Outcome("traceback", seconds, memory, f"exit code {process.exitcode}\n{said[-3000:]}")
    if memory > MOST_KIB:
        return Outcome("memory", seconds, memory, head[-1000:])
    if process.exitcode == 2 and head.strip().count("\n") > 3:
        return Outcome("more than a line", seconds, memory, head)
    return Outcome("refused" if process.exitcode else "taken", seconds, memory)


def _child(run: Any, output: int) -> None:
    import resource

    sys.stdout.flush()
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
    code = 70
    try:
        code = run()
    finally:
        sys.stdout.flush()
        print(f"\npeak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}", file=sys.stderr, flush=True)
    os._exit(code)


def _peak(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1])
    return 0


def _serve(sets: int, seed: int, children: Mapping[str, Child]) -> Iterator[tuple[str, str, Outcome]]:
    """Set drawn parameters by the services of the live nodes."""
    import rclpy
    from rcl_interfaces.srv import DescribeParameters, SetParameters, SetParametersAtomically
    from rclpy.executors import SingleThreadedExecutor

    rclpy.init(args=[])
    node, executor = rclpy.create_node("fuzz"), SingleThreadedExecutor()
    executor.add_node(node)
    kinds = {SetParameters: "set_parameters", SetParametersAtomically: "set_parameters_atomically"}
    kinds[DescribeParameters] = "describe_parameters"
    clients = {
        (name, kind): node.create_client(kind, f"/{name}/{service}") for name in children for kind, service in kinds.items()
    }
    for client in clients.values():
        client.wait_for_service(20.0)
    for number in range(sets):
        draws = Draws(np.random.default_rng([seed, 2, number]))
        name, kind = draws.one_of(list(children)), draws.one_of((SetParameters, SetParametersAtomically, DescribeParameters))
        drawn = draws.settings(name)
        request = kind.Request()
        if kind is DescribeParameters:
            request.names = [key.replace("\0", "") for key in drawn]
        else:
            request.parameters = [message for key, value in drawn.items() if (message := _message(key, value)) is not None]
        began = time.monotonic()
        future = clients[name, kind].call_async(request)
        while not future.done() and time.monotonic() < began + MOST_SECONDS:
            executor.spin_once(timeout_sec=0.05)
        seconds = time.monotonic() - began
        results = (
            [] if not future.done() else getattr(future.result(), "results", None) or [getattr(future.result(), "result", None)]
        )
        taken = all(result is None or result.successful for result in results)
        verdict = "hang" if not future.done() else "taken" if taken else "refused"
        if children[name].exit_code is not None:
            verdict = "died"
            detail = children[name].log.read_text(errors="replace")[-2000:]
            yield "service", f"{name} {kind.__name__} {drawn}", Outcome(verdict, seconds, 0, detail)
            return
        elif any("\n" in result.reason for result in results if result is not None):
            verdict = "more than a line"
        yield "service", f"{name} {kind.__name__} {drawn}", Outcome(verdict, seconds)
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown()


def _message(name: str, value: Any) -> Any:
    """The message of one parameter; None where no message can carry it."""
    from rclpy.parameter import Parameter
    from rclpy.serialization import serialize_message

    try:
        message = Parameter(name, value=value).to_parameter_msg()
        serialize_message(message)
        return message
    except Exception:  # rclpy and rosidl refuse in many ways what is no parameter
        return None


def _judge_live(children: Mapping[str, Child]) -> Iterator[tuple[str, str, Outcome]]:
    for name, child in children.items():
        memory = _peak(child.process.pid) if child.exit_code is None else 0
        said = child.log.read_text(errors="replace")
        bad = next((line for line in said.splitlines() if any(sign in line for sign in _SIGNS_OF_FAILURE)), "")
        dropped = [line for line in said.splitlines() if "dropped a message" in line]
        verdict = "traceback" if bad or dropped else "memory" if memory > MOST_KIB else "taken"
        if child.exit_code is not None:
            verdict = "died"
        yield (
            "node",
            name,
            Outcome(verdict, 0.0, memory, "\n".join([bad, *dropped, *said.splitlines()[-5:]]) if verdict != "taken" else ""),
        )
