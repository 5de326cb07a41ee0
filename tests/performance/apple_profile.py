"""How long a configuration profile takes: three certificates with RSA-3072 keys, mail account, signed.

The chain is looked through and the certificates are read as for a person's download; the database is not
asked.
"""

import uuid
from typing import Any

from ca_bridge.keys import recovery_keys
from ca_bridge.pkcs12 import apple_profile
from ca_bridge.x509 import certificates, chains
from tests.performance.timing import cpu_ms_of, percentile

WARM_UP, IDENTITIES = 20, 3
CONTAINER_OCTETS = 6_000  # of one with an RSA-3072 key and its issuing CA


def measured(number: int = 200) -> dict[str, Any]:
    """The 95th percentile of the processor milliseconds of a profile, and its octets."""
    private, content = recovery_keys.make("Bench", bits=3072, days=10)
    signer = apple_profile.Signer(private, [certificates.load(content)])
    servers = (
        apple_profile.MailServer("imap.example.com", 993),
        apple_profile.MailServer("smtp.example.com", 587),
    )
    octets = []

    def build() -> None:
        owner = uuid.uuid4()
        identities = [_identity(owner, place) for place in range(IDENTITIES)]
        for _certificate in identities:
            certificates.describe(content)
            chains.root_of(content, [content], trusted=[content])
        account = apple_profile.MailAccount(
            "uma@example.com", "Uma", *servers, signing=owner, encryption=owner
        )
        profile = apple_profile.Profile(
            "com.example.token", owner, "Bench", "Bench", [content], identities, account
        )
        octets.append(len(apple_profile.build(profile, signer)))

    milliseconds = [cpu_ms_of(build) for _each in range(WARM_UP + number)][WARM_UP:]
    return {"figures": {"apple_profile_p95_ms": percentile(milliseconds, 95)}, "octets": octets[-1]}


def _identity(owner: uuid.UUID, place: int) -> apple_profile.Identity:
    own = uuid.uuid5(owner, str(place))
    return apple_profile.Identity(own, f"Certificate {place}", f"{place}.p12", bytes(CONTAINER_OCTETS))
