"""``stationd config roots``: which roots the station trusts its CSMS by, provisioned before the first connection or later.

Law: what is trusted goes through the machines and into the journal first, like every other setting; a private key is never taken.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import SetupFault
from replay.cli import over_data, over_journal
from replay.paths import default_data
from stationd import offline
from stationd.vault_key import add_option

if TYPE_CHECKING:
    from replay.output import Output, Watched
    from stationd.offline import Offline

EPILOG = """examples:
  stationd config roots add csms-root.pem --data ./cp001      before the first start, at rest, or while the station runs
  stationd config roots list --data ./cp001
  stationd config roots remove 3f9a1c --data ./cp001

Where the CSMS has a wss:// address, the station trusts exactly the CSMS roots that are installed; where none is, those of the operating system.
What was changed counts for the next connection.
"""
USES = ("CSMSRootCertificate", "ManufacturerRootCertificate")


def add_arguments(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The commands of ``config roots``."""
    roots = commands.add_parser(
        "roots", help="the roots that the station trusts its CSMS by", description="The root certificates that the station trusts.", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    under = roots.add_subparsers(metavar="COMMAND", required=True)
    it = over_data(under, "add", "trust the certificates in a PEM file", "example:\n  stationd config roots add csms-root.pem --data ./cp001")
    it.set_defaults(func=add)
    it.add_argument("file", metavar="FILE", help="one or more certificates, PEM; - is standard input")
    it.add_argument("--use", choices=USES, default=USES[0], help=f"what they are trusted for (default: {USES[0]})")
    reaching(it)
    it = over_journal(under, "list", "the roots that are installed: hash, use, validity, whose they are", list_, "config roots list --data ./cp001")
    it.add_argument("--json", action="store_true", help="with PEM text and OCPP's hashes, for programs")
    it = over_data(under, "remove", "trust a root no longer", "example:\n  stationd config roots remove 3f9a1c --data ./cp001")
    it.set_defaults(func=remove)
    it.add_argument("fingerprint", metavar="HASH", help="the first digits of its hash, as config roots list shows it")
    reaching(it)


def reaching(it: argparse.ArgumentParser) -> None:
    """The options of what changes a station, whether it runs or not."""
    it.add_argument("--control", metavar="PATH", type=Path, help="the control socket (default: control.sock in the data directory)")
    add_option(it)


def data_of(args: argparse.Namespace) -> Path:
    """The data directory that is meant."""
    data: Path = args.data or default_data()
    return data


def add(args: argparse.Namespace) -> int:
    """Install what a file holds, all of it or nothing."""
    from adapters.certificates import FILE_MOST_BYTES, blocks

    try:
        if args.file == "-":
            data = sys.stdin.buffer.read(FILE_MOST_BYTES + 1)
        else:
            with Path(args.file).open("rb") as file:
                data = file.read(FILE_MOST_BYTES + 1)
    except OSError as error:
        raise SetupFault(f"{args.file}: cannot be read ({error.strerror}); name a PEM file with the roots in it") from error
    # PEM is ASCII, whatever else stands around it; of what is none nothing is left that anybody would take for it.
    text = data.decode("ascii", "ignore")

    def here(house: Offline) -> dict[str, Any]:
        from adapters.operator import asked_to_add, trusted

        return trusted(house.tell(asked_to_add(house.station, text, args.use)))

    try:
        # Before anybody is asked: what is none makes no journal, and a key is not sent anywhere.
        blocks(text)
        return _tell(offline.change(data_of(args), args.control, args.vault_key, "add_roots", {"pem": text, "use": args.use}, here, make=True))
    except SetupFault as fault:
        raise SetupFault("\n".join(f"{args.file}: {line}" for line in str(fault).splitlines()), fault.status) from fault


def remove(args: argparse.Namespace) -> int:
    """Delete one."""

    def here(house: Offline) -> dict[str, Any]:
        from adapters.operator import asked_to_remove, trusted

        return trusted(house.tell(asked_to_remove(house.station, args.fingerprint)))

    return _tell(offline.change(data_of(args), args.control, args.vault_key, "remove_root", {"fingerprint": args.fingerprint}, here))


def list_(args: argparse.Namespace, out: Output, store: Watched) -> None:
    """A table of those that are installed."""
    from datetime import UTC, datetime

    from msgspec.json import encode, format

    from adapters.certificates import FINGERPRINT_DIGITS, lasting, shown
    from eventlog import snapshots
    from machines.certificates.state import CERTIFICATES
    from replay.reading import KERNEL
    from replay.text import table

    station = snapshots.restore(store, KERNEL, snapshots.fold_version, args.station).station
    found = [(one, shown(one.certificate)) for one in station[CERTIFICATES].installed.values()]
    now = datetime.now(UTC)
    if args.json:
        listed = [
            {
                "fingerprint": one.fingerprint,
                "use": one.use,
                "subject": about.subject,
                "issuer": about.issuer,
                "notBefore": about.not_before.isoformat(),
                "notAfter": about.not_after.isoformat(),
                "certificateHashData": {
                    "hashAlgorithm": one.hash_algorithm,
                    "issuerNameHash": one.issuer_name_hash,
                    "issuerKeyHash": one.issuer_key_hash,
                    "serialNumber": one.serial_number,
                },
                "certificate": one.certificate,
            }
            for one, about in found
        ]
        out.say([format(encode(listed), indent=2).decode()])
    elif found:
        rows = [(one.fingerprint[:FINGERPRINT_DIGITS], one.use, lasting(about, now), about.subject) for one, about in found]
        out.say(table(("HASH", "USE", "VALIDITY", "SUBJECT"), rows))
    else:
        out.say(["no root is installed: a CSMS at a wss:// address is trusted by the roots of the operating system"])


def _tell(answer: dict[str, Any]) -> int:
    for line in answer["changes"]:
        print(line)
    return 0
