"""The demo's online recovery key, with which archive and recovery can be tried without a ceremony.

This code confirms its fingerprint in the names of two Recovery Officers. So in the demo a confirmation proves
nothing about who can open archived keys.
"""

from identity_manager.demo.cast import CAST
from identity_manager.models import Person, RecoveryCertificate, Role
from identity_manager.vault import wrapping as vault
from identity_manager.workflow.archive import recovery_certificates

NAME = "Demo, online"
DAYS = 3650
RINGS = (vault.Purpose.ARCHIVE, vault.Purpose.RECOVERY_KEYS)


def put_in_force() -> bool:
    """Create and confirm it unless there ever was a recovery certificate; return whether it was created."""
    numbers = [each.personnel_number for each in CAST if each.role == Role.RECOVERY_OFFICER]
    officers = Person.objects.filter(personnel_number__in=numbers, account__isnull=False).order_by("pk")[:2]
    lacking = len(officers) < 2 or not all(map(vault.holds, RINGS))
    if lacking or RecoveryCertificate.objects.exists():
        return False
    row = recovery_certificates.make_online(name=NAME, bits=3072, days=DAYS)
    for officer in officers:
        recovery_certificates.confirm(actor=officer, certificate_id=row.pk, fingerprint=row.fingerprint)
    return True
