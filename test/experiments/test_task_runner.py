"""Tasks are run once, interrupted work goes on, and a result is trusted only if it proves itself."""

import json

import pytest

from altmarl_ros.experiments import task as task_module
from altmarl_ros.experiments.backends import BackendError
from altmarl_ros.experiments.cache import Cache
from altmarl_ros.experiments.learn_and_play import learn_task
from altmarl_ros.experiments.task import Task
from altmarl_ros.experiments.task_runner import TaskRunner

runs = []


def square(game, bundle, *, x):
    if x < 0:
        raise KeyboardInterrupt
    runs.append(x)
    return {"square": x * x}


@pytest.fixture(autouse=True)
def no_runs():
    runs.clear()


def squares(game, *values):
    return [Task(square, game, None, {"x": x}, cost=-i) for i, x in enumerate(values)]


def numbers(results):
    return [each["square"] for each in results]


def test_a_task_is_run_once_however_often_it_is_asked_for(warehouse, runner):
    assert numbers(runner.map("a", squares(warehouse, 3, 2, 3))) == [9, 4, 9]
    assert numbers(runner.map("b", squares(warehouse, 2, 5))) == [4, 25]
    assert sorted(runs) == [2, 3, 5]
    assert (runner.computed, runner.found) == (3, 1)


def test_another_runner_on_the_same_folder_finds_what_was_computed(warehouse, runner):
    runner.map("a", squares(warehouse, 1, 2))
    other = TaskRunner(Cache(runner.cache.folder), backend="sequential")
    assert numbers(other.map("a", squares(warehouse, 1, 2))) == [1, 4]
    assert (other.computed, other.found) == (0, 2)


def test_an_interrupted_run_goes_on_where_it_stopped(warehouse, runner):
    with pytest.raises(KeyboardInterrupt):
        runner.map("a", squares(warehouse, 1, 2, -1, 4))
    assert runs == [1, 2]
    with TaskRunner(runner.cache, backend="sequential") as again:
        assert numbers(again.map("a", squares(warehouse, 1, 2, 4))) == [1, 4, 16]
    assert runs == [1, 2, 4]


@pytest.mark.parametrize("damage", ["truncate", "alter", "foreign", "deep"])
def test_a_damaged_result_is_computed_again_and_not_trusted(warehouse, runner, damage):
    runner.map("a", squares(warehouse, 3))
    (file,) = runner.cache.folder.rglob("*.json")
    content = file.read_text()
    file.write_text(
        {
            "truncate": content[:-10],
            "alter": content.replace("9}", "8}"),
            "foreign": '{"result": {"square": 8}}',
            "deep": "[" * 10**5,
        }[damage]
    )
    assert file.read_text() != content
    assert numbers(runner.map("a", squares(warehouse, 3))) == [9]
    assert runs == [3, 3]
    assert json.loads(file.read_text()) == json.loads(content)


def test_a_damaged_bundle_is_learned_again(warehouse, runner):
    task = learn_task(warehouse, 1, robots=20, runs=10, seed=0, learn_for="fresh")
    (first,) = runner.map("a", [task])
    (file,) = runner.cache.folder.rglob("*.npz")
    file.write_bytes(file.read_bytes()[:-40])
    (again,) = runner.map("a", [task])
    assert again.content_hash == first.content_hash
    assert (runner.computed, runner.found) == (2, 0)


def test_a_key_changes_with_everything_that_bears_on_the_result(warehouse, random_game, small_bundle, monkeypatch):
    base = Task(square, warehouse, None, {"x": 1})
    others = [
        Task(squares, warehouse, None, {"x": 1}),
        Task(square, random_game(0), None, {"x": 1}),
        Task(square, warehouse, small_bundle, {"x": 1}),
        Task(square, warehouse, None, {"x": 2}),
    ]
    keys = {base.key, *(other.key for other in others)}
    monkeypatch.setattr(task_module, "code_version", lambda: "another")
    keys.add(base.key)
    assert len(keys) == 6
    monkeypatch.undo()
    assert Task(square, warehouse, None, {"x": 1}, cost=7.0).key == base.key


def test_progress_tells_what_was_found_and_then_every_result(warehouse, runner):
    told = []
    runner.map("a", squares(warehouse, 1))
    runner.on_progress = lambda *event: told.append(event)
    runner.map("a", squares(warehouse, 1, 2, 3))
    assert told == [("a", 1, 3), ("a", 2, 3), ("a", 3, 3)]


def test_threads_give_what_one_process_gives(warehouse, tmp_path):
    with TaskRunner(Cache(tmp_path), jobs=3, backend="threading") as runner:
        assert numbers(runner.map("a", squares(warehouse, *range(20)))) == [x * x for x in range(20)]


@pytest.mark.parametrize(("backend", "named"), [("ray", "package ray"), ("abacus", "'abacus' is unknown; known are loky")])
def test_a_backend_that_is_missing_is_named(warehouse, tmp_path, backend, named):
    if backend == "ray":
        import importlib.util

        if importlib.util.find_spec("ray"):
            pytest.skip("ray is installed")
    with TaskRunner(Cache(tmp_path), backend=backend) as runner, pytest.raises(BackendError, match=named):
        runner.map("a", squares(warehouse, 1))


def test_a_backend_that_gives_all_results_at_once_is_fed_by_portions(warehouse, tmp_path, monkeypatch):
    import joblib

    from altmarl_ros.experiments import task_runner as module

    monkeypatch.setattr(module, "parallel", lambda *_: _Listing(joblib))
    with TaskRunner(Cache(tmp_path), jobs=1, backend="sequential") as runner, pytest.raises(KeyboardInterrupt):
        runner.map("a", squares(warehouse, 0, 1, 2, 3, 4, -1))
    assert len(list(tmp_path.rglob("*.json"))) == 4


class _Listing:
    def __init__(self, joblib):
        self._make = lambda: joblib.Parallel(n_jobs=1)

    def __enter__(self):
        return self._make

    def __exit__(self, *_):
        pass
