import numpy as np
import pytest

from altmarl_ros.simulation.pcg64_streams import Streams


@pytest.mark.parametrize(
    ("seed", "kind", "ids"),
    [(0, 1, range(3)), (7, 2, range(99_990, 100_000)), (2**31, 1, range(2**32 - 2, 2**32 - 1)), (2**70 + 9, 1, range(5))],
)
def test_every_stream_draws_what_numpys_generator_draws(seed, kind, ids):
    streams = Streams(seed, kind, ids)
    drawn = np.stack([streams.random() for _ in range(200)], axis=1)
    expected = [np.random.default_rng([seed, kind, i]).random(200) for i in ids]
    np.testing.assert_array_equal(drawn, expected)


def test_no_streams():
    assert Streams(0, 1, range(0)).random().shape == (0,)
