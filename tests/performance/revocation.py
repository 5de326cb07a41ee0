"""How long it takes to revoke very many certificates of the embedded CA, and to sign a long CRL.

An installation of its own, with so many Active persons and a token of each. Timed is the decision (by the
verb of a batch order that revokes, a hundred tokens in a transaction), then the worker, message
after message, until the published CRL is seen to name them all. Then a CRL of so many entries is signed.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from django.db import transaction
from django.utils import timezone

from ca_bridge.connection import registry
from ca_bridge.connectors.embedded import crls
from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.contract import RevocationReason
from identity_manager.jobs import schedule
from identity_manager.models import Certificate, SoftwareToken
from identity_manager.workflow.revocation import revoke
from tests.performance import people
from tests.performance.timing import seconds_of

CHUNK = 100
CA = "corporate"


def measured(number: int, entries: int) -> dict[str, Any]:
    people.give_tokens(people.make(number), "vpn")
    issued(list(Certificate.objects.order_by("pk")))
    officer = people.officer()
    decided = seconds_of(lambda: decide(officer, number))
    told = seconds_of(carry_out)
    listed = seconds_of(read_crls)
    if Certificate.objects.exclude(on_crl_at=None).count() != number:
        raise RuntimeError("not all of them are on the CRL")
    figures = {
        "revoke_decided_10000_s": decided * 10_000 / number,
        "revoke_on_crl_10000_s": (told + listed) * 10_000 / number,
        "crl_100000_s": crl_seconds(entries) * 100_000 / entries,
    }
    return {"figures": figures, "tokens": number, "entries": entries}


def decide(actor: Any, number: int) -> None:
    ids = list(SoftwareToken.objects.order_by("request_id").values_list("pk", flat=True))
    for begin in range(0, number, CHUNK):
        with transaction.atomic():
            revoke.revoke_tokens(
                actor=actor,
                token_ids=ids[begin : begin + CHUNK],
                reason=RevocationReason.SUPERSEDED,
                with_encryption=False,
            )


def carry_out() -> None:
    """The messages of all, in their order: most find that others have done it."""
    for pk in list(Certificate.objects.to_be_revoked().values_list("pk", flat=True)):
        revoke.revoke_at_ca(certificate_id=pk)


def read_crls() -> None:
    job = schedule.named("ca.read_crls")
    assert job is not None
    while job.run():
        pass


def issued(rows: list[Any]) -> None:
    """Have the CA know these certificates: small ones, whose signature nobody looks at."""
    issuer = x509.load_der_x509_certificate(registry.connector(CA).chain()[0]).subject
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    builder = x509.CertificateBuilder().issuer_name(issuer).subject_name(issuer).public_key(key.public_key())
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=20))
    known = []
    for number, row in enumerate(rows, 1):
        made = builder.serial_number(number).sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
        row.certificate, row.serial, row.issuer = made, f"{number:04x}", issuer.rfc4514_string()
        known.append(
            IssuedCertificate(
                ca=CA,
                request_id=str(number),
                public_key_sha256=str(number),
                serial_hex=f"{number:x}",
                certificate=made,
                not_after=row.not_after,
            )
        )
    Certificate.objects.bulk_update(rows, ["certificate", "serial", "issuer"], batch_size=500)
    IssuedCertificate.objects.bulk_create(known, batch_size=500)


def crl_seconds(entries: int) -> float:
    """Seconds that a CRL with so many entries takes, from the register to the row that is published."""
    now = timezone.now()
    missing = range(entries - IssuedCertificate.objects.exclude(revoked_at=None).count())
    rows = (
        IssuedCertificate(
            ca=CA,
            request_id=f"more/{number}",
            public_key_sha256=f"more/{number}",
            serial_hex=f"{2**150 + number:x}",
            certificate=b"",
            not_after=now + timedelta(days=20),
            revoked_at=now,
            reason="superseded",
        )
        for number in missing
    )
    IssuedCertificate.objects.bulk_create(rows, batch_size=1_000)
    connector: Any = registry.connector(CA)
    signer = connector._authority.issuing
    return seconds_of(lambda: crls.renew(CA, signer))
