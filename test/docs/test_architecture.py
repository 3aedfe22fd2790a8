"""Tests the picture of the packages: that it reads the imports right, and that its layout is readable."""

from itertools import combinations

import pytest

import architecture
from layered_layout import lay_out
from package_graph import Package, reachable, read_packages, reduced
from page_shell import ROOT

GAP = 10.0


@pytest.fixture
def write_packages(tmp_path):
    """Writes packages of altmarl_ros whose one module has this text."""

    def write(**modules):
        for name, text in modules.items():
            folder = tmp_path / "altmarl_ros" / name
            folder.mkdir(parents=True)
            (folder / "__init__.py").write_text(f'"""What {name} is for, in a word.\nAnd more."""\n')
            (folder / "module.py").write_text(text)
        return tmp_path

    return write


def test_imports_are_found_wherever_they_stand(write_packages):
    root = write_packages(
        a="import numpy\n",
        b="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from altmarl_ros.a.module import thing\n",
        c="def late():\n    from altmarl_ros import b\n    import altmarl_ros.a.module\n    import rclpy.node\n",
    )
    packages = read_packages(root)
    assert {name: set(each.imports) for name, each in packages.items()} == {"a": set(), "b": {"a"}, "c": {"a", "b"}}
    assert packages["c"].ros == ("rclpy",)
    assert (packages["a"].about, packages["a"].question) == ("What a is for, in a word. And more.", "What a is for")
    assert reduced(packages) == {"a": set(), "b": {"a"}, "c": {"b"}}
    assert reachable(packages)["c"] == {"a", "b"}


def test_a_circle_is_named(write_packages):
    packages = read_packages(write_packages(a="import altmarl_ros.b\n", b="import altmarl_ros.a\n"))
    with pytest.raises(ValueError, match=r"the imports a -> b -> a are a circle"):
        reachable(packages)


def test_boxes_keep_apart_and_arrows_lead_down():
    edges = {"top": {"left", "right"}, "left": {"base"}, "right": {"base"}, "far": {"base"}, "tower": {"top"}, "base": set()}
    widths = dict.fromkeys(edges, 100.0)
    layout = lay_out(edges, widths, GAP)
    level = {name: i for i, layer in enumerate(layout.layers) for name in layer}
    assert all(level[above] > level[below] for above, targets in edges.items() for below in targets)
    for layer in layout.layers:
        assert all(abs(layout.x[a] - layout.x[b]) >= 100.0 + GAP - 1e-6 for a, b in combinations(layer, 2))
    for (above, below), way in layout.ways.items():
        assert (way[0], way[-1]) == (layout.x[above], layout.x[below])
        assert len(way) == level[above] - level[below] + 1


def test_an_arrow_over_several_layers_passes_beside_the_boxes():
    edges = {"d": {"c", "a"}, "c": {"b"}, "b": {"a"}, "a": set()}
    layout = lay_out(edges, dict.fromkeys(edges, 100.0), GAP)
    for passed, x in zip(("c", "b"), layout.ways["d", "a"][1:-1], strict=True):
        assert abs(x - layout.x[passed]) > 50.0


@pytest.mark.slow
def test_picture_and_table_show_every_package_of_the_code():
    packages = read_packages(ROOT)
    assert len(packages) >= 16
    picture, table = architecture.picture(packages), architecture.package_table(packages)
    for name, package in packages.items():
        assert f">{name}</text>" in picture
        assert f"| `{name}` |" in table
        assert isinstance(package, Package)
        assert package.about.endswith("."), name
    assert picture.count('class="arrow"') == sum(map(len, reduced(packages).values()))


def test_a_folder_holds_no_more_files_than_a_reader_can_survey():
    folders = {path.parent for path in (ROOT / "altmarl_ros").rglob("*.py")}
    crowded = {str(folder.relative_to(ROOT)): n for folder in folders if (n := len(list(folder.glob("*.py")))) > 30}
    assert not crowded
