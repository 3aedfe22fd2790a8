import json

import pytest

from altmarl_ros.cli.main import main
from altmarl_ros.policies import save_bundle


@pytest.fixture
def bundle_file(small_bundle, tmp_path):
    return save_bundle(small_bundle, tmp_path / "bundle.npz")


@pytest.mark.slow
def test_certify_prints_every_gain_with_its_interval(bundle_file, capsys):
    asked = ["certify", "--policy", str(bundle_file), "-k", "1", "-n", "30", "--runs", "6"]
    assert main([*asked, "-k", "3", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [gap["k"] for gap in document["gaps"]] == [1, 3]
    for gap in document["gaps"]:
        assert gap["claimed"] > 0
        assert 0.0 <= gap["global_all_seen"]["low"] <= gap["global_all_seen"]["estimate"] <= gap["global_all_seen"]["high"]
    assert main(asked) == 0
    table = capsys.readouterr().out
    assert all(word in table for word in ("claimed", "one robot", "all robots", "estimated"))


@pytest.mark.slow
def test_certify_enumerates_a_small_fleet(bundle_file, capsys):
    assert main(["certify", "--policy", str(bundle_file), "-k", "2", "-n", "2", "--model", "fresh", "--json"]) == 0
    gap = json.loads(capsys.readouterr().out)["gaps"][0]
    assert gap["value_error"] == 0.0
    assert gap["global_gain"]["kind"] == "exact"


@pytest.mark.parametrize(("asked", "says"), [(["-k", "9"], "k is 9"), (["--method", "guess"], "method 'guess'")])
def test_certify_refuses_what_it_cannot_do(bundle_file, capsys, asked, says):
    assert main(["certify", "--policy", str(bundle_file), *asked]) == 2
    assert says in capsys.readouterr().err
