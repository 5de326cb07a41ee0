"""A target in memory that answers as a test says, and certificates that can be published."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from identity_manager.models import (
    HoldBack,
    Person,
    Placement,
    Role,
    SoftwareToken,
    Target,
    TargetUse,
    TokenType,
)
from identity_manager.targets import connectors
from identity_manager.targets.configuration import TargetConfiguration, parse
from identity_manager.targets.contract import Held, Item, NoPlace, Presence, Put
from identity_manager.workflow.targets import planning, serving, uses
from tests.tools.cast import Company, accepted, enabled, issued, person, profile, token_type
from tests.tools.gateways import MAIL_KEY

NAME = "corp"
SECRET = "s3cret-of-target"


@dataclass
class FakeTarget:
    """entries: the values of each place. fails: raised by these calls, before or after they have happened."""

    entries: dict[str, list[bytes]] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    before: dict[str, Exception] = field(default_factory=dict)
    after: dict[str, Exception] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    can_look: bool = True
    swaps: int = 0

    def holder(self, name: str) -> list[bytes]:
        """The values of the entry of a person of the cast."""
        return self.entries[self.places[f"{name}@example.com"]]

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if name in self.before:
            raise self.before[name]

    def check(self) -> str:
        self._called("check")
        return "It answers."

    def locate(self, identity: str) -> str:
        self._called("locate")
        if identity not in self.places:
            raise NoPlace("Nobody of this name.")
        return self.places[identity]

    def mark(self, item: Item) -> str:
        return hashlib.sha256(item.certificate).hexdigest()

    def put(self, place: str, item: Item, *, instead_of: Item | None = None) -> Put:
        self._called("put")
        values = self.entries[place]
        if item.certificate in values:
            return Put.WAS_THERE
        if instead_of is not None and instead_of.certificate in values:
            values.remove(instead_of.certificate)
            self.swaps += 1
        values.append(item.certificate)
        if "put" in self.after:
            raise self.after["put"]
        return Put.ADDED

    def look(self, place: str, item: Item) -> Presence:
        self._called("look")
        if not self.can_look:
            return Presence.UNKNOWN
        return Presence.THERE if item.certificate in self.entries[place] else Presence.ABSENT

    def take_back(self, place: str, item: Item) -> None:
        self._called("take_back")
        if item.certificate in self.entries[place]:
            self.entries[place].remove(item.certificate)
        if "take_back" in self.after:
            raise self.after["take_back"]

    def survey(self) -> Iterator[Held]:
        self._called("survey")
        for place, values in self.entries.items():
            yield Held(place, place, tuple(hashlib.sha256(each).hexdigest() for each in values))

    def close(self) -> None:
        """Nothing is open."""


def configured(**given: Any) -> TargetConfiguration:
    """A target named corp."""
    options = {
        "url": "ldaps://ldap.example.test",
        "bind_dn": "cn=publisher,dc=example,dc=test",
        "base": "dc=example,dc=test",
        "match": "mail",
    }
    return parse(NAME, {"kind": "ldap", "name": "Directory", "options": options} | given, secret=SECRET)


def install(monkeypatch: pytest.MonkeyPatch, settings: Any) -> FakeTarget:
    """The target corp, in which uma and sam have entries."""
    settings.TARGETS = {NAME: configured()}
    fake = FakeTarget()
    for name in ("uma", "sam"):
        fake.places[f"{name}@example.com"] = f"entry-of-{name}"
        fake.entries[f"entry-of-{name}"] = []
    monkeypatch.setitem(connectors.CONNECTORS, "ldap", lambda _configuration: fake)
    return fake


def mail_type(**fields: Any) -> TokenType:
    """A type with a certificate that mail can be encrypted to, and one that only authenticates."""
    profile("mail", **MAIL_KEY)
    return token_type("mail", profiles=("mail", "client"), **fields)


def administrator(name: str) -> Person:
    """A System Administrator, made where there is none of the name."""
    row = Person.objects.filter(personnel_number=f"P-{name}").first()
    return row or person(name, roles=(Role.SYSTEM_ADMINISTRATOR,), sid="")


def in_use(target: str, hold_back: HoldBack = HoldBack.ISSUED) -> TargetUse:
    """The target, for the type for mail, by two System Administrators."""
    asked = uses.ask(actor=administrator("sven"), target=target, type_code="mail", hold_back=hold_back)
    return uses.confirm(actor=administrator("nora"), use_id=asked.pk)


def switched_on(hold_back: HoldBack = HoldBack.ISSUED) -> TargetUse:
    """corp, for the type."""
    mail_type()
    return in_use(NAME, hold_back)


def token_of(company: Company, name: str = "uma") -> SoftwareToken:
    """A sealed token of the type."""
    request = issued(accepted(enabled(company.ada, getattr(company, name), mail_type())))
    return request.tokens.get()


def serve() -> None:
    """As a worker does when all is due that waits for another try."""
    now = timezone.now()
    planned = Placement.objects.filter(next_attempt_at__gt=now)
    planned.update(next_attempt_at=F("next_attempt_at") - timedelta(days=1))
    Target.objects.update(next_attempt_at=now, leased_until=None)
    for row in Target.objects.all():
        serving.serve(target_id=row.pk)


def review(token: SoftwareToken) -> None:
    """As the message does that follows each verb."""
    planning.review_token(token_id=token.pk)


def placement(token: SoftwareToken) -> Placement:
    """The only one of the token: of what encrypts."""
    return Placement.objects.get(certificate__token=token)
