"""manage.py audit: verify the audit log, export it, print the public key, make a check file."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from identity_manager.audit import evidence, keys, known_heads, verification
from identity_manager.models import AuditEvent

NOT_SOUND = 1
NOT_POSSIBLE = 2


class Command(BaseCommand):
    help = (
        "Looks after the audit log. `verify` ends with 0 where all fits, 1 where something does not,"
        " 2 where it could not be checked."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        verify = actions.add_parser("verify", help="check every event, every link and every head")
        verify.add_argument(
            "--heads", type=Path, action="append", default=[], help="heads that were exported; also a syslog"
        )
        export = actions.add_parser("export", help="write the sealed log, a JSON object a line")
        export.add_argument("--first", type=int, help="number of the first event")
        export.add_argument("--last", type=int, help="number of the last event")
        actions.add_parser("public-key", help="print the public key of the heads, as PEM")
        check_file = actions.add_parser("evidence", help="print a check file about one request")
        check_file.add_argument("reference", help="the request, such as 7K2M-9QXD")

    def handle(self, *_args: Any, action: str, **options: Any) -> None:
        actions = {
            "verify": self._verify,
            "export": self._export,
            "public-key": self._public_key,
            "evidence": self._evidence,
        }
        actions[action](options)

    def _verify(self, options: dict[str, Any]) -> None:
        try:
            report = verification.verify(outside=list(_outside(options["heads"])))
        except keys.NoKey as error:
            raise CommandError(str(error), returncode=NOT_POSSIBLE) from error
        for finding in report.findings:
            self.stdout.write(f"{finding.kind:<10} {finding.sentence}")
        self.stdout.write(
            f"{report.events} events checked (#{report.first} to #{report.last}), {report.heads} heads;"
            f" {report.waiting} events wait to be sealed."
        )
        if report.findings:
            raise CommandError(
                f"{len(report.findings)} things do not fit: this log was manipulated.", returncode=NOT_SOUND
            )
        self.stdout.write("The log is as it was written.")

    def _export(self, options: dict[str, Any]) -> None:
        for row in evidence.rows(first=options["first"], last=options["last"]):
            self.stdout.write(json.dumps(row, sort_keys=True))

    def _public_key(self, _options: dict[str, Any]) -> None:
        pem = evidence.public_key_pem()
        if not pem:
            raise CommandError("No head is signed yet.", returncode=NOT_POSSIBLE)
        self.stdout.write(pem, ending="")

    def _evidence(self, options: dict[str, Any]) -> None:
        events = AuditEvent.objects.filter(request__reference=options["reference"].upper())
        if not events.exists():
            raise CommandError(f"There is no request {options['reference']}.", returncode=NOT_POSSIBLE)
        found = evidence.of(events, subject=f"request {options['reference'].upper()}")
        self.stdout.write(json.dumps(found, indent=2, sort_keys=True))


def _outside(paths: list[Path]) -> Iterator[known_heads.KnownHead]:
    for path in paths:
        try:
            # A syslog has lines of other programs, with arbitrary bytes.
            found = known_heads.read_heads(path.read_text(encoding="utf-8", errors="replace").splitlines())
        except OSError as error:
            raise CommandError(
                f"{path} cannot be read: {error.strerror}.", returncode=NOT_POSSIBLE
            ) from error
        except known_heads.UnreadableHeads as error:
            raise CommandError(f"{path}: {error}", returncode=NOT_POSSIBLE) from error
        if not found:  # a wrong or truncated file, which would prove nothing
            raise CommandError(f"{path} holds no head.", returncode=NOT_POSSIBLE)
        yield from found
