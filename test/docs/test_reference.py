"""Tests that the reference agrees with the code, and that the code prints what troubleshooting quotes."""

import ast
import html
import re
from pathlib import Path

import pytest

import launch_pages
import message_pages
import parameter_pages
import reference
import tables
from altmarl_ros.nodes.parameter_tables import TABLES, parameter_table
from altmarl_ros.policies import bundle, bundle_header
from altmarl_ros.policies.shares.stored import ARRAYS
from page_shell import ROOT

COLUMNS = ("parameter", "type", "default", "range", "unit", "live", "safety", "meaning")


@pytest.fixture(scope="module")
def pages():
    return reference.pages(ROOT)


def section(page, heading):
    """The cells of the tables below a heading of the second level."""
    text = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL).group(1)
    return [
        [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in text.splitlines()
        if line.startswith("| ")
    ]


@pytest.mark.parametrize("executable", TABLES)
def test_every_parameter_is_listed_with_all_that_is_known_of_it(pages, executable):
    head, _, *rows = section(pages["reference/parameters.md"], executable)
    assert tuple(head) == COLUMNS
    by_name = {row[0].strip("`"): dict(zip(COLUMNS, row, strict=True)) for row in rows}
    parameters = parameter_table(executable)
    assert sorted(by_name) == sorted(parameter.name for parameter in parameters)
    for parameter in parameters:
        row = by_name[parameter.name]
        assert row["type"] == {bool: "bool", int: "integer", float: "double", str: "string"}[type(parameter.default)]
        shown = row["default"].strip("`")
        if isinstance(parameter.default, (bool, str)):
            text = str(parameter.default)
            assert shown == (text.lower() if isinstance(parameter.default, bool) else text or parameter_pages.NOTHING)
        else:
            assert float(shown) == pytest.approx(parameter.default, rel=1e-5)
        bounds = [float(text) for text in re.findall(r"-?\d[\d.e+-]*", row["range"])] if not parameter.choices else []
        assert bounds == pytest.approx([each for each in (parameter.minimum, parameter.maximum) if each is not None])
        assert all(f"`{choice}`" in row["range"] for choice in parameter.choices)
        assert row["unit"] == (parameter.unit or parameter_pages.NOTHING)
        assert (row["live"] == "**live**") is parameter.live
        assert (row["safety"] != parameter_pages.NOTHING) is bool(parameter.safer)
        assert html.unescape(row["meaning"]) == parameter.description


def test_every_executable_has_a_table():
    listed = re.search(r"foreach\(executable\s+([\w:.\s]+)\)", (ROOT / "CMakeLists.txt").read_text()).group(1).split()
    modules = dict(entry.split(":") for entry in listed)
    assert sorted(TABLES) == sorted(modules)
    for module in modules.values():
        assert (ROOT / "altmarl_ros" / "nodes" / (module.replace(".", "/") + ".py")).is_file(), module


def test_every_field_of_every_message_is_listed(pages):
    for path in (*(ROOT / "msg").glob("*.msg"), *(ROOT / "srv").glob("*.srv")):
        rows = section(pages["reference/messages.md"], path.stem)
        named = {row[0].strip("`").removesuffix(" (answer)") for row in rows}
        lines = [line.split("#")[0].split() for line in path.read_text().splitlines() if line != "---"]
        assert {words[1].split("=")[0] for words in lines if words} <= named


def test_a_comment_that_goes_on_belongs_to_its_field():
    about, constants, fields = message_pages.parse("# What\n# it is.\n\nuint8 A=1 # one\n\nuint32 b 2  # first\n  # second\n")
    assert (about, constants) == ("What it is.", [("uint8", "A", "1", "one")])
    assert fields == [("uint32", "b", "", "Default 2. first second")]


def test_every_command_and_option_is_listed(pages):
    from altmarl_ros.cli.command_table import all_commands

    page = pages["reference/commands.md"]
    for words, command in all_commands():
        name = " ".join(("altmarl", *words))
        cells = " ".join(row[0] for row in section(page, name))
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert all(f"`{option}" in cells for option in parameter.opts), (name, parameter.opts)


def test_every_launch_argument_is_listed_with_its_default(pages):
    page = pages["reference/launch.md"]
    for path in (ROOT / "launch").glob("*.launch.py"):
        rows = {row[0].strip("`"): row[1] for row in section(page, path.name)}
        for argument in launch_pages.arguments(path):
            assert rows[argument.name] == ("required" if argument.default is None else tables.code(argument.default))


def test_every_key_of_a_bundle_is_explained():
    page = (ROOT / "docs" / "reference" / "bundle.md").read_text()
    keys = ("format", "version", "pi_g", *bundle_header._KINDS, *bundle_header._LADDER_KINDS)
    assert all(f"| `{key}` |" in page for key in keys)
    assert all(f"`{name}`" in page for name in ARRAYS)
    assert all(f"| `{array}` |" in page for arrays in bundle._OPTIONAL.values() for array in arrays)
    assert f"| `version` | integer | {bundle_header.FORMAT_VERSION};" in page


def texts_of_the_code():
    """Yield every text in the sources; what an f-string fills in becomes `...`."""
    for path in [*(ROOT / "altmarl_ros").rglob("*.py"), ROOT / "setup.py", ROOT / "cmake" / "ros_build.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.JoinedStr):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "..." for part in node.values)


@pytest.mark.slow
def test_troubleshooting_quotes_what_the_code_prints():
    page = Path(ROOT / "docs" / "troubleshooting.md").read_text()
    code = "\n".join(texts_of_the_code())
    quoted = re.findall(r"^\| `([^`]+)`", page, re.MULTILINE)
    assert len(quoted) > 40
    for message in quoted:
        for piece in re.split(r"\.\.\.", message):
            assert piece.strip(" ;:,`") in code, f"nothing prints {piece!r} of {message}"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "QUALITY_DECLARATION.md", "SECURITY.md"])
def test_links_of_pages_outside_of_the_site_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", (ROOT / page).read_text()):
        assert target.startswith("https://") or (ROOT / target).exists(), target
