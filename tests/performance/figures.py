"""The closed list of what `make bench` measures: names, goals, and what each means.

docs/reference/performance.md has the same names; a test compares them. A figure of an engine is NAME on
that engine; a name that has no engine is measured once.
"""

from dataclasses import dataclass

POSTGRESQL, SQLITE = "postgresql", "sqlite"
ENGINES = (POSTGRESQL, SQLITE)
AT_MOST, AT_LEAST = "<=", ">="


@dataclass(frozen=True)
class Figure:
    """One name. goal: for each engine, or for both under ""; none where the figure only informs."""

    name: str
    part: str
    unit: str
    meaning: str
    compare: str = AT_MOST
    goals: tuple[tuple[str, float], ...] = ()

    def goal(self, engine: str) -> float | None:
        goals = dict(self.goals)
        return goals.get(engine, goals.get(""))

    def is_met(self, value: float, engine: str) -> bool | None:
        """None where there is no goal."""
        goal = self.goal(engine)
        if goal is None:
            return None
        return value <= goal if self.compare == AT_MOST else value >= goal

    @property
    def goal_words(self) -> str:
        if not self.goals:
            return ""
        names = {"": "", POSTGRESQL: " on PostgreSQL", SQLITE: " on SQLite"}
        return ", ".join(f"{self.compare} {goal:g}{names[engine]}" for engine, goal in self.goals)

    def shown(self, value: float) -> str:
        """As many digits as say something."""
        return f"{value:.2f}" if value < 10 else f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


PEER = "certificates a second of {}, asked through our connector on the same one core: no road, no container"

