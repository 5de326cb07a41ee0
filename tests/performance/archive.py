"""What an archived key costs: processor time of its intake, and the octets that its row holds.

An RSA-3072 key, sealed for one RSA-3072 recovery certificate and wrapped by the vault, as in the act of
step 6; the database is not asked.
"""

import time

from ca_bridge.contract import KeyAlgorithm
from ca_bridge.keys import keys, recovery_keys
from identity_manager.models import (
    Certificate,
    CertificateProfile,
    Person,
    RecoveryCertificate,
    SoftwareToken,
)
from identity_manager.workflow.archive import intake
from tests.performance.timing import percentile

WARM_UP = 20


def measured(number: int = 200) -> dict[str, dict[str, float]]:
    """Processor milliseconds of each key (the median), and the size of what is stored."""
    _private, content = recovery_keys.make("Bench", bits=3072, days=10)
    recipients = [RecoveryCertificate(certificate=content, transport="oaep-sha256")]
    token = SoftwareToken(person=Person())
    certificate = Certificate(token=token, profile=CertificateProfile(purpose="encryption"))
    key, milliseconds, size = keys.generate(KeyAlgorithm.RSA_3072), [], 0
    for _each in range(WARM_UP + number):
        began = time.process_time()
        row = intake.sealed(certificate, key, recipients)
        milliseconds.append((time.process_time() - began) * 1000)
        size = len(row.envelope_wrapped)
    median = percentile(milliseconds[WARM_UP:], 50)
    return {"figures": {"archive_intake_ms": median, "archived_key_octets": size}}
