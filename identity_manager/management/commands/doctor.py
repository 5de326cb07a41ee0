"""manage.py doctor: is everything there and in order, and if not, what to do."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from identity_manager.management import doctor
from identity_manager.management.doctor import outside
from identity_manager.management.doctor.check_result import CheckResult, Level, failed

Found = tuple[str, CheckResult]
WORDS = {Level.OK: "ok", Level.WARNING: "warning", Level.FAILED: "FAILED"}


class Command(BaseCommand):
    help = (
        "Looks at everything that this installation needs, as the environment of this command names it. "
        "Ends with status 1 if something failed. Changes nothing, shows no secret."
    )
    requires_system_checks = ()  # they are its first finding

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="for programs")
        parser.add_argument("--send-test", metavar="ADDRESS", help="send one test mail there")

    def handle(self, *_args: Any, **options: Any) -> None:
        address = options["send_test"]
        if address and not options["json"]:
            _require_address(address)
        found = list(self._found(address, aloud=not options["json"]))
        failures = sum(finding.level == Level.FAILED for _name, finding in found)
        if options["json"]:
            lines = [{"check": name, **asdict(finding)} for name, finding in found]
            self.stdout.write(json.dumps({"ok": not failures, "findings": lines}, indent=2))
        if failures:
            raise CommandError(f"{failures} of {len(found)} findings need you.")
        if not options["json"]:
            self.stdout.write("Everything that is needed is there.")

    def _found(self, address: str | None, *, aloud: bool) -> "list[Found]":
        found = []
        for name, finding in doctor.examine():
            found.append((name, finding))
            if aloud:
                self._say(name, finding)
        if address:
            found.append(("test mail", _test_mail(address)))
            if aloud:
                self._say(*found[-1])
        return found

    def _say(self, name: str, finding: CheckResult) -> None:
        self.stdout.write(f"{WORDS[finding.level]:<8} {name}: {finding.says}")
        if finding.remedy:
            self.stdout.write(f"{'':<8} -> {finding.remedy}")


def _test_mail(address: str) -> CheckResult:
    """A finding whatever is wrong, for programs read it."""
    try:
        _require_address(address)
    except CommandError as error:
        return failed(str(error), "Give --send-test an address.")
    return outside.send_test(address)


def _require_address(address: str) -> None:
    try:
        validate_email(address)
    except ValidationError as error:
        raise CommandError(f"{address} is not an e-mail address.") from error
