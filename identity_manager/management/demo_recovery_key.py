"""The demo's recovery key: an online one, so that archive and recovery can be tried without a ceremony.

Its two Recovery Officers confirm it here, in the name of nobody who has looked at the fingerprint. That is
why it is a demo: it proves nothing about who can open the keys.
"""

from identity_manager.demo.cast import CAST
from identity_manager.models import Person, RecoveryCertificate, Role
from identity_manager.vault import wrapping as vault
from identity_manager.workflow.archive import recovery_certificates

NAME = "Demo, online"
DAYS = 3650
RINGS = (vault.Purpose.ARCHIVE, vault.Purpose.RECOVERY_KEYS)


def put_in_force() -> bool:
    """Make it and confirm it twice, where there never was a recovery certificate; whether that was done."""
    numbers = [each.personnel_number for each in CAST if each.role == Role.RECOVERY_OFFICER]
    officers = Person.objects.filter(personnel_number__in=numbers, account__isnull=False).order_by("pk")[:2]
    lacking = len(officers) < 2 or not all(map(vault.holds, RINGS))
    if lacking or RecoveryCertificate.objects.exists():
        return False
    row = recovery_certificates.make_online(name=NAME, bits=3072, days=DAYS)
    for officer in officers:
        recovery_certificates.confirm(actor=officer, certificate_id=row.pk, fingerprint=row.fingerprint)
    return True
