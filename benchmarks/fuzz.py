"""Damaged, forged and absurd files for every reader: each must be taken or refused by one line, soon and within bounds.

    python benchmarks/fuzz.py --files 1000 --parameters 1000 --seed 0

The files are good ones (games, floors, arrays, bundles, run records, fleet files) with bytes or values changed at random.
They are read in a process of their own, which is given up when it hangs. Printed are the counts by kind, and every file that
led to anything but an error of the package; such files are kept in --keep. What is done with sets of parameters is said in
benchmarks/fuzz_parameters.py.
"""

from __future__ import annotations

import argparse
import copy
import io
import json
import multiprocessing
import os
import resource
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import fuzz_parameters
import numpy as np
import yaml

from altmarl_ros.deployment.fleet_file import load_fleet_file
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import load_floor_map, load_game
from altmarl_ros.games.diagnosis import oddities
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.policies import bundle as bundles
from altmarl_ros.policies import load_bundle, save_bundle
from altmarl_ros.records.rows import StatusRow
from altmarl_ros.records.run_log import RunLog
from altmarl_ros.records.run_record import RunRecord
from altmarl_ros.resources import share_directory
from altmarl_ros.simulation.markov_world import Truth

MOST_SECONDS = 20.0
MOST_BYTES = 2 << 30
KINDS = ("game", "floor", "arrays", "bundle", "record", "fleet")

_ODD_VALUES: list[Any] = yaml.safe_load(r"""
[~, true, false, 0, 1, -1, 2, 100000000000000000000000, 2147483648, 9223372036854775808, -9223372036854775808, 0.0, -0.0, 0.5,
 1.0e-320, 1.0e-9, 1.0e+6, 1.0e+9, 1.0e+308, -1.0e+308, 0.9999999999999999, .nan, .inf, -.inf, "", " ", "no", "~", "../../x",
 "/dev/zero", ".", "a\nb", "\0", "\e[31m", "üüü", "2020-13-45", "1e5",
 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx,
 [], {}, [[]], [~], {a: {a: {}}}, {1: 2}, [0, 0], [0, 0, 4, 4], [1.0e+308, 1.0e+308], 2020-01-02]
""")


@dataclass(frozen=True)
class Outcome:
    """What reading one file led to: `taken`, `refused`, or what went wrong; and seconds and bytes of memory."""

    verdict: str
    seconds: float
    memory: int
    detail: str = ""


