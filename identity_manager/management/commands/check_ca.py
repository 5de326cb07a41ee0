"""manage.py check_ca: does a CA answer, and does it issue and revoke a test certificate."""

import time
from argparse import ArgumentParser
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ca_bridge.connection import caa, faults, registry, self_test
from ca_bridge.errors import CaError
from identity_manager.management import public_ca
from identity_manager.queries import mail_domains

IN_TROUBLE = 1
NOT_POSSIBLE = 2
MOST_DOMAINS = 20


def _server(given: str | None) -> tuple[str, int] | None:
    if not given:
        return None
    address, _colon, port = given.rpartition(":") if given.count(":") == 1 else (given, "", "")
    try:
        return str(ip_address(address)), int(port or caa.PORT)
    except ValueError as error:
        raise CommandError(
            "--nameserver must be ADDRESS or ADDRESS:PORT.", returncode=NOT_POSSIBLE
        ) from error


class Command(BaseCommand):
    help = (
        "Asks one certificate authority of CA_CONNECTORS whether it answers, and names the fault where it"
        " does not. Ends with 0 where all is well, 1 where something is wrong, 2 where the connection is not"
        " there or configured wrongly. Shows no secret."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("alias", help="the connection, as CA_CONNECTORS names it")
        parser.add_argument(
            "--issue",
            metavar="PROFILE",
            help="have a test certificate issued by this profile (its name at the CA) for a throw-away key,"
            " and revoked",
        )
        parser.add_argument("--days", type=int, default=30, help="how long it is to be valid")
        parser.add_argument("--email", default="", help="an address that it names; some profiles demand one")

        parser.add_argument(
            "--domain",
            action="append",
            default=[],
            help=f"of a public CA: a mail domain to look at, in place of the {MOST_DOMAINS} of most persons",
        )
        parser.add_argument(
            "--nameserver", help="ADDRESS or ADDRESS:PORT to ask for CAA records, in place of resolv.conf"
        )

    def handle(self, *_args: Any, alias: str, issue: str | None, **options: Any) -> None:
        self._require(alias, days=options["days"])
        server = _server(options["nameserver"])
        self._ask(alias)
        for limit in registry.limits(alias):
            self.stdout.write(f"Limit: {limit}")
        wrong = self._public(alias, options["domain"], server)
        if issue is not None:
            self._try_out(alias, issue, days=options["days"], email=options["email"])
        if wrong:
            raise CommandError(" ".join(wrong), returncode=IN_TROUBLE)

    def _public(self, alias: str, domains: Sequence[str], server: tuple[str, int] | None) -> list[str]:
        """Write what is known of a public CA and our domains; return what is wrong."""
        if not registry.caa_identities(alias):
            return []
        domains = domains or mail_domains.domains_of_active_persons(MOST_DOMAINS)
        found = list(public_ca.findings(alias, domains, server, timezone.now().date()))
        for each in found:
            if not each.is_wrong:
                self.stdout.write(each.words)
        return [each.words for each in found if each.is_wrong]

    def _require(self, alias: str, *, days: int) -> None:
        if alias not in registry.aliases():
            known = ", ".join(registry.aliases()) or "none"
            raise CommandError(f"CA_CONNECTORS has no {alias}; it has: {known}.", returncode=NOT_POSSIBLE)
        if wrong := registry.misconfigured(alias):
            raise CommandError(wrong, returncode=NOT_POSSIBLE)
        if not 1 <= days <= 3650:
            raise CommandError("--days must be from 1 to 3650.", returncode=NOT_POSSIBLE)

    def _ask(self, alias: str) -> None:
        begun = time.monotonic()
        health = registry.health(alias)
        took = round((time.monotonic() - begun) * 1000)
        if not health.ok:
            words = f"{faults.in_words(health.fault)} {health.detail}".strip()
            raise CommandError(f"{alias} does not answer ({took} ms). {words}", returncode=IN_TROUBLE)
        self.stdout.write(f"{alias} answers ({took} ms). {health.detail}")

    def _try_out(self, alias: str, profile: str, *, days: int, email: str) -> None:
        try:
            report = self_test.try_out(alias, profile, days=days, email=email)
        except CaError as error:
            raise CommandError(str(error), returncode=NOT_POSSIBLE) from error
        for sentence in report.done:
            self.stdout.write(sentence)
        for sentence in report.to_do:
            self.stdout.write(f"To do: {sentence}")
        if report.trouble:
            raise CommandError(" ".join(report.trouble), returncode=IN_TROUBLE)
