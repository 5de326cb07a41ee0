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
request, lint, signature, both containers, the second reader) and nothing else. With one
worker process everything has one core, database and broker included, and so has the loop.

`make bench-compare BASE=<commit>` measures an older commit and this one side by side: parts of both, one
right after the other, three times, and prints both figures with their ratio and goal. On a machine that has
other work, only such figures say whether a change made anything quicker.
"""

REMARKS = """## Where goals are missed, and why

- **Pages beside a directory run** (`page_beside_sync_*`), 2026-11-30, Python 3.11: a run rests between its
  chunks for a fifth of their time, so pages took 51, 53 and 56 ms on PostgreSQL and 42 and 49 on SQLite.
  Six runs of that hour without rests found 53 to 64 and 46 to 57. For it `directory_100000_min` takes a
  fifth longer: the two figures of directories are reckoned from 5,000 persons of the same day, when the
  machine was slow; on the day before, without rests, 100,000 took 2.61 and 1.65 minutes. With the Python of
  the image (3.13) pages took 57 and 43 ms before there were rests.
- **Pages** (`page_p95_ms`, `pages_per_s`) with four people who click as fast as they can, Python 3.11. Pages
  ask the database less often (START and the first pages of Self-Service half as often) and make a twelfth to
  two fifths fewer calls than on the day before, when 66 ms and 106 pages a second were measured on
  PostgreSQL, 52 ms and 160 on SQLite.
- **Idle** (`idle_cpu_s`, `idle_pss_mb`): 2026-12-01, in turns with the commit of the day before, `make run`
  took 1.15 s a minute on SQLite where that took 2.42, both beside other work. Workers keep their connections
  and truncate the write-ahead log themselves (decision 32), and jobs ask the database and the broker less
  often. Without the latter three pairs had found 1.20, 1.42 and 1.72 for 2.46, 2.61 and 2.79: the machine,
  an Intel Xeon, changes by a third within minutes. On 2026-11-30 it was 1.25 on PostgreSQL, and 1.99 on
  SQLite on a machine on which that commit took a fifth less. Memory: 474 to 498 MB in eight runs of
  2026-12-01; 637 until the process that prepared the installation left the running programs to one without
  Django. Since python3-saml is loaded where SAML is used: 483 and 479, in turns with the commit before 498.
- **The road** (`road_overhead_ms`, `rsa3072_ratio`, `two_workers_ratio`), 2026-11-30: in
  the table the quiet run on SQLite, but for `two_workers_ratio`; three more beside other work found 6, 6 and
  1 ms, 0.98, 0.93 and 1.00; one on PostgreSQL 15 ms and 0.92. `two_workers_ratio` was 0.74 to 1.10 for the
  same code until 2026-12-01: the bare loop alone took 57 to 107 ms for a token within a minute, and the
  blocks of both sides were up to a minute apart. Now they are a few seconds long, take turns, and are twice
  as many. With them, and since a worker leaves half of what waits to another one: 0.95 and 1.00 on SQLite,
  0.97 on PostgreSQL (`--scale full --only road`). Both workers together use 96 and 97 % of two cores, 91 %
  before. In three rounds of the smaller scale (`small`) beside 0.1.0 the median was 0.94 for 0.91.
- **Whole or reckoned.** Of 2026-11-29 and measured whole, not reckoned from a part: `standing_order_*`
  (100,000 members), `renewal_10000_s`, `publish_10000_s`, `take_back_10000_s`,
  `drift_100000_s`, `intune_1000_min`, and on SQLite `dry_run_10000_min` and `import_10000_min`; those of
  publication beside other work. The road, `accept_*`, `search_*` and `growth_*` are of 2026-11-28 on SQLite,
  as are `enable_*`, `restart_*` and `page_vs_admin` on PostgreSQL; `page_p95_ms` and `pages_per_s` are of
  2026-12-01.
