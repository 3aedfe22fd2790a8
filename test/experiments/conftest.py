import pytest

from altmarl_ros.experiments.cache import Cache
from altmarl_ros.experiments.task_runner import TaskRunner


@pytest.fixture
def runner(tmp_path):
    """A runner that runs tasks in this process, with results of its own."""
    with TaskRunner(Cache(tmp_path / "results"), jobs=1, backend="sequential") as runner:
        yield runner
