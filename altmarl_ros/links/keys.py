"""A fleet's own certificate authority, and the keys that it makes: one pair of files for each robot, coordinator and operator.

Keys are ECDSA over P-256. A coordinator's certificate alone may serve (TLS extended key usage), so that no robot can stand in
for a coordinator, and it names the addresses at which the coordinator listens. Private keys are readable by their owner alone,
at every moment; a key that others can read is refused.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import stat
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from altmarl_ros.errors import AltmarlError, shown
from altmarl_ros.files import read_regular, write_output
from altmarl_ros.links.identity import Identity, Role, check_file_name, new_identity, read_common_name
from altmarl_ros.links.register import FILE_NAME, Entry, Register, load_register, locked, save_register, utc_now

DEFAULT_DAYS = 365
"""Days for which a certificate is valid."""

AUTHORITY_DAYS = 3650
"""Days for which an authority is valid."""

WARNING_DAYS = 30
"""Days before the end of a certificate from which on its holder is warned."""

AUTHORITY_FILE = "authority.crt"
"""Name of the authority's certificate, which every machine needs."""

AUTHORITY_KEY = "authority.key"
"""Name of the authority's private key, which stays where certificates are made."""

_HOST = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(\.(?!-)[A-Za-z0-9-]{1,63})*")
_SKEW = timedelta(minutes=5)  # by which a robot's clock may be behind
_MOST_BYTES = 1 << 16


@dataclass(frozen=True)
class Credentials:
    """The files by which one holder takes part, checked.

    Attributes:
        identity: who the holder is.
        authority: path of the authority's certificate.
        certificate: path of the holder's certificate.
        key: path of the holder's private key.
        expires: when the certificate ends, in UTC.
    """

    identity: Identity
    authority: Path
    certificate: Path
    key: Path
    expires: datetime

    def days_left(self, now: datetime) -> float:
        """Days until the certificate ends; negative: it has."""
        return (self.expires - now) / timedelta(days=1)


