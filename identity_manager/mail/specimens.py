"""Sample mails for the catalogue of mail texts, from made-up persons and tokens. Nothing is read or saved.

Every registered mail is made with samples of its parameters' types.
"""

import types
from datetime import datetime, timedelta
from typing import Any, get_args, get_origin, get_type_hints

from django.db import models
from django.utils import timezone
from django.utils.functional import Promise

from identity_manager.mail import (
    account_messages,
    batch_messages,
    directory_messages,
    installation_messages,
    person_messages,
    recovery_messages,
    report_messages,
    request_messages,
    role_messages,
    standing_order_messages,
    terms_messages,
    token_messages,
)
from identity_manager.mail.registry import MAILS
from identity_manager.models import (
    Certificate,
    CertificateProfile,
    Container,
    IdentityChange,
    OutgoingMail,
    Person,
    SoftwareToken,
    TokenRequest,
    TokenType,
)

# The modules of mails, in the order in which their mails are listed.
SUBJECTS = (
    request_messages,
    batch_messages,
    standing_order_messages,
    token_messages,
    installation_messages,
    recovery_messages,
    person_messages,
    directory_messages,
    role_messages,
    terms_messages,
    report_messages,
    account_messages,
)
FORMAT = "standard"
ANY_TEXT = "…"  # stands for any free text


class Rows(list[Any]):
    """A list in place of a related manager; filters return everything."""

    def _same(self, *_args: Any, **_conditions: Any) -> "Rows":
        return self

    all = filter = exclude = select_related = prefetch_related = order_by = distinct = defer = only = _same

    def first(self) -> Any:
        return self[0] if self else None

    def exists(self) -> bool:
        return bool(self)


def names() -> list[str]:
    """Every mail, subject by subject, whatever was imported first; within one, as its module defines them."""
    return [
        name
        for subject in SUBJECTS
        for name, kind in MAILS.items()
        if kind.make.__module__ == subject.__name__
    ]


def specimen(name: str, *, language: str) -> OutgoingMail:
    """The sample of that mail in that language, unsaved. Raises KeyError for an unknown name."""
    message, world = MAILS[name].make, World(language)
    hints = get_type_hints(message)
    hints.pop("return")
    return message(**{key: world.value(key, hint) for key, hint in hints.items()})


class World:
    """The sample person, request, token and one row of every other model, and the acting officer."""

    def __init__(self, language: str) -> None:
        self.person = _person("Zoë", "Brandstætter-Óskarsdóttir", language)
        self.officer = _person("Ada", "Bergström", language)
        self.token_type = TokenType(
            code="vpn", name="VPN", description="Connects your device to the company network from anywhere."
        )
        profile = CertificateProfile(code="vpn", name="VPN", purpose="authentication")
        self.request = TokenRequest(
            person=self.person,
            requested_by=self.officer,
            delivery_address=self.person.email,
            purpose=ANY_TEXT,
            accept_before=timezone.now() + timedelta(days=30),
            reason=ANY_TEXT,
        )
        self.token = SoftwareToken(
            request=self.request,
            person=self.person,
            token_type=self.token_type,
            snapshot={},
            passphrase_destroy_at=timezone.now() + timedelta(days=14),
            passphrase_shown_at=timezone.now(),
            reason=ANY_TEXT,
        )
        certificate = Certificate(token=self.token, profile=profile)
        self.container = Container(
            token=self.token,
            certificate=certificate,
            format=FORMAT,
            file_name="vpn-brandstaetter.p12",
            downloaded_at=timezone.now(),
        )
        _give(self.token, containers=Rows([self.container]), certificates=Rows([certificate]))
        _give(self.request, tokens=Rows([self.token]))
        self.known: dict[type, Any] = {
            Person: self.officer,
            TokenRequest: self.request,
            SoftwareToken: self.token,
            TokenType: self.token_type,
            Container: self.container,
            Certificate: certificate,
        }

    def value(self, name: str, hint: Any) -> Any:
        """A sample of that type; a parameter named person is the mail's subject."""
        if hint is Person and name == "person":
            return self.person
        if get_origin(hint) is types.UnionType:
            return self.value(name, get_args(hint)[0])
        if get_origin(hint) is not None:
            return Rows([self.value(name, each) for each in get_args(hint)[:1]])
        return self._plain(name, hint)

    def _plain(self, name: str, hint: Any) -> Any:
        words = {"container_format": FORMAT, "reason": ANY_TEXT, "why": ANY_TEXT}
        plain = {
            str: words.get(name, "VPN"),
            int: 3,
            bool: True,
            Promise: ANY_TEXT,
            datetime: timezone.now(),
        }
        if hint in plain:
            return plain[hint]
        if hint not in self.known:
            self.known[hint] = self._row(hint)
        return self.known[hint]

    def _row(self, kind: type[models.Model]) -> models.Model:
        """A sample row of any other model, related to this world's rows."""
        values: dict[str, Any] = {}
        for field in kind._meta.concrete_fields:
            if isinstance(field, models.ForeignKey):
                values[field.name] = self._related(field)
            elif isinstance(field, models.JSONField) and kind is IdentityChange:
                values[field.name] = {"email": f"{field.name}.address@example.com"}
            elif isinstance(field, models.TextField) and not field.choices:
                values[field.name] = ANY_TEXT
            elif isinstance(field, models.DateTimeField):
                values[field.name] = timezone.now()
        return kind(**values)

    def _related(self, field: "models.ForeignKey[Any, Any]") -> Any:
        kind = field.related_model
        if kind is Person:
            return self.person if field.name == "person" else self.officer
        return self.known.get(kind) if isinstance(kind, type) else None


def _person(given_name: str, surname: str, language: str) -> Person:
    row = Person(
        personnel_number="10042",
        given_name=given_name,
        surname=surname,
        display_name=f"{given_name} {surname}",
        email="zoe.brandstaetter@example.com",
        organisational_unit="North",
        language=language,
    )
    _give(row, roles=Rows())
    return row


def _give(row: models.Model, **related: Rows) -> None:
    """Put sample rows in the place of the row's related managers."""
    row._prefetched_objects_cache = dict(related)  # type: ignore[attr-defined]  # where Django keeps it
