import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.errors import AltmarlError
from altmarl_ros.protocol.link_model import Channels, Direction, Network, parse_network

EVERY = 0.01  # s between messages


def arrivals(network, messages=400, robots=50, seed=0, every=EVERY, size=0, way=Direction.TO_ROBOT, ids=None):
    """Arrival times [messages, robots, 2] of messages sent `every` seconds to each robot."""
    channels = Channels(network, seed, range(robots) if ids is None else ids, way)
    everyone = np.arange(robots if ids is None else len(ids))
    return np.array([channels.send(everyone, t * every, size) for t in range(messages)])


def within(share, wanted, trials):
    """Whether a share is within 4.5 standard errors of what it should be."""
    return abs(share - wanted) <= 4.5 * np.sqrt(wanted * (1 - wanted) / trials) + 1e-12


def delays(times):
    return times - EVERY * np.arange(len(times))[:, None]


probability = st.floats(0.0, 1.0)


@given(probability, probability)
def test_messages_are_lost_and_doubled_at_the_given_rates(loss, duplicate):
    first, copy = np.moveaxis(np.isfinite(arrivals(Network(loss=loss, duplicate=duplicate))), -1, 0)
    assert within(first.mean(), 1 - loss, first.size)
    assert within(copy[first].mean() if first.any() else 0.0, duplicate if first.any() else 0.0, max(1, first.sum()))
    assert not copy[~first].any()


def test_losses_are_independent_between_messages_robots_and_directions():
    lost = np.isinf(arrivals(Network(loss=0.3))[..., 0])
    back = np.isinf(arrivals(Network(loss=0.3), way=Direction.FROM_ROBOT)[..., 0])
    for one, other in ((lost[1:], lost[:-1]), (lost[:, 1:], lost[:, :-1]), (lost, back)):
        assert within((one & other).mean(), 0.09, one.size)


def test_no_fault_is_no_delay():
    network = Network()
    assert network.perfect
    times = arrivals(network)
    assert (delays(times[..., 0]) == 0).all()
    assert np.isinf(times[..., 1]).all()


@given(st.floats(0.0, 0.5), st.floats(0.0, 0.5), probability, st.integers(0, 10**6))
def test_order_is_kept_without_reordering(delay, jitter, duplicate, seed):
    times = arrivals(Network(delay=delay, jitter=jitter, duplicate=duplicate, loss=0.2), 100, 5, seed)
    for robot in range(5):
        heard = times[:, robot][np.isfinite(times[:, robot])]  # first, its copy, next, its copy, ...
        assert (np.diff(heard) >= 0).all()
    late = delays(times[..., 0])
    late = late[np.isfinite(late)]
    assert late.min() >= delay - 1e-9
    assert late.max() <= delay + jitter + 1e-9


def test_jitter_is_uniform_where_messages_do_not_wait_for_each_other():
    late = arrivals(Network(delay=0.1, jitter=0.2), every=1.0)[..., 0] - np.arange(400)[:, None]
    quantiles = np.quantile(late, [0.0, 0.25, 0.5, 0.75, 1.0])
    np.testing.assert_allclose(quantiles, [0.1, 0.15, 0.2, 0.25, 0.3], atol=0.005)


def test_reordered_messages_overtake_and_only_they():
    late = delays(arrivals(Network(delay=0.1, reorder=0.25))[..., 0])
    assert within((late == 0).mean(), 0.25, late.size)
    np.testing.assert_allclose(late[late > 0], 0.1, rtol=1e-9)


def test_bandwidth_serialises_what_is_sent_at_once():
    channels = Channels(Network(bandwidth=1000.0, queue=10.0), 0, [7], Direction.FROM_ROBOT)
    times = [channels.send(np.array([0]), 5.0, 100)[0, 0] for _ in range(4)]
    np.testing.assert_allclose(times, [5.1, 5.2, 5.3, 5.4])