- **Compared with 0.1.0**, one round each, 2026-11-30 (`make bench-compare BASE=0.1.0 ARGS="--only pages road
  --rounds 1"`): `road_overhead_ms` 35.1 before and 8.0 now on PostgreSQL, 28.7 and 2.7 on SQLite;
  `road_per_s` 1.34 and 1.29 times as many, though the bare loop makes a quarter fewer, because it checks
  more. Three rounds on SQLite of 2026-12-01 (`--only road --engines sqlite --rounds 3`, the median):
  `road_per_s` 7.3 before and 11.7 now (1.6; in the two whole rounds 1.64 and 1.27), `road_overhead_ms` 63
  before, and none beyond the bare loop now.
  Pages since, in three rounds on SQLite and two on PostgreSQL (`--only pages`, the median): `pages_per_s` 183
  before and 183 now on SQLite, 180 and 164 on PostgreSQL (0.91, goal 0.85); `page_p95_ms` 43 and 46, 44 and
  48. Three rounds an hour before found 0.84 on SQLite and 0.86 on PostgreSQL, one round on the day before
  0.65 on both. The benchmarks of 0.1.0 keep connections from page to page, ours open one for each, as nginx
  does.
- **Compared with 1f5bfc60**, the commit before prepared rows, counts and tags of our own were given up,
  on the same busy machine (`make bench-compare BASE=1f5bfc60 ARGS="--only pages page_vs_admin --rounds
  2 --rows 2000"`): `pages_per_s` 16.9 before and 13.7 after on PostgreSQL, 19.0 and 19.1 on SQLite, two
  rounds each. The clock says little there. Processor time of the process that draws, in turns, the
  better median of two: 1.05 times as much over all pages on SQLite and 1.16 on PostgreSQL. START takes
  24 ms where it took 14 (29 on PostgreSQL), because its figures are counted by queries that are made
  anew, and OPEN TASKS 20 where it took 17; pages with the number on the tab alone take 0.85 to 1.04 of
  before on SQLite, 0.93 to 1.17 on PostgreSQL.
- **The machine.** Every figure by the clock goes by it. On the day of this run it made between 16 and 29
  tokens a second in the bare loop (`bare_per_s`), also within one run. Two more quiet runs of that day,
  in which it made 22 to 28 and 16 to 23, found `p256_ratio` 0.46 to 0.64, `two_workers_ratio` 0.57 and
  0.99 on PostgreSQL and 0.87 and 0.91 on SQLite, `road_overhead_ms` 42.5 and 29.4, `growth_ratio` 1.00 to
  1.20, `page_p95_ms` 37 to 62, `pages_per_s` 129 and 141 on PostgreSQL, 142 and 265 on SQLite,
  `enable_10000_s` 16 to 37, `restart_p95_s` 2.3 to 3.8. Where a figure below comes from two cores of an
  Intel Xeon that made 15 to 20, it says *the slower machine*.
- **The whole road over the bare loop.** What the road does beyond cryptography is mostly the database:
  some 55 statements for each token (`tests/performance/test_statements.py` counts them), in six
  transactions, because a crash at any point must lose nothing and issue nothing twice. The SQL of most is
  made without Django's queries (decision 26), workers prepare them, and little is read that is known
  already. Of the milliseconds beyond the loop on PostgreSQL, by process: a quarter is the server's, a
  sixth that of the web process that accepts, a twentieth the broker's and that of Celery's parent
  process; the rest, more than half, is the worker's, for the driver, the objects of rows, the register of
  the CA and the mail. Rows are locked and read afresh in each transaction, and every step is in the audit
  log. What is left would need fewer transactions, that is, a weaker promise. With RSA keys the keys take
  most of the time, so the road weighs less.
