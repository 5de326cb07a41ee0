"""How long a directory takes: all persons of an OpenLDAP server, then 1,000 changes, by a worker's own verb.

    python -m tests.performance.directory --persons 100000 --out FILE

An installation of its own, and slapd on this machine: reading, staging, writing and the audit log are timed
together. The entries were changed last at moments all over a year, as in a company: a run of changes reads
from some minutes before the newest of them. Memory is what the process has grown by at its peak.

--driven: in the installation that is there. Before each run the process writes READY and waits for a line of
its standard input, after it it writes ENDED (pages_beside_directory.py).
"""

import argparse
import gc
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import django

from tests.performance import place

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


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--persons", type=int, default=100_000)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--driven", action="store_true")
    options = parser.parse_args()
    if not options.driven:
        place.make_database_anew(dict(os.environ))
    django.setup()
    sync = run_when_asked if options.driven else run
    with tempfile.TemporaryDirectory() as folder:
        report = measured(options.persons, Path(folder), sync=sync)
    options.out.write_text(json.dumps(report), encoding="utf-8")


def measured(number: int, folder: Path, *, sync: Callable[[str], float]) -> dict[str, Any]:
    from django.core.management import call_command

    from tests.tools import slapd

    call_command("migrate", verbosity=0)
    with slapd.running(folder, entries(number)) as server:
        configure(server)
        before, begun = peak_from_now(), time.process_time()
        first = sync("")
        grown = peak() - before
        changes = min(CHANGES, number)
        server.modify(
            "".join(
                f"dn: uid=p{each},ou=people,{slapd.SUFFIX}\nchangetype: modify\n"
                f"replace: departmentNumber\ndepartmentNumber: Sales\n\n"
                for each in range(changes)
            )
        )
        used = time.process_time()
        return {
            "persons": number,
            "seconds": first,
            "processor_seconds": used - begun,
            "grown_mb": grown,
            "changes_s": sync("changes"),
            "changes_processor_s": time.process_time() - used,
        }


def entries(number: int) -> str:
    """LDIF of so many persons, ten to a manager."""
    from tests.tools import slapd

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
    from django.conf import settings

    from identity_manager.directory.configuration import parse
    from identity_manager.workflow.people import directory_runs
    from tests.tools import slapd

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
    _say(READY)
    sys.stdin.readline()
    seconds = run(mode)
    _say(ENDED)
    return seconds


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def run(mode: str) -> float:
    """Seconds of a run, with all of its sessions."""
    from django.utils import timezone

    from identity_manager.models import DirectoryRun, DirectorySource, RunState
    from identity_manager.workflow.people import directory_runs

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
    return peak()


def peak() -> float:
    """Megabytes of this process at its peak."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text(encoding="ascii"))
    if found is None:
        raise RuntimeError("The system does not say how much memory a process had.")
    return int(found[1]) / 1024


if __name__ == "__main__":
    main()
