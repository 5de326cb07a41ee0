"""Recovery keys for tests: one ceremony for all of them, and certificates in force."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any
from unittest import mock

from allauth.mfa.models import Authenticator
from django.utils import timezone

from ca_bridge.keys import recovery_keys
from ca_bridge.keys.recovery_keys import Circle, Document
from identity_manager.models import (
    Account,
    ArchivedKey,
    NamedArchiving,
    Person,
    RecoveryCertificate,
    Role,
    TokenType,
)
from identity_manager.workflow.archive import recovery_certificates
from tests.tools import cast
from tests.tools.cast import Company

OFFICERS = ("rene", "rosa", "ruth")
HOLDERS = tuple(f"P-{name}" for name in OFFICERS)


def ceremony(number: int = 0) -> tuple[Document, Circle]:
    """The document of a ceremony with any two of rene, rosa and ruth, and their shares."""
    return _ceremony(number)


_made = cache(recovery_keys.make)


@cache
def _ceremony(number: int) -> tuple[Document, Circle]:
    private, certificate = recovery_keys.make(f"Recovery {number}", bits=3072, days=3650)
    circle = recovery_keys.new_circle(HOLDERS, needed=2)
    return recovery_keys.wrap(private, certificate, circle), circle


@dataclass
class Officers:
    """Three Recovery Officers, and the System Administrator who brings certificates in."""

    rene: Person
    rosa: Person
    ruth: Person
    sven: Person


def officers() -> Officers:
    return Officers(
        *(cast.person(name, sid="", roles=(Role.RECOVERY_OFFICER,)) for name in OFFICERS),
        sven=cast.person("sven", sid="", roles=(Role.SYSTEM_ADMINISTRATOR,)),
    )


def archiving_type(code: str = "encryption", **fields: Any) -> TokenType:
    """A type that archives the keys of its one profile, under terms that say so."""
    cast.terms().versions.update(names_archiving=NamedArchiving.ENCRYPTION)
    profile = cast.profile("encrypting", purpose="encryption", key_usage=["keyAgreement"])
    return cast.token_type(code, **({"profiles": (profile.code,), "archive_key": True} | fields))


def in_force(staff: Officers, number: int = 0) -> RecoveryCertificate:
    """A recovery certificate of the officers that two of them have confirmed."""
    document, _circle = ceremony(number)
    return _confirmed(staff, recovery_certificates.bring_in(actor=staff.sven, content=document.to_json()))


def online_in_force(staff: Officers, name: str = "Online") -> RecoveryCertificate:
    """The recovery certificate of a key that workers hold: made once in a process, for its time."""
    with mock.patch.object(recovery_keys, "make", _made):
        row = recovery_certificates.make_online(name=name, bits=3072, days=3650)
    return _confirmed(staff, row)


def _confirmed(staff: Officers, row: RecoveryCertificate) -> RecoveryCertificate:
    for officer in (staff.rene, staff.rosa):
        row = recovery_certificates.confirm(actor=officer, certificate_id=row.pk, fingerprint=row.fingerprint)
    return row


def archived_key(company: Company, code: str = "encryption", *, owner: Person | None = None) -> ArchivedKey:
    """The archived key of a token of that type that its owner (uma) has got and noted."""
    target = owner or company.uma
    request = cast.accepted(cast.enabled(company.ada, target, archiving_type(code)))
    cast.delivered(cast.issued(request))
    cast.noted(request.tokens.get())
    return ArchivedKey.objects.get(certificate__token__request=request)


def factor_of(person: Person, *, days: float = 8) -> int:
    """A second factor of the person that was registered so many days ago."""
    account = Account.objects.filter(person=person).first()
    if account is None:
        account = Account.objects.create_account(username=person.email, person=person, password=None)
    row = Authenticator.objects.create(user=account, type=Authenticator.Type.WEBAUTHN, data={"name": "key"})
    Authenticator.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(days=days))
    return int(row.pk)
