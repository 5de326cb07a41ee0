"""What stands at the end of a walk, to be compared with one that nobody disturbed."""

from collections import Counter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from ca_bridge.connection import registry
from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.models import CaOrder, SurplusCertificate
from identity_manager.audit import sealing, verification
from identity_manager.jobs import sweep
from identity_manager.mail import mailbox, sending
from identity_manager.models import (
    ArchivedKey,
    AuditEvent,
    BatchLine,
    BatchOrder,
    BatchShard,
    Certificate,
    Container,
    OutgoingMail,
    SoftwareToken,
    TokenRequest,
)
from tests.kill_points.outside import ForgetfulAsked

SHOWN = "passphrase.shown"  # as often as it was clicked


def at_the_end() -> dict[str, Any]:
    """Everything that must be as if nothing had happened, and what must never be."""
    sealing.seal()
    return {
        "requests": _states(TokenRequest),
        "tokens": _states(SoftwareToken),
        "passphrases": SoftwareToken.objects.exclude(passphrase_wrapped=None).count(),
        "certificates": _states(Certificate),
        "keys": Certificate.objects.exclude(private_key_wrapped=None).count(),
        "archived": [(row.recipients.count(), row.purpose) for row in ArchivedKey.objects.all()],
        "orders": _states(CaOrder),
        "surplus": [row.revoked_at is not None for row in SurplusCertificate.objects.all()],
        "containers": sorted(
            f"{row.certificate.position} {row.format}"
            for row in Container.objects.select_related("certificate")
        ),
        "mails": sorted(
            f"{row.message} {row.person.given_name} {row.state}"
            for row in OutgoingMail.objects.select_related("person")
        ),
        "batches": [(row.state, row.counts) for row in BatchOrder.objects.all()],
        "lines": list(BatchLine.objects.order_by("position").values_list("position", "outcome")),
        "shards": BatchShard.objects.count(),
        "audit": dict(sorted(_events().items())),
        "broken chain": [finding.sentence for finding in verification.verify().findings],
        "stuck": _stuck(),
        **_at_the_ca(),
    }


def copies_of_mails() -> list[int]:
    """How often each mail that was sent lies at the mail server; every copy is the same to the byte."""
    directory = Path(settings.MAILBOX_DIR)
    copies: dict[str, list[bytes]] = {}
    for stored in mailbox.stored_messages():
        content = (directory / stored.name).read_bytes()
        copies.setdefault(str(stored.message["Message-ID"]), []).append(content)
    assert set(copies) == {sending.message_id(mail) for mail in OutgoingMail.objects.filter(state="sent")}
    different = {name for name, contents in copies.items() if len(set(contents)) > 1}
    assert not different, f"{different} is not the same mail each time"
    return sorted(len(contents) for contents in copies.values())


def _states(model: Any) -> list[str]:
    return sorted(model.objects.values_list("state", flat=True))


def _events() -> Counter[str]:
    events = Counter(AuditEvent.objects.values_list("name", flat=True))
    events[SHOWN] = min(events[SHOWN], 1)
    return events


def _stuck() -> list[str]:
    """What somebody seems to have still, or what is due."""
    trouble = []
    for task, rows in sweep.WORK.items():
        open_rows = rows().filter(Q(next_attempt_at__lte=timezone.now()) | Q(claim_id__isnull=False))
        trouble += [f"{task} {pk}" for pk in open_rows.values_list("pk", flat=True)]
    return trouble


def _at_the_ca() -> dict[str, Any]:
    """What the CA has issued and not revoked is what the database has, certificate for certificate."""
    connector: Any = registry.connector("corporate")
    if isinstance(connector, ForgetfulAsked):
        good, issued = connector.good(), len(connector.issued.read())
    else:
        rows = IssuedCertificate.objects.all()
        good, issued = [bytes(row.certificate) for row in rows.filter(revoked_at=None)], rows.count()
    ours = [row.der for row in Certificate.objects.filter(state="valid")]
    return {"good at the CA": sorted(good) == sorted(ours), "issued": issued}
