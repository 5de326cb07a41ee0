"""manage.py compare_ca: what a CA has issued, compared with what the database knows."""

from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from ca_bridge.connection import registry
from ca_bridge.errors import CaError
from ca_bridge.orders import listing
from identity_manager.models import CaComparison, ComparisonStep
from identity_manager.workflow.issuance import ca_comparison

FOUND = 1
NOT_POSSIBLE = 2
WITHOUT_A_RESTORE = timedelta(days=30)


class Command(BaseCommand):
    help = (
        "Compares what one certificate authority of CA_CONNECTORS has issued since a moment with what the"
        " database knows, and asks it for what the database holds. After a restore the workers do it by"
        " themselves; what is found waits for an officer in OPEN TASKS. Goes on where it stopped. Ends with 0"
        " where both agree, 1 where something was found, 2 where the authority cannot be compared."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("alias", help="the connection, as CA_CONNECTORS names it")
        parser.add_argument(
            "--since",
            metavar="TIME",
            default="",
            help="since when, with its offset: 2026-11-24T02:00:00+00:00; without it since the last restore,"
            " or since thirty days ago",
        )

    def handle(self, *_args: Any, alias: str, since: str, **_options: Any) -> None:
        self._require(alias)
        row = ca_comparison.begin(alias, _moment(since) if since else _default(alias))
        self.stdout.write(f"{alias}: since {row.since.isoformat(timespec='seconds')}.")
        try:
            while row.is_unfinished:
                row = ca_comparison.portion(row.pk)
        except CaError as error:
            words = f"{error.words} Run it again to go on; the workers do so, too."
            raise CommandError(words, returncode=NOT_POSSIBLE) from error
        if row.step == ComparisonStep.IMPOSSIBLE:
            raise CommandError(f"{alias} cannot be compared: {row.trouble}", returncode=NOT_POSSIBLE)
        self._report(row)

    def _require(self, alias: str) -> None:
        if alias not in registry.aliases():
            known = ", ".join(registry.aliases()) or "none"
            raise CommandError(f"CA_CONNECTORS has no {alias}; it has: {known}.", returncode=NOT_POSSIBLE)
        if wrong := registry.misconfigured(alias):
            raise CommandError(wrong, returncode=NOT_POSSIBLE)
        if not listing.tells(alias):
            words = f"{alias} cannot be compared: it does not tell what it has issued."
            raise CommandError(words, returncode=NOT_POSSIBLE)

    def _report(self, row: CaComparison) -> None:
        self.stdout.write(f"It has named {row.listed} certificates, and was asked for {row.asked}.")
        counted: Any = CaComparison.objects.filter(pk=row.pk).with_numbers().get()
        unknown, missing = counted.unknown, counted.missing
        if unknown or missing:
            words = (
                f"It has issued {unknown} that the database does not know, and does not know {missing} that"
                " the database holds. OPEN TASKS of Software Token Administrators has them."
            )
            raise CommandError(words, returncode=FOUND)
        self.stdout.write("Both agree.")


def _default(alias: str) -> datetime:
    """The last comparison that a restore has begun goes on."""
    last = CaComparison.objects.filter(alias=alias).order_by("-begun_at").first()
    return last.since if last else timezone.now().replace(microsecond=0) - WITHOUT_A_RESTORE


def _moment(words: str) -> datetime:
    """As an operator writes it. Raises CommandError."""
    try:
        moment = parse_datetime(words)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or moment > timezone.now():
        wanted = "a moment that has passed, with an offset, such as 2026-11-24T02:00:00+00:00"
        raise CommandError(f"{words} is not {wanted}.", returncode=NOT_POSSIBLE)
    return moment
