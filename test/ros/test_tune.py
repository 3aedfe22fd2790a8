"""`altmarl tune` on real nodes: types, all or nothing, dump and load, and what it says of mistakes."""

import json
import threading

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from altmarl_ros.cli.main import main
from altmarl_ros.errors import AltmarlError
from altmarl_ros.nodes.common.parameter_sets import declare, watch
from altmarl_ros.nodes.common.parameters import Parameter

pytestmark = [
    pytest.mark.ros,
    pytest.mark.untimed,
    pytest.mark.filterwarnings("ignore:failed to send response:RuntimeWarning"),
]

FLOATS, TEXTS, WHOLE, FLAGS = 8, 20, 8, 4
TABLE = (
    *(Parameter(f"floats.x{i}", 0.0, "A number.", live=True) for i in range(FLOATS)),
    *(Parameter(f"texts.deep.t{i}", "", "A text.", live=True) for i in range(TEXTS)),
    *(Parameter(f"whole{i}", 0, "A whole number.", live=True) for i in range(WHOLE)),
    *(Parameter(f"flag{i}", False, "Yes or no.", live=True) for i in range(FLAGS)),
    Parameter("size", 5, "Reports.", 0, 10, live=True, unit="B"),
    Parameter("model", "fresh", "A choice.", choices=("fresh", "sticky"), live=True),
    Parameter("fixed", "a", "Not live."),
)
texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    st.sampled_from(["true", "1e3", "1.0", "~", "", "null", "0x10", "07"]),
    st.sampled_from(["ü 中 🤖", "a\nb\r\n", "a\x85", "\u2028b", " x ", "- 1", "{}", "'"]),
)


@pytest.fixture
def node():
    """A node with a table of parameters, spun by a thread."""
    import rclpy
    from rclpy.executors import SingleThreadedExecutor

    from altmarl_ros.nodes.common.guarded import GuardedNode

    context = rclpy.Context()
    rclpy.init(args=[], context=context)
    node = GuardedNode("tuned", namespace="/a", context=context)
    values = declare(node, TABLE)

    def prepare(given, names):
        if given["size"] == 7:
            raise AltmarlError("seven is refused")

    watch(node, TABLE, values, prepare, lambda made, names: None)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    stop = threading.Event()

    def spin():
        while not stop.is_set():
            executor.spin_once(timeout_sec=0.02)

    thread = threading.Thread(target=spin)
    thread.start()
    node.values = values
    yield node
    stop.set()
    thread.join(5)
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown(context=context)


def tune(capfd, *arguments, code=0):
    capfd.readouterr()
    assert main(["tune", *map(str, arguments)]) == code, capfd.readouterr().err
    return capfd.readouterr()


@settings(max_examples=4, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.floats(allow_nan=False), min_size=FLOATS, max_size=FLOATS),
    st.lists(texts, min_size=TEXTS, max_size=TEXTS),
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=WHOLE, max_size=WHOLE),
    st.lists(st.booleans(), min_size=FLAGS, max_size=FLAGS),
)
def test_dump_then_load_gives_the_same_parameters(node, capfd, tmp_path, floats, words, whole, flags):
    from rclpy.parameter import Parameter as RclParameter

    lists = {"floats.x": floats, "texts.deep.t": words, "whole": whole, "flag": flags}
    wanted = {f"{prefix}{i}": value for prefix, values in lists.items() for i, value in enumerate(values)}

    def set_all(values):
        assert node.set_parameters_atomically([RclParameter(name, value=value) for name, value in values.items()]).successful

    set_all(wanted)
    tune(capfd, "a/tuned", "--dump", tmp_path / "tuned.yaml")
    others = {"floats.x": 0.5, "texts.deep.t": "else", "whole": 1, "flag": False}
    set_all({f"{prefix}{i}": others[prefix] for prefix, values in lists.items() for i in range(len(values))})
    tune(capfd, "a/tuned", "--load", tmp_path / "tuned.yaml")
    now = {name: node.values[name] for name in wanted}
    assert now == wanted
    assert {name: type(value) for name, value in now.items()} == {name: type(value) for name, value in wanted.items()}
    assert "nothing to change" in tune(capfd, "/a/tuned", "--load", tmp_path / "tuned.yaml").out


