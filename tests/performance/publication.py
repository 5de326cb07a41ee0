"""How long certificates take to a directory and back, and how long a comparison with all of it takes.

An installation of its own, and slapd on this machine with so many entries; the certificates are those of the
first. A worker's own verb puts them there and takes them back, with journal and audit log. Then every entry
gets a value, of which the first are ours, and the survey of the night reads all. Memory is what the process
has grown by at its peak meanwhile.
"""

import base64
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.utils import timezone

from identity_manager.models import Certificate, DriftRun, Placement, Target
from identity_manager.targets.configuration import parse
from identity_manager.workflow.targets import drift, serving
from tests.performance import people, processes
from tests.performance.directory import peak_from_now
from tests.tools import slapd
from tests.tools.x509 import person_certificate

CODE = "encryption"


def measured(number: int, entries: int) -> dict[str, Any]:
    entries = max(entries, number)
    people.give_tokens(people.make(number), CODE)
    emails = give_certificates()
    ldif = "".join(persons(emails, entries))
    with TemporaryDirectory() as folder, slapd.running(Path(folder), ldif) as server:
        target = switch_on(server)
        publish_s = served(target, "there", number)
        stranger_values(server, emails, entries)
        before, began = peak_from_now(), time.perf_counter()
        run = drift.survey(Target.objects.get())
        drift_s = time.perf_counter() - began
        if run.error or run.read != entries or DriftRun.objects.count() != 1:
            raise RuntimeError(f"{run.read} of {entries} were read: {run.error}")
        grown = processes.peak_memory_mb(os.getpid()) - before
        Placement.objects.update(wanted=False, next_attempt_at=run.started_at)
        figures = {
            "publish_10000_s": publish_s * 10_000 / number,
            "take_back_10000_s": served(target, "gone", number) * 10_000 / number,
            "drift_100000_s": drift_s * 100_000 / entries,
            "drift_memory_mb": grown,
        }
        return {"figures": figures, "certificates": number, "entries": entries}


def give_certificates() -> list[str]:
    """Each token's certificate for encryption gets bytes of its own; returns the addresses of the holders."""
    rows = list(Certificate.objects.filter(profile__purpose="encryption").select_related("token__person"))
    for serial, row in enumerate(rows, start=1):
        row.certificate = person_certificate(serial)
        row.fingerprint_sha256 = hashlib.sha256(row.certificate).hexdigest()
    Certificate.objects.bulk_update(rows, ["certificate", "fingerprint_sha256"], batch_size=500)
    return [row.token.person.email for row in rows]


def persons(emails: list[str], entries: int) -> Iterator[str]:
    for number in range(entries):
        entry = slapd.person(number)
        if number < len(emails):
            entry = entry.replace(f"p{number}@example.com", emails[number])
        yield entry


def switch_on(server: Any) -> Any:
    """The target, with a placement of each certificate, as the sealing writes it."""
    options = {
        "url": f"ldaps://{slapd.HOST}:{server.tls_port}",
        "ca_file": server.certificate,
        "bind_dn": slapd.PUBLISHER,
        "base": slapd.SUFFIX,
        "match": "mail",
        "flavour": "generic",
    }
    settings.TARGETS = {"bench": parse("bench", {"kind": "ldap", "options": options}, secret=slapd.PASSWORD)}
    now = timezone.now()
    target = Target.objects.create(name="bench", next_attempt_at=now)
    rows = Certificate.objects.filter(profile__purpose="encryption")
    Placement.objects.bulk_create(
        (Placement(target=target, certificate=row, wanted=True, next_attempt_at=now) for row in rows),
        batch_size=500,
    )
    return target


def served(target: Any, state: str, number: int) -> float:
    """Seconds until all are in this state, by the task's verb, as often as its time is over."""
    began = time.perf_counter()
    while Placement.objects.filter(next_attempt_at__isnull=False).exists():
        serving.serve(target_id=target.pk)
    seconds = time.perf_counter() - began
    if Placement.objects.filter(state=state).count() != number:
        raise RuntimeError(f"not all of {number} are {state}")
    return seconds


def stranger_values(server: Any, emails: list[str], entries: int) -> None:
    """Every other entry gets a value that is not ours."""
    value = base64.b64encode(person_certificate(9_000_000)).decode()
    changes = "".join(
        f"dn: uid=p{number},ou=people,{slapd.SUFFIX}\nchangetype: modify\nadd: userCertificate;binary\n"
        f"userCertificate;binary:: {value}\n\n"
        for number in range(len(emails), entries)
    )
    if changes:
        server.modify(changes)