class Corpus:
    """Good files of every kind, and changed ones made of them.

    Args:
        folder: where they are written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        config = share_directory() / "config"
        self._texts = {
            "game": [path.read_bytes() for path in sorted((config / "games").glob("*.yaml")) if path.stem != "hall"],
            "floor": [path.read_bytes() for path in sorted((config / "floors").glob("*.yaml"))],
            "fleet": [path.read_bytes() for path in sorted((config / "fleets").glob("*.yaml"))],
        }
        game = load_game("warehouse")
        self._tables = {"P_g": game.P_g, "P_l": game.P_l, "r_g": game.r_g, "r_l": game.r_l, "alpha": np.full((2, 5), 0.3)}
        bundle = save_bundle(train(game, TrainingOptions(K=2, runs=4, n=10, rounds=1, horizon=5)), folder / "good.npz")
        self._bundle = _read(bundle)
        self._record = _read(_small_record().save(folder / "good_record.npz"))

    def write(self, kind: str, rng: np.random.Generator) -> Path:
        """A changed file of that kind; for `arrays` the game that names it."""
        path = self._folder / f"{kind}{'.npz' if kind in ('bundle', 'record') else '.yaml'}"
        if kind in self._texts:
            text = self._texts[kind][rng.integers(len(self._texts[kind]))]
            path.write_bytes(_damaged(text, rng) if rng.random() < 0.4 else _changed_yaml(text, rng))
        elif kind == "arrays":
            path.write_text("name: mine\narrays: tables.npz\ngamma: 0.9\n")
            (self._folder / "tables.npz").write_bytes(_packed(self._tables, rng, lambda arrays: arrays))
        else:
            arrays, seal = (self._bundle, _sealed) if kind == "bundle" else (self._record, lambda arrays: arrays)
            path.write_bytes(_packed(arrays, rng, seal))
        return path


def read(kind: str, path: Path) -> None:
    """What a command does first with such a file.

    Raises:
        AltmarlError: the file is refused.
    """
    if kind in ("game", "arrays"):
        game = load_game(path)
        game.initial.draw_shares(3, np.random.default_rng(0))
        assert game.content_hash
        oddities(game)
    elif kind == "floor":
        floor = load_floor_map(path)
        floor.check_room(0.2)
    elif kind == "bundle":
        bundle = load_bundle(path)
        bundle.pi_g.act_on_shares(
            np.zeros(1, dtype=np.int64), np.full((1, bundle.pi_g.n_local_states), 1 / bundle.pi_g.n_local_states)
        )
    elif kind == "record":
        record, game = RunRecord.load(path), load_game("warehouse")
        record.trajectory.check(game)
        record.rewards(game)
    else:
        load_fleet_file(path)


def judge(kind: str, path: Path) -> Outcome:
    """Read a file in this process."""
    began = time.monotonic()
    verdict, detail = "taken", ""
    try:
        read(kind, path)
    except AltmarlError as error:
        verdict, detail = ("refused", "") if "\n" not in str(error) else ("more than one line", str(error))
    except BaseException:
        verdict, detail = "traceback", traceback.format_exc()
    seconds, memory = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    if verdict in ("taken", "refused") and memory > MOST_BYTES:
        verdict, detail = "memory", f"{memory / 2**30:.1f} GiB"
    if verdict in ("taken", "refused") and seconds > MOST_SECONDS:
        verdict, detail = "slow", f"{seconds:.0f} s"
    return Outcome(verdict, seconds, memory, detail)


def _serve(connection: Any) -> None:
    while True:
        connection.send(judge(*connection.recv()))


class Reader:
    """A process that reads files; a new one takes its place when it hangs, dies or has grown."""

    def __enter__(self) -> Reader:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()

    def _start(self) -> None:
        context = multiprocessing.get_context("fork")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()

    def judge(self, kind: str, path: Path) -> Outcome:
        """Read a file in the other process."""
        self._connection.send((kind, path))
        try:
            outcome: Outcome | None = self._connection.recv() if self._connection.poll(2 * MOST_SECONDS) else None
        except EOFError:
            outcome = Outcome("died", 0.0, 0)
        if outcome is None or outcome.verdict not in ("taken", "refused", "traceback"):
            self._process.kill()
            self._process.join()
            self._start()
        return outcome or Outcome("hang", 2 * MOST_SECONDS, 0)


def _read(path: Path) -> dict[str, Any]:
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def _small_record() -> RunRecord:
    """Two ticks of a fleet of three robots in the warehouse."""
    log, ids = RunLog(), (1, 2, 4)
    for tick in range(2):
        log.statuses[9, tick] = StatusRow(0.5, 9, tick, 1, tick, 1 - tick, 3, 2, 2, 40, 0.125, 3, 0.5, (0.2,) * 5)
        log.truths[9, tick] = Truth(9, tick, ids, (0, 1, 2), (1, 0, 2), (1, 1, 1))
    log.reports.update([(9, 0), (9, 1)])
    return log.record({"game": "warehouse"})


def _damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes flipped, cut, doubled or put in."""
    for _ in range(int(rng.integers(1, 4))):
        at, size = int(rng.integers(len(content) + 1)), int(rng.integers(1, 60))
        way = rng.integers(5)
        if way == 0:
            content = content[:at] + rng.bytes(size) + content[at + size :]
        elif way == 1:
            content = content[:at]
        elif way == 2:
            content = content[:at] + content[at + size :]
        elif way == 3:
            content = content[:at] + content[at : at + size] * 3 + content[at + size :]
        else:
            content = (
                content[:at]
                + rng.choice([b"{", b"[", b"- ", b": ", b"\t", b"&a ", b"*a", b"!!int ", b"'", b"\n? "])
                + content[at:]
            )
    return content


def _changed_yaml(text: bytes, rng: np.random.Generator) -> bytes:
    """Some values of a document replaced by odd ones, keys renamed, items doubled."""
    document = yaml.safe_load(text)
    for _ in range(int(rng.integers(1, 4))):
        holders = list(_containers(document))
        holder = holders[rng.integers(len(holders))]
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            continue
        key = keys[rng.integers(len(keys))]
        way = rng.integers(6)
        if way < 3:
            holder[key] = copy.deepcopy(_ODD_VALUES[rng.integers(len(_ODD_VALUES))])
        elif way == 3 and isinstance(holder[key], (int, float)):
            holder[key] = holder[key] * float(rng.choice([-1.0, 1e-6, 1.001, 10.0, 1e6, 1e300]))
        elif way == 4 and isinstance(holder, dict):
            holder[_ODD_VALUES[rng.integers(15)] if rng.random() < 0.5 else f"{key}x"] = holder.pop(key)
        elif isinstance(holder, list):
            holder.append(holder[key])
        else:
            del holder[key]
    return yaml.safe_dump(document, allow_unicode=True).encode()


