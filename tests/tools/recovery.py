"""Recovery keys for tests: one ceremony for all of them, and certificates in force."""

from dataclasses import dataclass
from functools import cache

from ca_bridge.keys import recovery_keys
from ca_bridge.keys.recovery_keys import Circle, Document
from identity_manager.models import Person, RecoveryCertificate, Role
from identity_manager.workflow.archive import recovery_certificates
from tests.tools import cast

OFFICERS = ("rene", "rosa", "ruth")
HOLDERS = tuple(f"P-{name}" for name in OFFICERS)


def ceremony(number: int = 0) -> tuple[Document, Circle]:
    """The document of a ceremony with any two of rene, rosa and ruth, and their shares."""
    return _ceremony(number)


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


def in_force(staff: Officers, number: int = 0) -> RecoveryCertificate:
    """A recovery certificate that two officers have confirmed."""
    document, _circle = ceremony(number)
    row = recovery_certificates.bring_in(actor=staff.sven, content=document.to_json())
    for officer in (staff.rene, staff.rosa):
        row = recovery_certificates.confirm(
            actor=officer, certificate_id=row.pk, fingerprint=document.fingerprint
        )
    return row
