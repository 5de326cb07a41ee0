"""What an archived key costs: processor time of its intake, and the octets that its row holds.

An RSA-3072 key, sealed for one RSA-3072 recovery certificate and wrapped by the vault, as in the act of
step 6; the database is not asked.
"""

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
from tests.performance.timing import cpu_ms_of, percentile

WARM_UP = 20


def measured(number: int = 200) -> dict[str, dict[str, float]]:
    """Processor milliseconds of each key (the median), and the size of what is stored."""
    _private, content = recovery_keys.make("Bench", bits=3072, days=10)
    recipients = [RecoveryCertificate(certificate=content, transport="oaep-sha256")]
    token = SoftwareToken(person=Person())
    certificate = Certificate(token=token, profile=CertificateProfile(purpose="encryption"))
    key = keys.generate(KeyAlgorithm.RSA_3072)
    sizes = []

    def seal() -> None:
        sizes.append(len(intake.sealed(certificate, key, recipients).envelope_wrapped))

    milliseconds = [cpu_ms_of(seal) for _each in range(WARM_UP + number)][WARM_UP:]
    figures = {"archive_intake_ms": percentile(milliseconds, 50), "archived_key_octets": sizes[-1]}
    return {"figures": figures}
