"""How long a directory takes: all persons of an OpenLDAP server, then 1,000 changes, by a worker's own verb.

An installation of its own, and slapd on this machine: reading, staging, writing and the audit log are timed
together. The entries were changed last at moments all over a year, as in a company: a run of changes reads
from some minutes before the newest of them. Memory is what the process has grown by at its peak.
"""

import gc
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.utils import timezone

from identity_manager.directory.configuration import parse
from identity_manager.models import DirectoryRun, DirectorySource, RunState
from identity_manager.workflow.people import directory_runs
from tests.performance import processes
from tests.performance.part import say
from tests.tools import slapd

CHANGES = 1_000
READY, ENDED = "ready", "ended"
FIELDS = {
    "personnel_number": "employeeNumber",
    "given_name": "givenName",
    "surname": "sn",
    "email": "mail",
    "department": "departmentNumber",
    "manager": "manager",
}


def measured(number: int) -> dict[str, Any]:
    """Seconds and memory of both runs, each begun at once."""
    return _measured(number, run)


def measured_when_asked(number: int) -> dict[str, Any]:
    """The same; each run waits for a line of standard input, between the words READY and ENDED."""
    return _measured(number, run_when_asked)


def _measured(number: int, sync: Callable[[str], float]) -> dict[str, Any]:
    with TemporaryDirectory() as folder, slapd.running(Path(folder), entries(number)) as server:
        configure(server)
        before, begun = peak_from_now(), time.process_time()
        first = sync("")
        grown = processes.peak_memory_mb(os.getpid()) - before
        changes = min(CHANGES, number)
        server.modify(
            "".join(
                f"dn: uid=p{each},ou=people,{slapd.SUFFIX}\nchangetype: modify\n"
                f"replace: departmentNumber\ndepartmentNumber: Sales\n\n"
                for each in range(changes)
            )
        )
        used = time.process_time()
        figures = {
            "directory_100000_min": first * 100_000 / number / 60,
            "directory_changes_s": sync("changes"),
            "directory_memory_mb": grown,
        }
        return {
            "figures": figures,
            "persons": number,
            "seconds": first,
            "processor_seconds": used - begun,
            "changes_processor_s": time.process_time() - used,
        }


def entries(number: int) -> str:
    """LDIF of so many persons, ten to a manager."""
    now, step = datetime.now(UTC), timedelta(days=365) / number
    return "".join(
        slapd.person(
            each,
            manager=each // 10 if each else None,
            more=f"modifyTimestamp: {now - (each + 1) * step:%Y%m%d%H%M%SZ}\n",
        )
        for each in range(number)
    )


def configure(server: Any) -> None:
    given = {
        "url": f"ldaps://{slapd.HOST}:{server.tls_port}",
        "ca_file": server.certificate,
        "bind_dn": slapd.ADMIN,
        "base": f"ou=people,{slapd.SUFFIX}",
        "flavour": "generic",
    }
    source = {"kind": "ldap", "fields": FIELDS, "options": given}
    settings.DIRECTORY_SOURCES = {"bench": parse("bench", source, secret=slapd.PASSWORD)}
    directory_runs.continue_runs()


def run_when_asked(mode: str) -> float:
    """The same, begun by a line of standard input."""
    say(READY)
    sys.stdin.readline()
    seconds = run(mode)
    say(ENDED)
    return seconds


def run(mode: str) -> float:
    """Seconds of a run, with all of its sessions."""
    source = DirectorySource.objects.get()
    began = time.perf_counter()
    DirectorySource.objects.update(next_attempt_at=timezone.now(), wanted=mode)
    directory_runs.run(source_id=source.pk)
    while DirectoryRun.objects.filter(state=RunState.APPLYING).exists():
        DirectorySource.objects.update(next_attempt_at=timezone.now())
        directory_runs.run(source_id=source.pk)
    seconds = time.perf_counter() - began
    last = DirectoryRun.objects.order_by("-started_at").first()
    if last is None or last.state != RunState.DONE:
        raise RuntimeError(f"The run is not done: {last and (last.state, last.error, last.stop_code)}")
    return seconds


def peak_from_now() -> float:
    """Megabytes that this process has in memory, from which on its peak is noted (proc_pid_clear_refs(5))."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return processes.peak_memory_mb(os.getpid())
