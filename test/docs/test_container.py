"""The container's files name what exists, and install what the pages and the workflow install."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"
DEVCONTAINER = ROOT / ".devcontainer" / "devcontainer.json"


def instructions():
    """The instructions of the Dockerfile: keyword and rest, lines that go on joined."""
    text = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.M))
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def rest_of(keyword):
    return [rest for name, rest in instructions() if name == keyword]


def test_only_known_instructions_are_used():
    assert {name for name, _ in instructions()} <= {
        "ARG",
        "FROM",
        "SHELL",
        "ENV",
        "WORKDIR",
        "COPY",
        "RUN",
        "ENTRYPOINT",
        "CMD",
    }


def test_what_is_copied_exists():
    sources = [source for rest in rest_of("COPY") for source in rest.split()[:-1]]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source


def test_images_are_those_that_the_workflow_tests():
    job = yaml.safe_load((ROOT / ".github" / "workflows" / "ros.yml").read_text())["jobs"]["workspace"]
    image = job["container"].replace("${{ matrix.distribution }}", "${DISTRO}")
    stages = [re.fullmatch(r"(\S+) AS (\w+)", rest).groups() for rest in rest_of("FROM")]
    assert stages[0] == (image, "dependencies")
    assert stages[1] == ("dependencies", "workspace")
    assert rest_of("ARG")[0].removeprefix("DISTRO=") in job["strategy"]["matrix"]["distribution"]


def test_packages_are_those_of_the_page():
    page = (ROOT / "docs" / "how-to" / "install.md").read_text()
    installed = [word for rest in rest_of("RUN") if rest.startswith("pip install") for word in shlex.split(rest)[2:]]
    assert installed
    for package in installed:
        assert f"'{package}'" in page, package
    built = next(rest for rest in rest_of("RUN") if "colcon" in rest)
    assert "colcon build --packages-select altmarl_ros" in built
    assert "colcon build --packages-select altmarl_ros" in page


@pytest.mark.parametrize("keyword", ["ENTRYPOINT", "CMD", "SHELL"])
def test_programs_are_lists(keyword):
    (rest,) = rest_of(keyword)
    assert all(isinstance(word, str) for word in json.loads(rest))


def test_the_development_container_is_a_stage_of_it_and_installs_files_that_exist():
    described = json.loads(DEVCONTAINER.read_text())
    build = described["build"]
    assert (DEVCONTAINER.parent / build["dockerfile"]).resolve() == DOCKERFILE
    assert (DEVCONTAINER.parent / build["context"]).resolve() == ROOT
    assert any(rest.endswith(f" AS {build['target']}") for rest in rest_of("FROM"))
    command = described["postCreateCommand"][-1]
    files = re.findall(r"-r (\S+)", command)
    assert files
    for file in files:
        assert (ROOT / file).is_file(), file
    assert described["workspaceFolder"] in described["workspaceMount"]
