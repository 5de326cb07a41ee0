"""Writes docs/reference/performance.md from var/bench.json: `python -m tests.performance.document`."""

import json
import sys
from pathlib import Path
from typing import Any

from tests.performance import machine
from tests.performance.figures import ENGINES, FIGURES, Figure
from tests.performance.place import ROOT

PAGE = ROOT / "docs" / "reference" / "performance.md"
INTRODUCTION = """# Performance

<!-- Written by `python -m tests.performance.document`; what is changed here by hand is overwritten. -->

`make bench` measures these figures on PostgreSQL and on SQLite, with data that it makes itself, and prints
them beside their goals: `SCALE=small` (20,000 persons and requests) takes about eight minutes on two
cores, `SCALE=full` takes 1,000,000 persons and requests, 3,000,000 certificates and 10,000,000 events of the
audit log.

A ratio compares two things that were measured side by side, on the same cores and over the same recorded list
of keys. The *whole road* is what a token takes from **Accept** to the mail that is queued: the verbs, worker
processes, database and broker. The *bare loop* does the same cryptography and the same mandatory checks (key,
request, lints before and after, signature, both containers, the second reader) and nothing else. With one
worker process everything has one core, database and broker included, and so has the loop.
"""

REMARKS = """## Where goals are missed, and why

- **The machine.** Every figure by the clock goes by it. On 2 cores of an Intel Xeon that made 15 to 20 tokens
  a second in the bare loop (`bare_per_s`), the day before this run, `road_overhead_ms` was 56 and 42,
  `search_p95_ms` 42 and 25, `enable_10000_s` 32 and 39, `page_p95_ms` 90 and 73, `pages_per_s` 81 and 97,
  `restart_p95_s` 3.9 and 4.2 (PostgreSQL and SQLite); the ratios were the same within what runs differ. Where
  a figure below comes from that machine, it says *the slower machine*.
- **The whole road over the bare loop.** What the road does beyond cryptography is mostly the database:
  some 55 statements for each token (`tests/performance/test_statements.py` counts them), in six
  transactions, because a crash at any point must lose nothing and issue nothing twice. The SQL of most is
  made without Django's queries (decision 26), workers prepare them, and little is read that is known already.
  Of the milliseconds beyond
  the loop on PostgreSQL, by process: a quarter is the server's, a sixth that of the web process that
  accepts, a twentieth the broker's and that of Celery's parent process; the rest, more than half, is the
  worker's, for the driver, the objects of rows, the register of the CA and the mail. Rows are locked and
  read afresh in each transaction, and every step is in the audit log. What is left would need fewer
  transactions, that is, a weaker promise. With RSA keys the keys take most of the time, so the road weighs
  less.
- **Two workers.** SQLite has one writer. Half of a token's work was done under its lock, and who waited for
  it looked again after up to 100 ms; both were mended after this run (decision 31): of 63 ms of processor
  time 17 to 19 are spent under the lock now, instead of 30. Two whole runs since, beside other work,
  found 0.95 and 0.82 on SQLite, 0.89 and 1.08 on PostgreSQL, where eight runs on the slower machine had
  found 0.84 to 1.04: how quick it is changed by a third within a run. `growth_ratio` of SQLite was
  between 0.89 and 1.14 in eight runs, for the same reason. On PostgreSQL it was 1.07 on the slower
  machine in one run with 1,000,000 requests (`--scale full --only growth --engines postgresql`), and 0.95
  in one on this, beside other work.
- **A bare CA is no road.** OpenBao, CFSSL and django-ca sign a request on the same core and keep their
  books; they make no key, lint nothing, build no container, open none as a check, and send no mail.
- **Pages.** Django draws templates, makes SQL of what somebody filters by, and objects of rows; the database
  itself takes a tenth. What the frame of each page asks for is made into SQL once (decision 26), and so are
  the pages of Self-Service. In a profile of what is left no place takes more than a twentieth; the pages of
  officers, with 25 rows, decide the 95th percentile. Four people at once share two cores with those who
  measure, and both cores at once are slower than one alone: three runs on one day found 52, 63 and 73 ms on
  SQLite, 132, 104 and 97 pages a second, on the slower machine. With 1,000,000 requests, 3,000,000
  certificates and 10,000,000 events on PostgreSQL (`--scale full --only pages`) four people got 73 pages a
  second there, 81 with 20,000. Since this run a page takes a quarter less processor time over all processes,
  in turns with the code before (decision 32): 14.8 ms instead of 19.3 on PostgreSQL, 12.4 instead of 17.9 on
  SQLite. By the clock, beside other work, four runs since found 121 to 160 pages a second on PostgreSQL and
  142 to 182 on SQLite.
- **SEARCH.** With 20,000 persons drawing the page takes most of it, and the first visits of a process, which
  make SQL and plans, decide the 95th percentile: on PostgreSQL and the slower machine it was 50 ms in the
  first round over the mix, and 34 to 37 ms in the others. There, with 1,000,000 persons and all that belongs
  to them (`python -m tests.performance.bench --scale full --only search --engines postgresql`) it was 153 ms
  while most had still to be read from the disk, and 85 ms in the next run; the mean page took 43 to 63 ms, of
  which Python works 19 to 31. What is far above: what many persons have together with *no token* (325 ms),
  because whether somebody has a token is asked for each of them, and a column that said so would be a further
  write for each token; one letter (105 ms); a name or syllable with a state or a department (70 ms), whose
  rows of two indexes are compared, for want of one of both (`btree_gin` would make it). Letters and common
  syllables took twice the processor time before decision 30. On SQLite it was 52 ms among a million persons
  when it was last measured by the clock.
- **Batch orders.** Each enabled person costs a snapshot, a request, its line, its events and a mail that is
  written in their language, a quarter of all. A worker with two processes does it, in chunks whose
  transactions take 50 ms, so that nobody waits: both at once on PostgreSQL, which shares the two cores with
  them, one after the other on SQLite, where one writes at a time (decision 28). `cpu_seconds` of `python -m
  tests.performance.enable` says how much of the time they work themselves. On the slower machine
  seven runs took 25 to 40 s on PostgreSQL, six took 27 to 39 s on SQLite.
"""


