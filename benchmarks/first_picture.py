"""A newcomer's first minutes by the stopwatch: python benchmarks/first_picture.py.

Clones HEAD into an empty folder with an empty home, runs `make demo`, and prints the seconds until each of these was there: the
environment, the trained pair, the dashboard's page, its picture of a second tick of the running fleet, and the report with its
film. Then the README's lines of Python run, until the first line that trains has done so.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Iterator

import aiohttp

ROOT = Path(__file__).resolve().parents[1]
ADDRESS = re.compile(r"watch it: (http://\S+/)")
PATIENCE = 60.0  # s for the picture


async def second_tick(url: str) -> tuple[float, float]:
    """Wait for the page and for the second message about ticks to a browser; returns both times [s of time.monotonic]."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as session:
        async with session.get(url) as response:
            await response.read()
        page = time.monotonic()
        async with session.ws_connect(f"{url}ws") as socket:
            ticks = 0
            async for message in socket:
                ticks += b'"rows"' in message.data
                if ticks == 2:
                    return page, time.monotonic()
    raise SystemExit("the dashboard hung up before the fleet's second tick")


def lines_of(output: IO[str], log: list[str]) -> Iterator[str]:
    for line in output:
        log.append(line)
        yield line


def demo(clone: Path, environment: dict[str, str]) -> dict[str, float]:
    """Run `make demo`; returns the seconds until each thing was there."""
    began, seen, log = time.monotonic(), {}, []

    def watch(url: str) -> None:
        page, picture = asyncio.run(second_tick(url))
        seen.update({"the dashboard's page": page - began, "its picture moves": picture - began})

    watcher: threading.Thread | None = None
    process = subprocess.Popen(
        ["make", "demo"], cwd=clone, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    for line in lines_of(process.stdout, log):
        now = time.monotonic() - began
        if "altmarl demo" in line:
            seen["the environment"] = now
        elif "policy.npz: " in line:
            seen["the trained pair"] = now
        elif watcher is None and (found := ADDRESS.search(line)):
            watcher = threading.Thread(target=watch, args=(found[1],))
            watcher.start()
    if process.wait() != 0 or watcher is None:
        raise SystemExit("".join(log[-30:]))
    watcher.join(PATIENCE)
    return {**seen, "report and film": time.monotonic() - began}


def python_lines() -> str:
    """Return the README's lines of Python."""
    found = re.search(r'```python title="pair.py"\n(.*?)```', (ROOT / "README.md").read_text(), re.DOTALL)
    if found is None:
        raise SystemExit("the README has no pair.py any more")
    return found[1]


def trains(clone: Path, environment: dict[str, str]) -> float:
    """Return the seconds until the first line of Python that trains has done so."""
    lines = python_lines().strip().splitlines()
    last = next(i for i, line in enumerate(lines) if ".train(" in line)
    script = clone / "pair.py"
    script.write_text("\n".join(lines[: last + 1]) + "\n")
    began = time.monotonic()
    subprocess.run([str(clone / ".venv-jazzy/bin/python"), script.name], cwd=clone, env=environment, check=True)
    return time.monotonic() - began


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        clone, home = Path(folder) / "clone", Path(folder) / "home"
        home.mkdir()
        environment = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}
        began = time.monotonic()
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; clone: {time.monotonic() - began:.0f} s")
        for what, seconds in demo(clone, environment).items():
            print(f"make demo, {what}: {seconds:.0f} s")
        print(f"the first line of Python that trains: {trains(clone, environment):.1f} s more")


if __name__ == "__main__":
    main()
