"""Records a run of real processes and replays its decisions: python benchmarks/replay.py [--seconds 600] [--period 0.05].

Prints the machine, what was recorded, how large the bag is, how far the memory of the recording process
grew after the first tenth of the run, and whether the replayed decisions are equal.
"""

import argparse
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--period", type=float, default=0.05, help="tick period [s]")
    parser.add_argument("--robots", type=int, default=30)
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--model", default="filtered")
    arguments = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as folder:
        bag, policy = Path(folder) / "run_bag", Path(folder) / "policy.npz"
        subprocess.run([*altmarl("train", "--k", arguments.k, "--out", policy)], check=True, stdout=subprocess.DEVNULL)
        ticks = round(arguments.seconds / arguments.period)
        fleet = subprocess.Popen(
            altmarl(
                "fleet",
                "-p",
                policy,
                "-n",
                arguments.robots,
                "-k",
                arguments.k,
                "-m",
                arguments.model,
                "--period",
                arguments.period,
                "--ticks",
                ticks,
                "--record",
                bag,
            ),
            stdout=subprocess.DEVNULL,
            stderr=(Path(folder) / "fleet.log").open("w"),
        )
        memory = watch(fleet)
        if fleet.returncode:
            print(f"the fleet ended with exit code {fleet.returncode}: {(Path(folder) / 'fleet.log').read_text()[-1000:]}")
            return 1
        information = yaml.safe_load((bag / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
        size = sum(file.stat().st_size for file in bag.glob("*.mcap"))
        print(
            f"recorded: {ticks} ticks of {arguments.period} s, {arguments.robots} robots, k = {arguments.k}, "
            f"{arguments.model}; {information['duration']['nanoseconds'] / 1e9:.0f} s, "
            f"{information['message_count']} messages, {size / 2**20:.2f} MiB ({size / ticks:.0f} B per tick)"
        )
        settled = memory[len(memory) // 10]
        print(f"memory of the recording process: {settled:.1f} MiB, at the end {memory[-1]:.1f} MiB")
        began = time.perf_counter()
        code = subprocess.run(altmarl("replay", bag)).returncode
        print(f"altmarl replay: exit code {code}, {time.perf_counter() - began:.1f} s")
        return code


def altmarl(*arguments: object) -> list[str]:
    """Make a command line of this installation; `python -m` would use the sources in the working directory."""
    return [str(Path(sys.executable).with_name("altmarl")), *map(str, arguments)]


def watch(process: subprocess.Popen) -> list[float]:
    """Sample the resident memory every second until the process ends [MiB]."""
    memory = []
    while process.poll() is None:
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                memory.append(int(line.split()[1]) / 1024)
        time.sleep(1.0)
    return memory


if __name__ == "__main__":
    raise SystemExit(main())
