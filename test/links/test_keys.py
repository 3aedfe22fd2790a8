"""Authority, certificates and register: what is written, who may read it, and what is refused."""

import stat
import subprocess
import sys
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from altmarl_ros.errors import AltmarlError
from altmarl_ros.links import Authority, load_credentials
from altmarl_ros.links.identity import Identity, id_in_name, read_common_name
from altmarl_ros.links.register import load_register, utc_now


@pytest.fixture
def authority(tmp_path):
    return Authority.create(tmp_path / "keys")


def certificate_of(credentials):
    return x509.load_pem_x509_certificate(credentials.certificate.read_bytes())


def usage(credentials):
    return set(certificate_of(credentials).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


def test_private_keys_are_readable_by_their_owner_alone(authority):
    authority.issue("robot", "robot_3", robot_id=3)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in authority.folder.glob("*.key")}
    assert modes == {"authority.key": 0o600, "robot_3.key": 0o600}
    assert stat.S_IMODE(authority.folder.stat().st_mode) == 0o700
    assert not list(authority.folder.glob(".*.key.*")), "no temporary file is left"


def test_a_certificate_tells_role_and_id_and_may_serve_only_for_a_coordinator(authority):
    robot = authority.issue("robot", "robot_3", robot_id=3)
    coordinator = authority.issue("coordinator", "dispatch", addresses=["127.0.0.1", "dispatch.local"])
    operator = authority.issue("operator", "anna")
    assert (robot.identity.role, robot.identity.id) == ("robot", "3")
    assert (coordinator.identity.role, coordinator.identity.id) == ("coordinator", "dispatch")
    assert ExtendedKeyUsageOID.SERVER_AUTH in usage(coordinator)
    for other in (robot, operator):
        assert usage(other) == {ExtendedKeyUsageOID.CLIENT_AUTH}
    names = certificate_of(coordinator).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["127.0.0.1", "dispatch.local"]


def test_a_certificate_ends_when_it_was_asked_to(authority):
    credentials = authority.issue("robot", "robot_3", robot_id=3, days=7)
    assert 6.9 < credentials.days_left(utc_now()) <= 7.0
    (entry,) = load_register(authority.folder).entries.values()
    assert entry.expires == credentials.expires
    assert entry.state(entry.expires - timedelta(seconds=1)) == "valid"
    assert entry.state(entry.expires) == "expired"
    with pytest.raises(AltmarlError, match="days is 99999"):
        authority.issue("robot", "robot_4", robot_id=4, days=99999)


def test_revoking_takes_the_certificate_off_the_list_and_frees_name_and_id(authority):
    authority.issue("robot", "robot_3", robot_id=3)
    before = authority.revoke("robot_3").identity
    register = load_register(authority.folder)
    assert register.valid(utc_now()) == ()
    with pytest.raises(AltmarlError, match="'robot_3' has no valid certificate; valid ones have nobody"):
        authority.revoke("robot_3")
    again = authority.issue("robot", "robot_3", robot_id=3).identity
    assert again.id == before.id
    assert again.common_name != before.common_name, "the revoked certificate must not pass for the new one"
    assert [entry.identity for entry in load_register(authority.folder).valid(utc_now())] == [again]


def test_renewing_revokes_the_certificate_from_before(authority):
    first = authority.issue("robot", "robot_3", robot_id=3)
    with pytest.raises(AltmarlError, match=r"robot_3 has a certificate already.*--renew"):
        authority.issue("robot", "robot_3", robot_id=3)
    second = authority.issue("robot", "robot_3", robot_id=3, renew=True)
    states = {entry.identity: entry.state(utc_now()) for entry in load_register(authority.folder).entries.values()}
    assert states == {first.identity: "revoked", second.identity: "valid"}