- **Two workers.** SQLite has one writer. Half of a token's work was done under its lock, and who waited
  for it looked again after up to 100 ms; both are mended (decision 31): of 63 ms of processor time 17 to
  19 are spent under the lock now, instead of 30. Five whole runs since found 0.82 to 0.95 on SQLite and,
  but for the one named above, 0.89 to 1.08 on PostgreSQL, where eight runs on the slower machine had
  found 0.84 to 1.04: how quick it is changed by a third within a run. `growth_ratio` of SQLite was
  between 0.89 and 1.14 in eight runs, for the same reason. On PostgreSQL, with 1,000,000 requests
  (`--scale full --only growth --engines postgresql`), it was 1.07 on the slower machine, and 0.95 and
  1.01 on this, beside other work.
- **A bare CA is no road.** OpenBao, CFSSL and django-ca sign a request on the same core and keep their
  books; they make no key, lint nothing, build no container, open none as a check, and send no mail.
- **Pages.** Django draws templates, makes SQL of what somebody filters by, and objects of rows; the
  database itself takes a tenth. What the frame of each page asks for is made into SQL once (decision 26),
  and so are the pages of Self-Service. In a profile of what is left no place takes more than a twentieth;
  the pages of officers, with 25 rows, decide the 95th percentile. Four people at once share two cores
  with those who measure, and both cores at once are slower than one alone: three runs on one day found
  52, 63 and 73 ms on SQLite, 132, 104 and 97 pages a second, on the slower machine. With 1,000,000
  requests, 3,000,000 certificates and 10,000,000 events on PostgreSQL (`--scale full --only pages`) four
  people got 73 pages a second there, 81 with 20,000. Over all processes a page takes 14.8 ms of processor
  time on PostgreSQL and 12.4 on SQLite, a quarter less than before decision 32, in turns; by the clock
  that was 121 to 163 pages a second on PostgreSQL and 142 to 265 on SQLite in seven runs, in this one 181
  and 179. Of a page on PostgreSQL 12 ms are Python's and 3 the server's; each of its nine statements
  takes a fifth of a millisecond at the least, which on SQLite takes a twentieth.
- **SEARCH.** With 20,000 persons drawing the page takes most of it, and the first visits of a process,
  which make SQL and plans, decide the 95th percentile. With 1,000,000 persons and all that belongs to
  them, on PostgreSQL (`python -m tests.performance.bench --scale full --only search --engines
  postgresql`), it was 34 ms in a quiet run: 139 in the first round over the mix, just after the server's
  start, and 27 to 30 in the four others, half of the pages under 20, of which Python works 11. What is
  above 30 ms, each at its best: what many persons have together with *no token* (215 ms), because whether
  somebody has a token is asked for each of them, and a column that said so would be a further write for
  each token; and two letters of another script (31 ms). Before words and filters had one index, names and
  syllables with a state or department took 40 ms (decision 30). Before what never changes was written
  into the SQL whose plans are kept (decision 32) each page took a second there. While most had still to
  be read from the disk it was 153 ms on the slower machine. On SQLite it was 39 ms among a million
  persons in the best round, beside other work.
- **Batch orders.** Each enabled person costs a snapshot, a request, its line, its events and a mail that
  is written in their language, a quarter of all. A worker with two processes does it, in chunks whose
  transactions take 50 ms, so that nobody waits: both at once on PostgreSQL, which shares the two cores
  with them, one after the other on SQLite, where one writes at a time (decision 28). `cpu_seconds` of
  `python -m tests.performance.part enable.measured` says how much of the time they work themselves. On
  the slower machine seven runs took 25 to 40 s on PostgreSQL, six took 27 to 39 s on SQLite; on this 15
  to 18 and 18 to 37.
"""


def main() -> None:
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "var" / "bench.json"
    PAGE.write_text(page(json.loads(source.read_text(encoding="utf-8"))), encoding="utf-8")


def page(content: dict[str, Any]) -> str:
    rows = [f"| `{figure.name}` | {_cells(content, figure)} | {figure.goal} |" for figure in FIGURES]
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