@given(st.floats(200.0, 5000.0), st.integers(20, 200))
def test_no_window_carries_more_than_the_bandwidth(bandwidth, size):
    times = arrivals(Network(bandwidth=bandwidth, queue=0.3), 300, 1, size=size)[:, 0, 0]
    heard = np.sort(times[np.isfinite(times)])
    window = 0.5
    for start in heard:
        count = ((heard >= start) & (heard < start + window)).sum()
        assert (count - 1) * size <= bandwidth * window + 1e-6
    assert delays(times[:, None]).max(where=np.isfinite(times[:, None]), initial=0) <= 0.3 + size / bandwidth + 1e-9
    offered = size / EVERY
    assert heard.size * size >= 0.9 * min(offered, bandwidth) * 300 * EVERY - 2 * size


@pytest.mark.parametrize(("dropout", "length"), [(0.2, 0.1), (0.5, 0.5), (0.05, 0.2)])
def test_dropouts_take_their_share_in_intervals_of_their_length(dropout, length):
    off = np.isinf(arrivals(Network(dropout=dropout, dropout_time=length), 2000, 1000)[..., 0])
    assert off.mean() == pytest.approx(dropout, rel=0.08)
    ends = (off[:-1] & ~off[1:]).sum()
    # Of a chain seen every `EVERY` seconds: P(off -> on) = (1 - p) (1 - exp(-EVERY / tau)).
    tau = length * (1 - dropout)
    assert ends / off[:-1].sum() == pytest.approx((1 - dropout) * (1 - np.exp(-EVERY / tau)), rel=0.08)


def test_same_seed_same_faults_whatever_the_other_robots_do():
    network = Network(loss=0.3, duplicate=0.2, jitter=0.2, dropout=0.1, reorder=0.1)
    together = arrivals(network, robots=10)
    alone = arrivals(network, ids=[3])
    np.testing.assert_array_equal(together[:, 3], alone[:, 0])
    skipping = Channels(network, 0, range(10), Direction.TO_ROBOT)
    for t in range(50):
        skipping.send(np.array([0, 1]), t * EVERY, 0)  # others send more
    np.testing.assert_array_equal([skipping.send(np.array([3]), t * EVERY, 0)[0] for t in range(400)], alone[:, 0])
    assert not np.array_equal(arrivals(network, ids=[3], seed=1), alone)


def test_a_hundred_thousand_channels_are_sent_to_at_once():
    channels = Channels(Network(loss=0.3, jitter=0.1), 0, np.arange(100_000), Direction.TO_ROBOT)
    times = channels.send(np.arange(100_000), 0.0, 60)
    assert times.shape == (100_000, 2)
    assert within(np.isfinite(times[:, 0]).mean(), 0.7, 100_000)


def test_the_text_form_is_read_back():
    network = Network(loss=0.3, duplicate=0.2, jitter=0.2, bandwidth=2000)
    assert str(network) == "loss=0.3,duplicate=0.2,jitter=0.2,bandwidth=2000"
    assert parse_network(str(network)) == network
    assert parse_network(" loss = 0.1 , delay=1e-2,") == Network(loss=0.1, delay=0.01)
    assert parse_network("") == parse_network(str(Network())) == Network()


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        ("los=0.3", "'los' is unknown; known are loss"),
        ("loss=30%", "loss is '30%', must be a number"),
        ("loss", "loss is '', must be a number"),
        ("loss=1.5", "loss is 1.5, must be in 0..1"),
        ("delay=-1", "delay is -1"),
        ("jitter=nan", "jitter is nan"),
        ("loss=0.1,loss=0.2", "loss is given twice"),
        ("bandwidth=inf", "bandwidth is inf"),
    ],
)
def test_what_cannot_be_a_network_is_refused_by_name(text, culprit):
    with pytest.raises(AltmarlError, match="network: ") as refused:
        parse_network(text)
    assert culprit in str(refused.value)