def test_a_set_is_taken_whole_or_refused_whole_with_the_reason(node, capfd):
    said = json.loads(tune(capfd, "a/tuned", "size=3", "model=sticky", "floats.x0=1e3", "texts.deep.t0=10", "--json").out)
    assert said["successful"]
    changed = {each["name"]: (each["before"], each["after"]) for each in said["changed"]}
    assert changed == {
        "size": (5, 3),
        "model": ("fresh", "sticky"),
        "floats.x0": (0.0, 1000.0),
        "texts.deep.t0": ("", "10"),
    }
    for settings_, reason in (
        (("size=7", "model=fresh"), "seven is refused"),
        (("model=fresh", "fixed=b"), "read-only"),
        (("size=4", "model=fesh"), "must be one of fresh, sticky"),
    ):
        heard = tune(capfd, "a/tuned", *settings_, code=2)
        assert reason in heard.err
        assert heard.out == ""
        assert (node.values["size"], node.values["model"], node.values["fixed"]) == (3, "sticky", "a")


def test_nodes_are_listed_and_parameters_are_described(node, capfd):
    assert json.loads(tune(capfd, "--json").out) == {"nodes": ["/a/tuned"]}
    described = json.loads(tune(capfd, "a/tuned", "size", "model", "fixed", "--json").out)["parameters"]
    size, model, fixed = described
    assert (size["value"], size["minimum"], size["maximum"], size["live"]) == (5, 0, 10, True)
    assert size["description"] == "Reports. [B]"
    assert (model["choices"], fixed["live"]) == (["fresh", "sticky"], False)
    everything = json.loads(tune(capfd, "a/tuned", "--json").out)["parameters"]
    assert {parameter.name for parameter in TABLE} | {"use_sim_time"} <= {each["name"] for each in everything}
    assert "0 .. 10" in tune(capfd, "a/tuned").out


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        (["a/tuned", "siz"], "is 'size' meant?"),
        (["a/tuned", "siz=3"], "is 'size' meant?"),
        (["a/tuned", "size=11"], "parameter 'size' is 11, must be in 0..10"),
        (["a/tuned", "size=many"], "'many', must be of type int"),
        (["a/tuned", "size=1", "size=2"], "set twice"),
        (["a/tuned", "floats.x0=.nan"], "must be a number"),
        (["a/tuned", "size=2020-13-45"], "'2020-13-45', must be of type int"),
        (["a/tuned", "size=!!timestamp foo"], "'!!timestamp foo', must be of type int"),
        (["a/tuned", f"size={10**23}"], "must be a whole number of 64 bits"),
        (["nobody", "--timeout", "0.7"], "no node /nobody with parameters within 0.7 s; nodes that are there: /a/tuned"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_gives_one_line_and_exit_code_2(node, capfd, arguments, culprit):
    heard = tune(capfd, *arguments, code=2)
    assert len(heard.err.strip().splitlines()) == 1
    assert culprit in heard.err


def test_a_file_for_many_nodes_sets_what_this_one_has_and_leaves_what_is_not_live(node, capfd, tmp_path):
    path = tmp_path / "many.yaml"
    sections = {"/**": {"size": 2, "of_others": 1}, "/a/tuned": {"fixed": "a", "floats": {"x1": 2}}}
    path.write_text(yaml.safe_dump({name: {"ros__parameters": values} for name, values in sections.items()}))
    tune(capfd, "a/tuned", "--load", path)
    assert (node.values["size"], node.values["floats.x1"]) == (2, 2.0)
    path.write_text(yaml.safe_dump({"/a/tuned": {"ros__parameters": {"fixed": "b", "size": 1}}}))
    assert "fixed" in tune(capfd, "a/tuned", "--load", path, code=2).err
    assert node.values["size"] == 2


def test_nobody_there_is_said_within_the_timeout(capfd):
    assert "`altmarl fleet` prints its own" in tune(capfd, "--timeout", "0.5", code=2).err
