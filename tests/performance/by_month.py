"""How the audit log behaves when it is divided by month and holds very many events (PostgreSQL).

    python -m tests.performance.by_month --events 1000000 [--months 10]

SQL fills the months, with the product's columns and indexes. Hashes are made up, except those that are
verified: the end of the oldest month, and what the sealer seals. The server is this program's own, under
--place, and removed at the end; it fills without fsync. --least-free-gb stay free on the disk.

Measured are: an event in a transaction of its own, sealing, pages of the history, verification of the newest
events, and retention, which drops the oldest month.
"""

import argparse
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import django

from identity_manager.management.preparation import prepare
from tests.performance import machine, place
from tests.tools.postgres_server import own_postgres

FILLING = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "maintenance_work_mem": "512MB",
    "shared_buffers": "512MB",
    "max_wal_size": "2GB",
}
BYTES_PER_EVENT = 1_300  # more than what is measured: building indexes needs space, too


def main() -> None:
    options = arguments(sys.argv[1:])
    options.place.parent.mkdir(parents=True, exist_ok=True)
    look_at_the_disk(options, options.events)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was made is then removed, too
    with served(options.place) as url:
        os.environ.update(place.environment(options.place / "installation", DATABASE_URL=url))
        django.setup()
        prepare()
        from tests.performance import events_by_month  # its models are there after the setup

        report = {"machine": machine.facts(), **events_by_month.measured(options)}
    sys.stdout.write(json.dumps(report, indent=1) + "\n")


def arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=1_000_000, help="at least 1,000 for each month")
    parser.add_argument("--months", type=int, default=10, help="at least 3; the last one is the present one")
    parser.add_argument("--least-free-gb", type=float, default=12, help="what has to stay free on the disk")
    parser.add_argument("--place", type=Path, default=place.PLACE / "by-month", help="is removed at the end")
    options = parser.parse_args(words)
    if options.months < 3 or options.events < 1_000 * options.months:
        parser.error("Give at least 3 months, and 1,000 events for each.")
    if options.place.exists():
        parser.error(f"{options.place} is there already; it would be removed at the end.")
    return options


def look_at_the_disk(options: argparse.Namespace, events: int) -> None:
    """Refuse to write so many events where too little would stay free. Raises SystemExit."""
    free = shutil.disk_usage(options.place.parent).free / 1e9
    left = free - events * BYTES_PER_EVENT / 1e9
    if left < options.least_free_gb:
        raise SystemExit(
            f"{events:,} events would leave {left:.1f} GB of {free:.1f} GB free on the disk, "
            f"and {options.least_free_gb:g} GB have to stay free."
        )


@contextmanager
def served(directory: Path) -> Iterator[str]:
    """A server of our own, set for filling, whose data are removed at the end."""
    directory.mkdir(mode=0o711)
    try:
        with own_postgres(directory) as (server, _url):
            for name, value in FILLING.items():
                server.psql(f"ALTER SYSTEM SET {name} = '{value}';")
        with own_postgres(directory) as (_server, url):
            yield url
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
