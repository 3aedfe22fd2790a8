"""`altmarl keys`: the certificates by which robots, coordinators and operators know each other over thin links."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, List, Optional

import typer
from rich.markup import escape
from rich.table import Table

from altmarl_ros.cli import console
from altmarl_ros.cli.options import Json
from altmarl_ros.errors import AltmarlError
from altmarl_ros.links.identity import id_in_name
from altmarl_ros.links.keys import AUTHORITY_DAYS, AUTHORITY_FILE, DEFAULT_DAYS, WARNING_DAYS, Authority, Credentials
from altmarl_ros.links.register import FILE_NAME, load_register, utc_now
from altmarl_ros.resources import data_home

if TYPE_CHECKING:
    from altmarl_ros.links.register import Entry

app = typer.Typer(
    name="keys",
    help="Make and revoke the certificates by which robots, coordinators and operators know each other over thin links.",
    no_args_is_help=True,
    add_completion=False,
)

Name = Annotated[str, typer.Argument(help="Name of the holder, after which the files are called.")]
Folder = Annotated[
    Optional[Path], typer.Option("--keys", help="Folder of the keys; default: `keys` in the data home of altmarl.")
]
Days = Annotated[int, typer.Option(min=1, help="Days for which the certificate is valid.")]
Renew = Annotated[bool, typer.Option("--renew", help="Replace the valid certificate of that name, which revokes it.")]


@app.command()
def init(
    *,
    keys: Folder = None,
    days: Annotated[int, typer.Option(min=1, max=36500, help="Days for which the authority is valid.")] = AUTHORITY_DAYS,
    as_json: Json = False,
) -> None:
    """Make a fleet's certificate authority, in a folder that only you can read.

    Example: altmarl keys init
    """
    authority = Authority.create(_folder(keys), days)
    if as_json:
        console.document({"folder": authority.folder, "certificate": authority.folder / AUTHORITY_FILE})
        return
    console.out.print(f"authority made in {escape(str(authority.folder))}; next: altmarl keys coordinator NAME --address ...")


@app.command()
def robot(
    name: Name,
    *,
    robot_id: Annotated[
        Optional[int],
        typer.Option("--id", min=0, max=2**32 - 1, help="Id of the robot; default: the number its name ends with."),
    ] = None,
    keys: Folder = None,
    days: Days = DEFAULT_DAYS,
    renew: Renew = False,
    as_json: Json = False,
) -> None:
    """Make a robot's key and certificate, by which it speaks for its own id and no other.

    Example: altmarl keys robot robot_7
    """
    found = id_in_name(name) if robot_id is None else robot_id
    if found is None:
        raise AltmarlError(f"{name} does not end with a number: give the robot's --id")
    _tell(Authority(_folder(keys)).issue("robot", name, robot_id=found, days=days, renew=renew), as_json)


@app.command()
def coordinator(
    name: Name,
    *,
    address: Annotated[
        List[str], typer.Option("--address", help="IP address or host name at which robots reach it; may be given often.")
    ],
    keys: Folder = None,
    days: Days = DEFAULT_DAYS,
    renew: Renew = False,
    as_json: Json = False,
) -> None:
    """Make the key and certificate of a coordinator's link, which listens at these addresses.

    Example: altmarl keys coordinator dispatch --address 192.168.1.10 --address dispatch.local
    """
    _tell(Authority(_folder(keys)).issue("coordinator", name, addresses=address, days=days, renew=renew), as_json)


@app.command()
def operator(
    name: Name, *, keys: Folder = None, days: Days = DEFAULT_DAYS, renew: Renew = False, as_json: Json = False
) -> None:
    """Make an operator's key and certificate, by which a person sees the fleet and may stop it.

    Example: altmarl keys operator anna
    """
    _tell(Authority(_folder(keys)).issue("operator", name, days=days, renew=renew), as_json)


@app.command()
def revoke(name: Name, *, keys: Folder = None, as_json: Json = False) -> None:
    """Take a certificate off the list; a coordinator's link that reads this list refuses it within a tick.

    Example: altmarl keys revoke robot_7
    """
    folder = _folder(keys)
    entry = Authority(folder).revoke(name)
    if as_json:
        console.document(_about(entry, "revoked"))
        return
    console.out.print(
        f"{escape(entry.name)} ({entry.identity.role} {entry.identity.id}) revoked; "
        f"where a coordinator reads another copy, copy {escape(str(folder / FILE_NAME))} there"
    )


@app.command("list")
def list_certificates(*, keys: Folder = None, as_json: Json = False) -> None:
    """List all certificates with their holders, and whether they are valid; warns of those that end soon.

    Example: altmarl keys list
    """
    entries, now = list(load_register(_folder(keys)).entries.values()), utc_now()
    if as_json:
        console.document([_about(entry, entry.state(now)) for entry in entries])
        return
    table = Table(title=f"{len(entries)} certificates", title_justify="left")
    for column in ("name", "role", "id", "valid until", "state"):
        table.add_column(column)
    for entry in entries:
        state, left = entry.state(now), (entry.expires - now).days
        soon = f" ({left} days left)" if state == "valid" and left < WARNING_DAYS else ""
        table.add_row(escape(entry.name), entry.identity.role, entry.identity.id, f"{entry.expires:%Y-%m-%d}", f"{state}{soon}")
    console.out.print(table)


def _folder(given: Optional[Path]) -> Path:
    return given if given is not None else data_home() / "keys"


def _tell(made: Credentials, as_json: bool) -> None:
    if as_json:
        files = [made.authority, made.certificate, made.key]
        about = {"role": made.identity.role, "id": made.identity.id, "expires": made.expires.isoformat()}
        console.document({**about, "common_name": made.identity.common_name, "files": files})
        return
    names = f"{made.certificate.name}, {made.key.name} and {AUTHORITY_FILE}"
    console.out.print(
        f"{made.identity.role} {escape(made.identity.id)}: valid until {made.expires:%Y-%m-%d}; its machine needs "
        f"{escape(names)} of {escape(str(made.key.parent))}"
        + (f", and {FILE_NAME}" if made.identity.role == "coordinator" else "")
    )


def _about(entry: "Entry", state: str) -> dict[str, object]:
    return {
        "name": entry.name,
        "role": entry.identity.role,
        "id": entry.identity.id,
        "common_name": entry.identity.common_name,
        "expires": entry.expires.isoformat(),
        "revoked": entry.revoked.isoformat() if entry.revoked else None,
        "state": state,
    }
