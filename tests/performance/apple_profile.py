"""How long a configuration profile takes: three certificates with RSA-3072 keys, mail account, signed.

    python -m tests.performance.apple_profile --profiles 200 --out FILE

The chain is looked through and the certificates are read as for a person's download; the database is not
asked.
"""

import argparse
import json
import time
import uuid
from pathlib import Path
from statistics import quantiles
from typing import Any

import django

WARM_UP, IDENTITIES = 20, 3
CONTAINER_OCTETS = 6_000  # of one with an RSA-3072 key and its issuing CA


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--profiles", type=int, default=200)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    django.setup()
    options.out.write_text(json.dumps(measured(options.profiles)), encoding="utf-8")


def measured(number: int) -> dict[str, float]:
    """The 95th percentile of the processor milliseconds of a profile, and its octets."""
    from ca_bridge.keys import recovery_keys
    from ca_bridge.pkcs12 import apple_profile
    from ca_bridge.x509 import certificates, chains

    private, content = recovery_keys.make("Bench", bits=3072, days=10)
    signer = apple_profile.Signer(private, [certificates.load(content)])
    servers = (
        apple_profile.MailServer("imap.example.com", 993),
        apple_profile.MailServer("smtp.example.com", 587),
    )
    milliseconds, octets = [], 0
    for _each in range(WARM_UP + number):
        began = time.process_time()
        owner = uuid.uuid4()
        identities = [_identity(apple_profile, owner, place) for place in range(IDENTITIES)]
        for _certificate in identities:
            certificates.describe(content)
            chains.root_of(content, [content], trusted=[content])
        account = apple_profile.MailAccount(
            "uma@example.com", "Uma", *servers, signing=owner, encryption=owner
        )
        profile = apple_profile.Profile(
            "com.example.token", owner, "Bench", "Bench", [content], identities, account
        )
        octets = len(apple_profile.build(profile, signer))
        milliseconds.append((time.process_time() - began) * 1000)
    return {"p95_ms": quantiles(milliseconds[WARM_UP:], n=20)[-1], "octets": octets}


def _identity(apple_profile: Any, owner: uuid.UUID, place: int) -> Any:
    own = uuid.uuid5(owner, str(place))
    return apple_profile.Identity(own, f"Certificate {place}", f"{place}.p12", bytes(CONTAINER_OCTETS))


if __name__ == "__main__":
    main()
