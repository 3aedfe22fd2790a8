"""The small maps, written once."""

import pytest

from small_maps import write_all


@pytest.fixture(scope="session")
def maps(tmp_path_factory):
    return write_all(tmp_path_factory.mktemp("maps"))
