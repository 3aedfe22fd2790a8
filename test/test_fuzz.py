"""A short run of benchmarks/fuzz.py: damaged files of every kind are taken or refused by one line."""

import importlib.util
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

_spec = importlib.util.spec_from_file_location("altmarl_fuzz", Path(__file__).resolve().parents[1] / "benchmarks" / "fuzz.py")
fuzz = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = fuzz
_spec.loader.exec_module(fuzz)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return fuzz.Corpus(tmp_path_factory.mktemp("corpus"))


def judged(corpus, kind, seeds):
    outcomes = []
    for seed in seeds:
        path = corpus.write(kind, np.random.default_rng([7, seed]))
        outcomes.append(fuzz.judge(kind, path))
    return outcomes


@pytest.mark.slow
@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_damaged_files_are_taken_or_refused_by_one_line(corpus, kind):
    outcomes = judged(corpus, kind, range(24))
    assert [outcome.detail for outcome in outcomes if outcome.verdict not in ("taken", "refused")] == []
    assert Counter(outcome.verdict for outcome in outcomes)["refused"] > 6


@pytest.mark.soak
def test_a_thousand_damaged_files_neither_fail_nor_hang_nor_grow(corpus):
    with fuzz.Reader() as reader:
        for number in range(1000):
            kind = fuzz.KINDS[number % len(fuzz.KINDS)]
            outcome = reader.judge(kind, corpus.write(kind, np.random.default_rng([3, number])))
            assert outcome.verdict in ("taken", "refused"), (number, outcome.detail)
