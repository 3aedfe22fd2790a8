"""Measures the dashboard under load: first paint, CPU of server and browser, frame rate, longest gap between frames.

    python benchmarks/dashboard.py                      # 1000 robots at 10 Hz, truth included, 30 s
    python benchmarks/dashboard.py --robots 100 --seconds 10
    python benchmarks/dashboard.py --game zones.yaml --k 1 --policy zones.npz    # another game, such as one of 100 zones

A crowd, the server and Chromium run together; the browser shows one page at 1440 x 900. CPU is given in percent of one core,
for the server's process and for all processes of the browser, while nobody touches the page. Frames are counted afterwards,
since counting takes time too. There is no graphics card, so the processor draws the page.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

import psutil
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.table import Table

from altmarl_ros.cli.processes import ProcessGroup, start_fleet
from altmarl_ros.cli.training import find_bundle
from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.deployment.middleware import discovery_variables, free_domain
from altmarl_ros.games import load_game

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
)
PAINTS = "performance.getEntriesByName('first-contentful-paint').map(entry => entry.startTime)[0] ?? null"
COUNT = """seconds => new Promise(done => {
  let frames = 0, last = performance.now(), gap = 0, ticks = 0, told = last, tickGap = 0;
  const end = last + 1000 * seconds, tick = document.getElementById('tick');
  const observer = new MutationObserver(() => {
    const now = performance.now();
    ticks += 1; tickGap = Math.max(tickGap, now - told); told = now;
  });
  observer.observe(tick, { childList: true, characterData: true, subtree: true });
  requestAnimationFrame(function step(now) {
    frames += 1; gap = Math.max(gap, now - last); last = now;
    if (now < end) requestAnimationFrame(step);
    else { observer.disconnect(); done({ frames: frames / seconds, gap, ticks: ticks / seconds, tickGap }); }
  });
})"""


def cpu_seconds(processes: list[psutil.Process]) -> float:
    """Return the processor time of the processes that still run, user and system [s]."""
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
            total += times.user + times.system
        except psutil.NoSuchProcess:
            continue
    return total


def wait_for(condition, seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"{what} did not happen within {seconds:g} s")
        time.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--robots", type=int, default=1000)
    parser.add_argument("--k", type=int, default=25)
    parser.add_argument("--period", type=float, default=0.1)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--game", default="warehouse")
    parser.add_argument("--policy", type=Path)
    arguments = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("no chromium on this machine")
    os.environ.update(discovery_variables())
    os.environ.update({"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "ROS_DOMAIN_ID": str(free_domain())})
    policy, bundle = find_bundle(load_game(arguments.game), arguments.game, arguments.policy)
    k = arguments.k if bundle.pi_g.most_reports is None else min(arguments.k, bundle.pi_g.most_reports)
    plan = FleetPlan(arguments.game, policy, arguments.robots, k, period=arguments.period, crowd=True)
    with tempfile.TemporaryDirectory() as folder, ProcessGroup(Path(folder), os.environ) as group:
        start_fleet(plan, group, "warn")
        command = [str(Path(sys.executable).with_name("altmarl")), "dashboard", "--port", "0", "--read-only"]
        server = group.start("dashboard", command)
        wait_for(lambda: "http" in server.log.read_text(), 30, "the start of the dashboard")
        url = re.search(r"http://\S+", server.log.read_text())[0]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            paints = []
            for _ in range(3):
                page.goto(url)
                wait_for(lambda: page.evaluate(PAINTS) is not None, 10, "the first paint")
                paints.append(page.evaluate(PAINTS))
            wait_for(lambda: page.inner_text("#robots") == str(arguments.robots), 60, f"a fleet of {arguments.robots}")
            time.sleep(3.0)
            browser_processes = [
                child for child in psutil.Process().children(recursive=True) if "chrom" in child.name().lower()
            ]
            server_process = [psutil.Process(server.process.pid)]
            began = time.monotonic(), cpu_seconds(server_process), cpu_seconds(browser_processes)
            page.wait_for_timeout(1000 * arguments.seconds)
            ended = time.monotonic(), cpu_seconds(server_process), cpu_seconds(browser_processes)
            counted = page.evaluate(COUNT, min(arguments.seconds, 10.0))
            version = browser.version
            browser.close()
    seconds = ended[0] - began[0]
    server_cpu, browser_cpu = (f"{100 * (ended[i] - began[i]) / seconds:.0f} %" for i in (1, 2))
    console = Console(width=120)
    console.print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Chromium {version}")
    table = Table(title=f"{arguments.robots} robots at {1 / arguments.period:g} Hz, {seconds:.0f} s")
    table.add_column("")
    table.add_column("", justify="right")
    table.add_row("first contentful paint, each of three loads", ", ".join(f"{paint:.0f} ms" for paint in paints))
    table.add_row("server, of one core", server_cpu)
    table.add_row(f"browser ({len(browser_processes)} processes), of one core", browser_cpu)
    table.add_row("ticks shown per second, longest gap", f"{counted['ticks']:.1f}, {counted['tickGap']:.0f} ms")
    table.add_row("frames per second, longest gap", f"{counted['frames']:.0f}, {counted['gap']:.0f} ms")
    console.print(table)


if __name__ == "__main__":
    main()
