import subprocess
import sys
import types

import numba
import pytest

from altmarl_ros.compiled import njit


def doubled(x):
    return 2 * x


def of_nowhere(function):
    """The same function as if its source were in a folder that cannot be written, nor any other."""
    return types.FunctionType(function.__code__.replace(co_filename="<nowhere>"), function.__globals__, function.__name__)


def test_without_a_folder_for_its_cache_a_function_is_compiled_all_the_same():
    with pytest.raises(RuntimeError, match="no locator available"):
        numba.njit(cache=True)(of_nowhere(doubled))
    assert njit(nogil=True, cache=True)(of_nowhere(doubled))(21) == 42


def test_a_function_with_a_folder_is_kept_there():
    compiled = njit(cache=True)(doubled)
    assert compiled(21) == 42
    assert compiled.dispatcher._cache.cache_path


def test_compiled_functions_call_each_other_whatever_is_compiled_first():
    inner = njit(cache=False)(doubled)
    outer = njit(cache=False)(lambda x: inner(x) + 1)
    assert outer(21) == 43
    assert inner(21) == 42


@pytest.mark.slow
def test_what_calls_no_compiled_function_starts_without_numba():
    said = subprocess.run(
        [sys.executable, "-c", "import sys, altmarl_ros.protocol.coordinator, altmarl_ros.deployment; print(*sys.modules)"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.split()
    assert "altmarl_ros.compiled" in said
    assert not {"numba", "scipy", "matplotlib"} & set(said)