def _containers(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from _containers(item)


def _packed(arrays: Mapping[str, Any], rng: np.random.Generator, seal: Callable[[dict[str, Any]], dict[str, Any]]) -> bytes:
    """An .npz with some arrays changed, or the bytes of a good one damaged."""
    damage = rng.random() < 0.3
    changed = dict(arrays)
    for _ in range(0 if damage else int(rng.integers(1, 3))):
        name = list(changed)[rng.integers(len(changed))]
        changed[name] = (
            _changed_header(changed[name], rng) if name in ("header", "about") else _changed_array(changed[name], rng)
        )
        if changed[name] is None or rng.random() < 0.05:
            del changed[name]
        if not changed:
            break
    buffer = io.BytesIO()
    np.savez(buffer, **(changed if damage else seal(changed)))
    return _damaged(buffer.getvalue(), rng) if damage else buffer.getvalue()


def _changed_array(array: Any, rng: np.random.Generator) -> Any:
    array = np.array(array)
    way = rng.integers(7)
    if way == 0:
        return array[..., None]
    if way == 1:
        return array[:0] if array.ndim else None
    if way == 2:
        dtype = rng.choice(["f4", "f2", "i1", "u8", "?", "c8", "U3", "M8[s]"])
        with np.errstate(all="ignore"):
            return array.astype(np.int64).astype(dtype) if dtype == "M8[s]" else array.astype(dtype)
    if way == 3:
        return np.concatenate([array, array]) if array.ndim else array
    if way == 4:
        return np.full((), 3.5)
    if array.size:
        array = array.astype(np.float64)
        array.flat[rng.integers(array.size)] = rng.choice(
            [np.nan, np.inf, -1.0, 1e308, 1e-320, -1e-300, 0.0, 1.0 + 1e-7, 2**63]
        )
    return array


def _changed_header(raw: Any, rng: np.random.Generator) -> Any:
    header = json.loads(np.asarray(raw).astype(np.uint8).tobytes())
    keys = list(header)
    if keys:
        key = keys[rng.integers(len(keys))]
        value = _ODD_VALUES[rng.integers(len(_ODD_VALUES))]
        header[key] = str(value) if isinstance(value, date) else value
    else:
        header["more"] = 1
    return np.frombuffer(json.dumps(header).encode(), np.uint8)


def _sealed(arrays: dict[str, Any]) -> dict[str, Any]:
    """A bundle's arrays with the checksum that they have now, as a forger would write it."""
    try:
        header = json.loads(np.asarray(arrays["header"]).astype(np.uint8).tobytes())
        rest = {name: array for name, array in arrays.items() if name != "header"}
        header["sha256"] = bundles._checksum({key: header[key] for key in header if key != "sha256"}, rest)
    except (KeyError, ValueError, TypeError):
        return arrays
    return {**rest, "header": np.frombuffer(json.dumps(header).encode(), np.uint8)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--parameters", type=int, default=0, help="sets of parameters; they take a second or two each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz"), help="folder for the files that led to something else")
    options = parser.parse_args()
    counts: Counter[tuple[str, str]] = Counter()
    slowest = largest = 0.0
    keep = options.keep.resolve()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # parameters name files, which nodes may write
        corpus = Corpus(Path(folder))
        with Reader() as reader:
            for number in range(options.files):
                kind = KINDS[number % len(KINDS)]
                path = corpus.write(kind, np.random.default_rng([options.seed, number]))
                outcome = reader.judge(kind, path)
                counts[kind, outcome.verdict] += 1
                slowest, largest = max(slowest, outcome.seconds), max(largest, outcome.memory)
                if outcome.verdict not in ("taken", "refused"):
                    keep.mkdir(parents=True, exist_ok=True)
                    for file in (path, Path(folder) / "tables.npz") if kind == "arrays" else (path,):
                        (keep / f"{number}-{file.name}").write_bytes(file.read_bytes())
                    print(f"{number} {kind}: {outcome.verdict}\n{outcome.detail}", flush=True)
        for kind, tried, result in fuzz_parameters.fuzz(options.parameters, options.seed, Path(folder) / "good.npz"):
            counts[kind, result.verdict] += 1
            slowest, largest = max(slowest, result.seconds), max(largest, result.memory << 10)
            if result.verdict not in ("taken", "refused"):
                print(f"{kind} {tried[:1000]}: {result.verdict} after {result.seconds:.1f} s\n{result.detail}", flush=True)
    for (kind, verdict), count in sorted(counts.items()):
        print(f"{kind:<8} {verdict:<10} {count}")
    print(f"slowest {slowest:.1f} s, largest process {largest / 2**20:.0f} MiB")
    raise SystemExit(any(verdict not in ("taken", "refused") for _, verdict in counts))


if __name__ == "__main__":
    main()