def test_an_id_belongs_to_one_name(authority):
    authority.issue("robot", "robot_3", robot_id=3)
    with pytest.raises(AltmarlError, match="robot id 3 belongs to robot_3"):
        authority.issue("robot", "blue", robot_id=3)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"role": "robot", "name": "../robot_3", "robot_id": 3}, "name '../robot_3': must be 1 to 32"),
        ({"role": "robot", "name": "robot_3", "robot_id": 2**32}, "robot id is '4294967296'"),
        ({"role": "operator", "name": "authority"}, "is the authority's own"),
        ({"role": "coordinator", "name": "dispatch"}, "needs the addresses"),
        ({"role": "coordinator", "name": "dispatch", "addresses": ["tls/10.0.0.1:7447"]}, "without a port"),
    ],
)
def test_wrong_arguments_are_refused_and_nothing_is_written(authority, arguments, told):
    before = sorted(authority.folder.iterdir())
    with pytest.raises(AltmarlError, match=told):
        authority.issue(**arguments)
    assert load_register(authority.folder).entries == {}
    assert [path for path in sorted(authority.folder.iterdir()) if path.name != ".lock"] == [
        path for path in before if path.name != ".lock"
    ]


def test_a_second_authority_in_the_folder_is_refused(authority):
    with pytest.raises(AltmarlError, match="has an authority already"):
        Authority.create(authority.folder)


def test_a_key_that_others_can_read_is_refused(authority):
    authority.issue("robot", "robot_3", robot_id=3)
    (authority.folder / "robot_3.key").chmod(0o640)
    with pytest.raises(AltmarlError, match=r"robot_3\.key: others can read.*chmod 600"):
        load_credentials(authority.folder, "robot_3")
    (authority.folder / "authority.key").chmod(0o604)
    with pytest.raises(AltmarlError, match=r"authority\.key: others can read"):
        Authority(authority.folder)


def test_files_of_another_authority_or_of_two_holders_are_refused(authority, tmp_path):
    authority.issue("robot", "robot_3", robot_id=3)
    authority.issue("robot", "robot_4", robot_id=4)
    other = Authority.create(tmp_path / "other")
    other.issue("robot", "robot_3", robot_id=3)
    mixed = authority.folder / "robot_4.key"
    mixed.write_bytes((authority.folder / "robot_3.key").read_bytes())
    with pytest.raises(AltmarlError, match=r"robot_4\.key: is not the key of robot_4\.crt"):
        load_credentials(authority.folder, "robot_4")
    (authority.folder / "robot_3.crt").write_bytes((other.folder / "robot_3.crt").read_bytes())
    with pytest.raises(AltmarlError, match=r"robot_3\.crt: is not valid under authority\.crt"):
        load_credentials(authority.folder, "robot_3")
    with pytest.raises(AltmarlError, match=r"robot_5\.crt: cannot be read"):
        load_credentials(authority.folder, "robot_5")


@pytest.mark.parametrize(
    "text",
    ["certificates: [1]", "certificates: {robot.3: {name: a, expires: 2030-01-01}}", "x: 1", "[]", "certificates: {a: &a 1}"],
)
def test_a_damaged_register_is_refused_in_one_line(authority, text):
    path = authority.folder / "register.yaml"
    path.write_text(text)
    with pytest.raises(AltmarlError, match=r"register\.yaml") as refused:
        load_register(authority.folder)
    assert "\n" not in str(refused.value)


@pytest.mark.slow
def test_two_commands_at_once_lose_no_certificate(authority):
    program = (
        "import sys; from pathlib import Path; from altmarl_ros.links import Authority\n"
        "first = int(sys.argv[2]); authority = Authority(Path(sys.argv[1]))\n"
        "for i in range(first, first + 5): authority.issue('robot', f'robot_{i}', robot_id=i)"
    )
    commands = [[sys.executable, "-c", program, str(authority.folder), first] for first in ("0", "5")]
    for process in [subprocess.Popen(command) for command in commands]:
        assert process.wait(30) == 0
    valid = load_register(authority.folder).valid(utc_now())
    assert sorted(int(entry.identity.id) for entry in valid) == list(range(10))


@pytest.mark.parametrize("text", ["robot.3", "robot.x.00000000", "king.3.00000000", "robot.03.00000000", "robot.3.00000000\n"])
def test_foreign_common_names_are_refused(text):
    with pytest.raises(AltmarlError):
        read_common_name(text)
    assert read_common_name("robot.3.0123abcd") == Identity("robot", "3", "0123abcd")


@pytest.mark.parametrize(("name", "expected"), [("robot_7", 7), ("blue", None), ("a/b_12", 12), ("r99999999999", None)])
def test_the_number_at_the_end_of_a_name(name, expected):
    assert id_in_name(name) == expected
