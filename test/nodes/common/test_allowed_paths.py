"""Paths from services stay in the folders that were allowed at the start: files of the test's own, and any text at all."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.errors import AltmarlError
from altmarl_ros.nodes.common.allowed_paths import ALLOWED, AllowedPaths
from altmarl_ros.nodes.common.parameters import Parameter
from altmarl_ros.nodes.parameter_tables import TABLES, parameter_table

POLICY = Parameter("policy.file", "", "A file.", path="file")
GAME = Parameter("game", "warehouse", "A game.", path="name or file")
FOLDER = Parameter("folder", "", "A folder.", path="folder")
TABLE = (POLICY, GAME, FOLDER, ALLOWED, Parameter("coordinator", "", "No path."))


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Folders `home`, `start`, `given` and `else`, a file in each, and nothing in the present folder."""
    for name in ("home", "start", "given", "else", "here"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.npz").write_bytes(b"1")
    monkeypatch.setenv("ROS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def allowed(places, **values):
    start = {"policy.file": str(places / "start" / "a.npz"), "paths.allowed": str(places / "given"), **values}
    return AllowedPaths(TABLE, {**{parameter.name: parameter.default for parameter in TABLE}, **start}, managed=True)


def refusal(paths, name, value):
    with pytest.raises(AltmarlError) as error:
        paths.check({name: str(value)})
    message = str(error.value)
    assert name in message
    assert message.isprintable()
    return message


def test_files_in_the_allowed_folders_are_taken(places):
    (places / "home" / "altmarl_ros" / "policies").mkdir(parents=True)
    (places / "home" / "altmarl_ros" / "policies" / "b.npz").write_bytes(b"")
    paths = allowed(places)
    for path in ("start/a.npz", "start/new.npz", "given/a.npz", "home/altmarl_ros/policies/b.npz", "start/../given/a.npz"):
        paths.check({"policy.file": str(places / path)})
    paths.check({"policy.file": "", "coordinator": "/etc/passwd"})


@pytest.mark.parametrize(
    "path", ["else/a.npz", "start/../else/a.npz", "start", "starting/a.npz", "home/a.npz", "/etc/passwd", "/"]
)
def test_others_are_refused_by_name_with_the_folders_and_the_remedy(places, path):
    message = refusal(allowed(places), "policy.file", places / path)
    assert "must be in" in message or "regular file" in message
    if "must be in" in message:
        assert str(places / "start") in message
        assert "'paths.allowed'" in message


def test_what_is_no_regular_file_is_refused_in_allowed_folders_too(places):
    os.mkfifo(places / "start" / "pipe.npz")
    assert "must be a regular file" in refusal(allowed(places), "policy.file", places / "start" / "pipe.npz")
    assert "must be a regular file" in refusal(allowed(places, **{"paths.allowed": "/dev"}), "policy.file", "/dev/zero")


def test_what_cannot_be_set_is_left_to_the_node(places):
    start = {"policy.file": str(places / "start" / "a.npz"), "game": "", "folder": "", "paths.allowed": ""}
    paths = AllowedPaths(TABLE, start, managed=False)
    assert not paths.names(start)
    paths.check({"policy.file": str(places / "else" / "a.npz")})
    assert str(places / "start") in paths.folders


def test_links_count_where_they_lead(places):
    (places / "start" / "out.npz").symlink_to(places / "else" / "a.npz")
    (places / "start" / "in.npz").symlink_to(places / "given" / "a.npz")
    (places / "start" / "round.npz").symlink_to(places / "start" / "round.npz")
    (places / "start" / "folder").symlink_to(places / "else")
    paths = allowed(places)
    paths.check({"policy.file": str(places / "start" / "in.npz")})
    assert "must be in" in refusal(paths, "policy.file", places / "start" / "out.npz")
    assert "must be in" in refusal(paths, "policy.file", places / "start" / "folder" / "a.npz")
    refusal(paths, "policy.file", places / "start" / "round.npz")


def test_the_value_of_the_start_is_taken_again_even_where_it_is_a_link(places):
    link = places / "start" / "out.npz"
    link.symlink_to(places / "else" / "a.npz")
    allowed(places, **{"policy.file": str(link)}).check({"policy.file": str(link)})


def test_names_of_what_is_installed_are_no_paths(places):
    paths = allowed(places)
    paths.check({"game": "hall"})
    assert str(places / "here") not in paths.folders
    assert "must be in" in refusal(paths, "game", "hall.yaml")
    (places / "here" / "hall").write_text("")
    assert "must be in" in refusal(paths, "game", "hall")
    assert "must be in" in refusal(paths, "policy.file", "hall"), "a policy has no such names"


def test_a_folder_is_allowed_itself_and_a_root_allows_nothing(places):
    assert allowed(places, folder=str(places / "else")).folders[-2:] == (str(places / "else"), str(places / "given"))
    paths = allowed(places, **{"policy.file": "/policy.npz", "paths.allowed": "/"})
    assert "/" not in paths.folders
    refusal(paths, "policy.file", "/etc/passwd")


def test_folders_of_the_start_stay_where_they_were(places):
    paths = allowed(places)
    (places / "start").rename(places / "old")
    (places / "start").symlink_to(places / "else")
    assert "must be in" in refusal(paths, "policy.file", places / "start" / "b.npz")


@given(st.text(max_size=200) | st.lists(st.sampled_from(["..", ".", "start", "else", "a.npz", "/", "~", "\0"])).map("/".join))
def test_no_text_gets_out_or_fails_otherwise(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("allowed")
    start = {"policy.file": str(folder / "start" / "a.npz"), "game": "warehouse", "folder": "", "paths.allowed": ""}
    paths = AllowedPaths(TABLE, start, managed=True)
    for value in (text, f"{folder}/start/{text}"):
        refused = ""
        try:
            paths.check({"policy.file": value})
        except AltmarlError as error:
            refused = str(error)
        assert refused.isprintable()
        if not refused and value:
            resolved = os.path.realpath(value)
            assert any(resolved == each or resolved.startswith(f"{each}/") for each in paths.folders)


def test_every_parameter_that_names_a_file_is_marked():
    words = ("file", "folder", "yaml", ".npz")
    for name in TABLES:
        for parameter in parameter_table(name):
            if isinstance(parameter.default, str) and not parameter.path and parameter is not ALLOWED:
                about = f"{parameter.name} {parameter.description}".lower()
                assert not any(word in about for word in words) or parameter.name == "reward.parameters", parameter


def test_every_table_whose_files_services_can_name_has_the_list_of_folders():
    for name, table in TABLES.items():
        parameters = parameter_table(name)
        settable = [p.name for p in parameters if p.path and (p.live or (table.managed and not p.fixed))]
        assert not settable or ALLOWED in parameters, name
        assert all(replace(p, path="") != p for p in parameters if p.path)


def test_a_user_without_a_home_has_the_other_folders(places, monkeypatch):
    monkeypatch.delenv("ROS_HOME")
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError()))
    assert allowed(places).folders == (str(places / "start"), str(places / "given"))