def main() -> None:
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "var" / "bench.json"
    PAGE.write_text(page(json.loads(source.read_text(encoding="utf-8"))), encoding="utf-8")


def page(content: dict[str, Any]) -> str:
    rows = [f"| `{figure.name}` | {_cells(content, figure)} | {figure.goal_words} |" for figure in FIGURES]
    meanings = [f"- `{figure.name}`: {figure.meaning}." for figure in FIGURES]
    table = ["| figure | PostgreSQL | SQLite | goal |", "|---|---|---|---|", *rows]
    rows_words = f"{content['scale']['rows']:,} persons and requests"
    measured = (
        f"Measured with {rows_words} on {machine.words(content['machine'])}. **Bold**: the goal is missed."
    )
    parts = [
        INTRODUCTION,
        "## Figures",
        "",
        measured,
        "",
        *table,
        "",
        "## What they mean",
        "",
        *meanings,
        "",
        REMARKS,
    ]
    return "\n".join(parts)


def _cells(content: dict[str, Any], figure: Figure) -> str:
    return " | ".join(_cell(content, figure, engine) for engine in ENGINES)


def _cell(content: dict[str, Any], figure: Figure, engine: str) -> str:
    wanted = (figure.name, engine)
    values = [each["value"] for each in content["figures"] if (each["name"], each["engine"]) == wanted]
    if not values:
        return "not measured"
    words = f"{figure.shown(values[0])} {figure.unit}".strip()
    return f"**{words}**" if figure.is_met(values[0], engine) is False else words


if __name__ == "__main__":
    main()
