import os
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError
from altmarl_ros.policies import LocalPolicy, load_bundle
from altmarl_ros.policy_updates.kept_policies import KeptPolicies


@pytest.fixture
def bundles(small_bundle):
    """Four policies that differ."""
    shape = small_bundle.pi_l.probabilities.shape
    rows = np.random.default_rng(0).dirichlet(np.ones(shape[2]), size=(4, *shape[:2]))
    return [replace(small_bundle, pi_l=LocalPolicy(pi_l)) for pi_l in rows]


def deploy(kept, bundle, previous=None, most=2):
    if previous is not None:
        kept.save(previous)
    kept.save(bundle)
    kept.put_in_force(bundle.policy_id, previous.policy_id if previous else None, most)


def files(folder):
    return sorted(file.name for file in folder.glob("*.npz"))


def test_the_last_ones_survive_a_restart_as_files_and_the_oldest_go(bundles, tmp_path):
    kept, ids = KeptPolicies(tmp_path), [bundle.policy_id for bundle in bundles]
    assert kept.before(ids[0]) is None
    for before, after in pairwise(bundles):
        deploy(kept, after, before)
    again = KeptPolicies(tmp_path)
    assert kept.ids == again.ids == (ids[2], ids[1]), "the newest two before the one in force"
    assert files(tmp_path) == sorted(f"policy_{i:08x}.npz" for i in ids), "a record of the run needs them"
    assert load_bundle(again.path(ids[1])).policy_id == ids[1]
    assert again.before(ids[3]) == ids[2]
    again.returned_to(ids[2])
    assert again.ids == (ids[1],)
    assert again.before(ids[2]) == ids[1]
    again.returned_to(ids[1])
    assert again.ids == KeptPolicies(tmp_path).ids == ()
    assert again.before(ids[1]) is None


def test_files_stay_over_a_rollback_and_the_oldest_go_with_a_deployment(bundles, tmp_path):
    kept, (a, b, c, d) = KeptPolicies(tmp_path), bundles
    deploy(kept, b, a)
    kept.returned_to(a.policy_id)
    assert kept.path(b.policy_id).exists(), "what was acted by until now"
    for age, policy in enumerate((a, b)):
        os.utime(kept.path(policy.policy_id), ns=(age, age))
    for before, after in ((a, c), (c, d)):
        kept.save(after)
        kept.put_in_force(after.policy_id, before.policy_id, 1)
    assert kept.ids == (c.policy_id,)
    assert files(tmp_path) == sorted(f"policy_{bundle.policy_id:08x}.npz" for bundle in (b, c, d)), "one besides those kept"


def test_a_policy_that_comes_back_is_kept_once(bundles, tmp_path):
    kept, (a, b, *_) = KeptPolicies(tmp_path), bundles
    for _ in range(3):
        deploy(kept, b, a)
        deploy(kept, a, b)
    assert kept.ids == (b.policy_id,)


def test_one_without_a_file_is_no_policy_to_return_to(bundles, tmp_path):
    kept, (a, b, *_) = KeptPolicies(tmp_path), bundles
    kept.save(b)
    kept.put_in_force(b.policy_id, a.policy_id, 5)
    assert kept.ids == ()
    deploy(kept, a, b)
    kept.path(b.policy_id).unlink()
    assert KeptPolicies(tmp_path).ids == ()


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"kept": []}', '{"format": "altmarl kept policies 1", "kept": ["../../x"]}', "[" * 100_000]
)
def test_a_damaged_index_is_named(tmp_path, content):
    (tmp_path / "kept.json").write_text(content)
    with pytest.raises(AltmarlError, match=r"kept\.json"):
        KeptPolicies(tmp_path)


def test_files_of_others_stay(bundles, tmp_path):
    (tmp_path / "policy_mine.npz").write_bytes(b"")
    (tmp_path / "candidate.npz").write_bytes(b"")
    deploy(KeptPolicies(tmp_path), bundles[1], bundles[0])
    assert {"policy_mine.npz", "candidate.npz"} <= set(files(tmp_path))