class Authority:
    """The authority of one fleet, in a folder of keys.

    Attributes:
        folder: where its files, the register and all keys are.
    """

    def __init__(self, folder: Path) -> None:
        """Open the authority in a folder.

        Raises:
            AltmarlError: there is none, or its private key can be read by others.
        """
        self.folder = folder
        self._certificate = _read_certificate(folder / AUTHORITY_FILE)
        key = serialization.load_pem_private_key(_read_private(folder / AUTHORITY_KEY), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != self._certificate.public_key():
            raise AltmarlError(f"{folder / AUTHORITY_KEY}: is not the key of {AUTHORITY_FILE}")
        self._key = key

    @classmethod
    def create(cls, folder: Path, days: int = AUTHORITY_DAYS) -> Authority:
        """Make a new authority, valid for so many days, with an empty register.

        Raises:
            AltmarlError: there is one in the folder already, or the folder cannot be written.
        """
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise AltmarlError(f"{folder}: cannot be made: {error.strerror or error}") from None
        with locked(folder):
            for name in (AUTHORITY_FILE, AUTHORITY_KEY, FILE_NAME):
                if (folder / name).exists():
                    raise AltmarlError(f"{folder / name} exists: this folder has an authority already")
            key, now = ec.generate_private_key(ec.SECP256R1()), utc_now()
            subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "altmarl fleet authority")])
            certificate = (
                _builder(subject, subject, key.public_key(), now, days)
                .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
                .add_extension(_key_usage(authority=True), critical=True)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
                .sign(key, hashes.SHA256())
            )
            write_output(folder / AUTHORITY_KEY, _pem(key), private=True)
            write_output(folder / AUTHORITY_FILE, certificate.public_bytes(serialization.Encoding.PEM))
            save_register(folder, Register({}))
        return cls(folder)

    def issue(
        self,
        role: Role,
        name: str,
        *,
        robot_id: int | None = None,
        addresses: Sequence[str] = (),
        days: int = DEFAULT_DAYS,
        renew: bool = False,
    ) -> Credentials:
        """Make a key and a certificate, and enter it in the register.

        Args:
            role: what the certificate is for.
            name: of the holder, after which the files are called.
            robot_id: of a robot.
            addresses: IP addresses or host names at which a coordinator listens.
            days: how long the certificate is valid, at most as long as the authority.
            renew: whether a valid certificate of that name is replaced, which revokes it.

        Raises:
            AltmarlError: the name has a certificate already, or the id; or an argument breaks a rule.
        """
        identity = new_identity(role, str(robot_id) if role == "robot" else name.lower())
        self._check(role, check_file_name(name), addresses, days)
        with locked(self.folder):
            register, now = load_register(self.folder), utc_now()
            before = register.holder(name, now)
            if before is not None and not renew:
                raise AltmarlError(f"{name} has a certificate already, valid until {before.expires:%Y-%m-%d}: use --renew")
            if before is not None and (before.identity.role, before.identity.id) != (role, identity.id):
                raise AltmarlError(f"{name} is {before.identity.role} {before.identity.id}: revoke it before it is another")
            twin = register.robot(robot_id, now) if robot_id is not None else None
            if twin is not None and twin.name != name:
                raise AltmarlError(f"robot id {robot_id} belongs to {twin.name}: choose another one, or revoke {twin.name}")
            if before is not None:
                register = register.with_revoked(before, now)
            certificate, key = self._sign(identity, addresses, days, now)
            # The register first: a certificate that it does not list may do nothing.
            entry = Entry(identity, name, certificate.not_valid_after_utc)
            save_register(self.folder, register.with_entry(entry))
            write_output(self.folder / f"{name}.key", _pem(key), private=True)
            write_output(self.folder / f"{name}.crt", certificate.public_bytes(serialization.Encoding.PEM))
        return load_credentials(self.folder, name)

    def revoke(self, name: str) -> Entry:
        """Take the valid certificate of this name off the list; returns what it was.

        Raises:
            AltmarlError: nobody of that name has a valid certificate.
        """
        with locked(self.folder):
            register, now = load_register(self.folder), utc_now()
            entry = register.holder(name, now)
            if entry is None:
                names = ", ".join(entry.name for entry in register.valid(now)) or "nobody"
                raise AltmarlError(f"{shown(name)} has no valid certificate; valid ones have {names}")
            save_register(self.folder, register.with_revoked(entry, now))
        return entry

    def _check(self, role: Role, name: str, addresses: Sequence[str], days: int) -> None:
        if name == Path(AUTHORITY_FILE).stem:
            raise AltmarlError(f"name {name!r} is the authority's own")
        left = (self._certificate.not_valid_after_utc - utc_now()).days
        if not 1 <= days <= left:
            raise AltmarlError(f"days is {days}, must be in 1..{left}: the authority ends then")
        if role == "coordinator" and not addresses:
            raise AltmarlError("a coordinator's certificate needs the addresses at which robots reach it")

    def _sign(
        self, identity: Identity, addresses: Sequence[str], days: int, now: datetime
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, identity.common_name)])
        serves = [ExtendedKeyUsageOID.SERVER_AUTH] if identity.role == "coordinator" else []
        builder = (
            _builder(subject, self._certificate.subject, key.public_key(), now, days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, *serves]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        names = [_alternative_name(address) for address in addresses] or [x509.DNSName(identity.common_name.replace("_", "-"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256()), key


def load_credentials(folder: Path, name: str) -> Credentials:
    """Find the files of one holder in a folder, and check that they belong together and that the key is private.

    Raises:
        AltmarlError: a file is missing, damaged, of another authority, or readable by others.
    """
    paths = folder / AUTHORITY_FILE, folder / f"{check_file_name(name)}.crt", folder / f"{name}.key"
    authority, certificate = _read_certificate(paths[0]), _read_certificate(paths[1])
    try:
        key = serialization.load_pem_private_key(_read_private(paths[2]), None)
        certificate.verify_directly_issued_by(authority)
    except AltmarlError:
        raise
    except Exception as error:  # the library's own families of errors, and TypeError for an encrypted key
        told = str(error) or "it was signed by another authority"
        raise AltmarlError(f"{paths[1]}: is not valid under {AUTHORITY_FILE}: {told}") from None
    if key.public_key() != certificate.public_key():
        raise AltmarlError(f"{paths[2]}: is not the key of {paths[1].name}")
    common_names = [str(each.value) for each in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    try:
        identity = read_common_name(common_names[0] if common_names else "")
    except AltmarlError as error:
        raise AltmarlError(f"{paths[1]}: {error}") from None
    return Credentials(identity, *paths, certificate.not_valid_after_utc)


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now.astimezone(timezone.utc) + timedelta(days=days))
    )


def _key_usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative_name(address: str) -> x509.GeneralName:
    with contextlib.suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(address))
    if not _HOST.fullmatch(address):
        raise AltmarlError(f"address {shown(address)}: must be an IP address or a host name, without a port")
    return x509.DNSName(address)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _read_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(read_regular(path, _MOST_BYTES))
    except ValueError as error:
        raise AltmarlError(f"{path}: {_reason(error)}") from None


def _read_private(path: Path) -> bytes:
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
        if mode & 0o077:
            raise AltmarlError(f"{path}: others can read this private key (mode {mode:03o}): chmod 600 {path}")
        return read_regular(path, _MOST_BYTES)
    except (OSError, ValueError) as error:
        raise AltmarlError(f"{path}: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror or error}"
    told = " ".join(str(error).split())
    return told if told.startswith(("is ", "cannot ")) else "is no certificate or key in PEM form"