FIGURES: tuple[Figure, ...] = (
    Figure(
        "p256_ratio",
        "road",
        "",
        "tokens a second through the whole road, over those of the bare loop; keys of EC P-256. It falls "
        "where the loop becomes quicker, so it has no goal",
        AT_LEAST,
    ),
    Figure("rsa3072_ratio", "road", "", "the same with keys of RSA-3072", AT_LEAST, (("", 0.93),)),
    Figure(
        "road_overhead_ms",
        "road",
        "ms",
        "processor time for each token (P-256) beyond the bare loop's: workers, broker, database, accepting",
        AT_MOST,
        ((POSTGRESQL, 22), (SQLITE, 18)),
    ),
    Figure(
        "token_worker_ms",
        "road",
        "ms",
        "processor time of workers, broker and accepting for each token (P-256)",
    ),
    Figure(
        "token_database_ms",
        "road",
        "ms",
        "processor time of the database server for each token (P-256); SQLite has no server",
    ),
    Figure(
        "two_workers_ratio",
        "road",
        "",
        "how much a second worker process brings (P-256), over how much a second bare loop does",
        AT_LEAST,
        (("", 0.95),),
    ),
    Figure(
        "road_per_s",
        "road",
        "",
        "tokens a second through the whole road; one worker process, P-256",
        AT_LEAST,
    ),
    Figure("bare_per_s", "road", "", "tokens a second of the bare loop; one process, P-256", AT_LEAST),
    Figure(
        "statements_alone",
        "statements",
        "",
        "statements from Accept to the mail that is queued, of one token with one certificate",
        AT_MOST,
        (("", 28),),
    ),
    Figure(
        "statements_together",
        "statements",
        "",
        "the same of each of eight tokens that were accepted together",
        AT_MOST,
        (("", 12),),
    ),
    Figure(
        "apple_profile_p95_ms",
        "apple_profile",
        "ms",
        "a configuration profile with three certificates and a mail account, signed with RSA-3072; the "
        "database is not asked",
        AT_MOST,
        (("", 50),),
    ),
    Figure(
        "archive_intake_ms",
        "archive",
        "ms",
        "processor time to seal one RSA-3072 key for one recovery certificate",
        AT_MOST,
        (("", 1),),
    ),
    Figure("archived_key_octets", "archive", "", "octets of such a key in the archive"),
    Figure(
        "readdressing_100000_min",
        "readdressing",
        "min",
        "100,000 archived keys are sealed for another recovery certificate, in sessions of half an hour "
        "(`small`: 2,000, reckoned)",
    ),
    Figure(
        "dry_run_10000_min",
        "token_imports",
        "min",
        "10,000 files of 10,000 iterations are looked through, before two officers confirm whose they are "
        "(`small`: 60 files, reckoned)",
    ),
    Figure(
        "import_10000_min",
        "token_imports",
        "min",
        "the same are imported and their keys archived, RSA-2048 (`small`: 60 files, reckoned)",
        AT_MOST,
        (("", 30),),
    ),
    Figure(
        "slow_files_10000_min",
        "token_imports",
        "min",
        "10,000 files of 600,000 iterations (NSS, GnuTLS) are opened once (reckoned from one)",
    ),
    Figure(
        "api_call_ratio",
        "api",
        "",
        "processor time of a call of the API that asks for a person, beside its verb (Enable)",
        AT_MOST,
        (("", 1.5),),
    ),
    Figure(
        "directory_100000_min",
        "directory",
        "min",
        "100,000 new persons come from an LDAP server (`small`: 5,000, reckoned)",
        AT_MOST,
        (("", 4),),
    ),
    Figure(
        "directory_changes_s",
        "directory",
        "s",
        "1,000 persons have changed there, and are changed here",
        AT_MOST,
        (("", 10),),
    ),
    Figure(
        "standing_order_100000_s",
        "standing_orders",
        "s",
        "a standing order over 100,000 members is planned, and its batch order placed (`small`: reckoned)",
        AT_MOST,
        (("", 30),),
    ),
    Figure(
        "standing_order_again_s",
        "standing_orders",
        "s",
        "it is planned again, with 1,000 leavers among them (`small`: reckoned)",
        AT_MOST,
        (("", 30),),
    ),
    Figure("directory_memory_mb", "directory", "MB", "what the worker grows by while all of them come"),
    Figure(
        "page_beside_sync_p95_ms",
        "pages_beside_directory",
        "ms",
        "server time of a page of either portal while persons come from an LDAP server or 1,000 of them "
        "change, the same four people clicking as for `page_p95_ms`; the slower of both runs",
        AT_MOST,
        (("", 60),),
    ),
    Figure(
        "page_beside_sync_ratio",
        "pages_beside_directory",
        "",
        "the same over what these pages take with no run, in the same process",
    ),
    Figure(
        "publish_10000_s",
        "publication",
        "s",
        "10,000 certificates are published to an LDAP server (`small`: 1,000, reckoned)",
        AT_MOST,
        (("", 60),),
    ),
    Figure(
        "take_back_10000_s",
        "publication",
        "s",
        "they are taken back (`small`: 1,000, reckoned)",
        AT_MOST,
        (("", 60),),
    ),
    Figure(
        "drift_100000_s",
        "publication",
        "s",
        "100,000 entries of the server are compared with the journal (`small`: 5,000, reckoned)",
        AT_MOST,
        (("", 60),),
    ),
    Figure("drift_memory_mb", "publication", "MB", "what the worker grows by meanwhile"),
    Figure(
        "intune_1000_min",
        "intune",
        "min",
        "1,000 containers go to a stub of Intune that answers 429 and loses answers (`small`: 200, reckoned)",
        AT_MOST,
        (("", 10),),
    ),
    Figure(
        "webhooks_per_s",
        "webhooks",
        "",
        "signed messages to one endpoint on loopback, by one worker process, each with its row",
        AT_LEAST,
        (("", 50),),
    ),
    Figure("openbao_per_s", "peers", "", PEER.format("OpenBao"), AT_LEAST),
    Figure("cfssl_per_s", "peers", "", PEER.format("CFSSL"), AT_LEAST),
    Figure("django_ca_per_s", "peers", "", PEER.format("django-ca"), AT_LEAST),
    Figure(
        "accept_to_passphrase_p95_s",
        "accept",
        "s",
        "from Accept to the passphrase on the screen, RSA-3072, one person after the other",
        AT_MOST,
        (("", 1.0),),
    ),
    Figure(
        "recover_to_passphrase_p95_s",
        "recover",
        "s",
        "from Recover to the passphrase on the screen, online recovery key, one person after the other",
        AT_MOST,
        (("", 2.0),),
    ),
    Figure(
        "search_p95_ms",
        "search",
        "ms",
        "a page of SEARCH, over the fixed mix of query_mix.py",
        AT_MOST,
        ((POSTGRESQL, 30), (SQLITE, 60)),
    ),
    Figure(
        "enable_10000_s",
        "enable",
        "s",
        "a batch order enables 10,000 persons, after its dry run (`small`: 2,500, times 4)",
        AT_MOST,
        (("", 30),),
    ),
    Figure(
        "enable_wait_max_ms",
        "enable",
        "ms",
        "the longest that somebody else's write took beside it, of one every 20 ms",
        AT_MOST,
        (("", 100),),
    ),
    Figure(
        "renewal_10000_s",
        "renewal",
        "s",
        "the expiry check plans a wave of 10,000 tokens that end together (`small`: 2,500, times 4)",
        AT_MOST,
        (("", 30),),
    ),
    Figure(
        "revoke_decided_10000_s",
        "revocation",
        "s",
        "10,000 tokens are revoked by the verb, a hundred in a transaction (`small`: 2,500, times 4)",
        AT_MOST,
        (("", 60),),
    ),
    Figure(
        "revoke_on_crl_10000_s",
        "revocation",
        "s",
        "from there until the published CRL of the embedded CA is seen to name all of them",
        AT_MOST,
        (("", 300),),
    ),
    Figure(
        "crl_100000_s",
        "revocation",
        "s",
        "a CRL of 100,000 entries, from the register to the row that is published",
        AT_MOST,
        (("", 5),),
    ),
    Figure(
        "growth_ratio",
        "growth",
        "",
        "database time for each token with all requests stored, over that with 1,000",
        AT_MOST,
        (("", 1.05),),
    ),
    Figure(
        "page_p95_ms",
        "pages",
        "ms",
        "server time of a page of either portal, four people clicking at once",
        AT_MOST,
        (("", 60),),
    ),
    Figure("pages_per_s", "pages", "", "pages a second, the same four people", AT_LEAST, (("", 200),)),
    Figure(
        "page_vs_admin",
        "page_vs_admin",
        "",
        "processor time of a page of SEARCH, over that of Django admin's list of the same rows and columns",
        AT_MOST,
        (("", 0.75),),
    ),
    Figure(
        "idle_cpu_s",
        "idle",
        "s",
        "processor time a minute of all processes of `make run` while nobody does anything",
        AT_MOST,
        (("", 1.5),),
    ),
    Figure(
        "idle_pss_mb",
        "idle",
        "MB",
        "memory of the same processes; what they share counts once (PSS)",
        AT_MOST,
        (("", 500),),
    ),
    Figure(
        "memory_worker_mb",
        "road",
        "MB",
        "the most memory that a worker process has had",
        AT_MOST,
        (("", 200),),
    ),
    Figure(
        "restart_p95_s",
        "restart",
        "s",
        "from `manage.py run` of a prepared installation to its first page",
        AT_MOST,
        (("", 4),),
    ),
)
