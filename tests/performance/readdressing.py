"""How long it takes to seal for another recovery certificate what was sealed for a retired one.

An installation of its own with so many archived keys, sealed for an RSA-3072 key that is retired. Timed is
the worker's part, until nothing is left: the outer layer comes off, the content key is decrypted and
encrypted again (the key of the person stays closed), the row is wrapped and stored. The envelope is the same
in all rows, for its length is that of every key; each row is wrapped by itself. Officers' shares last for
half an hour, so what takes longer takes more sessions.
"""

import secrets
import time
from typing import Any

from ca_bridge.contract import KeyAlgorithm
from ca_bridge.keys import envelopes, keys
from identity_manager.models import ArchivedKey, ArchivedKeyRecipient, Person, RecoveryCertificate
from identity_manager.vault import wrapping as vault
from identity_manager.workflow.archive import readdressing, recovery_certificates
from tests.tools import recovery

AT_ONCE = 1_000


def measured(number: int) -> dict[str, Any]:
    staff = recovery.officers()
    former = recovery.online_in_force(staff, "Former")
    archive(number, former)
    recovery.online_in_force(staff, "Present")
    recovery_certificates.retire(actor=staff.rene, certificate_id=former.pk)
    retired = RecoveryCertificate.objects.get(pk=former.pk)
    began, used, moved = time.perf_counter(), time.process_time(), 0
    while readdressing.left(retired).exists():
        some = readdressing.readdress_next()  # for a minute
        if not isinstance(some, int) or not some:
            raise RuntimeError(f"{moved} of {number} were re-addressed: {some}")
        moved += some
    seconds, processor = time.perf_counter() - began, time.process_time() - used
    figures = {"readdressing_100000_min": seconds / 60 * 100_000 / moved}
    return {"figures": figures, "keys": moved, "processor_seconds": processor}


def archive(number: int, certificate: Any) -> None:
    """So many archived keys of one person, sealed for this recovery certificate."""
    owner = Person.objects.create(personnel_number="owner", given_name="Olga", surname="Owner")
    envelope = envelopes.seal(keys.to_pkcs8(keys.generate(KeyAlgorithm.RSA_3072)), [certificate.recipient])
    for start in range(0, number, AT_ONCE):
        rows = [
            ArchivedKey(owner=owner, public_key_sha256=secrets.token_hex(32))
            for _each in range(min(AT_ONCE, number - start))
        ]
        for row in rows:
            row.envelope_wrapped = vault.wrap(
                envelope, purpose=vault.Purpose.ARCHIVE, record=row.pk, owner=row.owner_id
            )
        ArchivedKey.objects.bulk_create(rows)
        ArchivedKeyRecipient.objects.bulk_create(
            ArchivedKeyRecipient(key=row, certificate=certificate) for row in rows
        )
