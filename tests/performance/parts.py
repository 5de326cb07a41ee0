"""The parts of `make bench`: how each is started, how long it may take, and which figures it gives."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.performance.part import DEMO, NOTHING, TABLES, command
from tests.performance.place import PLACE, STOCK_MARK

Report = dict[str, Any]


@dataclass(frozen=True)
class Scale:
    """How much is made and measured. rows: persons and requests that are stored; certificates are three
    times as many, audit events ten times.
    """

    rows: int
    tokens: dict[str, list[int]]
    accepted: int
    grown: int
    enabled: int
    seconds_of_pages: int
    restarts: int
    idle_seconds: int
    visits: int
    bought: int
    imported: int
    readdressed: int

    def with_rows(self, rows: int) -> "Scale":
        return replace(self, rows=rows)


SCALES = {
    "small": Scale(
        *(20_000, {"ec-p256": [240, 480], "rsa-3072": [12, 16]}, 8, 24, 2_500, 8, 3, 60, 40, 30, 60, 2_000)
    ),
    "full": Scale(
        *(1_000_000, {"ec-p256": [480, 960], "rsa-3072": [100, 150]}, 30, 150, 10_000, 30, 5),
        *(300, 200, 300, 10_000, 100_000),
    ),
}


@dataclass(frozen=True)
class Part:
    """arguments: of the function (part.py), which is `measured` of the module NAME where none is named. have:
    what the database has before; anew: nothing else. stock: uses the filled installation of its engine.
    within: uses that of another part. broker: wants one that runs already. once: has nothing to do with the
    engine. seconds: for each scale, after which it is ended."""

    name: str
    arguments: Callable[[Scale], dict[str, Any]]
    values: Callable[[Report], dict[str, float]]
    seconds: dict[str, int]
    function: str = ""
    have: str = DEMO
    anew: bool = False
    stock: bool = False
    within: str = ""
    broker: bool = False
    once: bool = False
    settings: dict[str, str] = field(default_factory=dict)

    def command(self, scale: Scale, out: Path) -> list[str]:
        options = ["--have", self.have, "--out", str(out), *(["--anew"] if self.anew else [])]
        return command(self.function or f"{self.name}.measured", *options, **self.arguments(scale))

    def directory(self, scale: Scale, engine: str) -> Path:
        return PLACE / f"{self._installation(scale)}-{engine}"

    def database(self, scale: Scale) -> str:
        return f"bench_{self._installation(scale)}".replace("-", "_")

    def wants_stock(self, scale: Scale, engine: str) -> bool:
        """It works with a stock, and there is none yet."""
        return self.stock and not (self.directory(scale, engine) / STOCK_MARK).exists()

    def _installation(self, scale: Scale) -> str:
        return f"stock-{scale.rows}" if self.stock else self.within or self.name


def of_road(report: Report) -> dict[str, float]:
    values = {"memory_worker_mb": report["memory_worker_mb"]}
    for name, algorithm in (("p256_ratio", "ec-p256"), ("rsa3072_ratio", "rsa-3072")):
        runs = [run for run in report["runs"] if run["algorithm"] == algorithm]
        values[name] = rate(runs[0]["road"]) / rate(runs[0]["bare"])
        if algorithm != "ec-p256":
            continue
        values["road_per_s"], values["bare_per_s"] = rate(runs[0]["road"]), rate(runs[0]["bare"])
        values["road_overhead_ms"] = 1000 * (cpu(runs[0]["road"]) - cpu(runs[0]["bare"]))
        database = 1000 * runs[0]["road"].get("database_cpu", 0.0) / runs[0]["road"]["tokens"]
        values["token_database_ms"] = database
        values["token_worker_ms"] = 1000 * cpu(runs[0]["road"]) - database
        if len(runs) > 1:
            values["two_workers_ratio"] = (rate(runs[1]["road"]) / rate(runs[0]["road"])) / (
                rate(runs[1]["bare"]) / rate(runs[0]["bare"])
            )
    return values


def rate(side: dict[str, float]) -> float:
    """Tokens a second."""
    return side["tokens"] / side["seconds"]


def cpu(side: dict[str, float]) -> float:
    """Seconds of processors for each token."""
    return side["cpu"] / side["tokens"]


def of_accept(report: Report) -> dict[str, float]:
    return {"accept_to_passphrase_p95_s": percentile(report["seconds"], 95)}


def of_recover(report: Report) -> dict[str, float]:
    return {"recover_to_passphrase_p95_s": percentile(report["seconds"], 95)}


def of_search(report: Report) -> dict[str, float]:
    return {"search_p95_ms": percentile(report["wall"], 95)}


def of_growth(report: Report) -> dict[str, float]:
    """Of each side the median, over the same number of tokens, in turns."""
    return {"growth_ratio": percentile(report["many"], 50) / percentile(report["few"], 50)}


def of_pages(report: Report) -> dict[str, float]:
    return {"page_p95_ms": percentile(report["server_ms"], 95), "pages_per_s": report["pages_per_s"]}


def of_enable(report: Report) -> dict[str, float]:
    return {
        "enable_10000_s": report["enabling"]["seconds"] * 10_000 / report["persons"],
        "enable_wait_max_ms": max(report[part]["wait_max_ms"] for part in ("dry_run", "enabling")),
    }


def of_renewal(report: Report) -> dict[str, float]:
    return {"renewal_10000_s": report["seconds"] * 10_000 / report["tokens"]}


def of_readdressing(report: Report) -> dict[str, float]:
    minutes = report["seconds"] / 60
    return {"readdressing_100000_min": minutes * 100_000 / report["keys"]}


def of_revocation(report: Report) -> dict[str, float]:
    return {
        "revoke_decided_10000_s": report["decided_s"] * 10_000 / report["tokens"],
        "revoke_on_crl_10000_s": report["on_crl_s"] * 10_000 / report["tokens"],
        "crl_100000_s": report["crl_s"] * 100_000 / report["entries"],
    }


def of_restart(report: Report) -> dict[str, float]:
    return {"restart_p95_s": percentile(report["seconds"], 95)}


def of_page_vs_admin(report: Report) -> dict[str, float]:
    return {"page_vs_admin": percentile(report["search"], 50) / percentile(report["admin"], 50)}


def of_idle(report: Report) -> dict[str, float]:
    return {
        "idle_cpu_s": report["cpu_seconds"] * 60 / report["seconds"],
        "idle_pss_mb": report["pss_mb"],
    }


def of_statements(report: Report) -> dict[str, float]:
    return {"statements_alone": report["alone"], "statements_together": report["together"]}


def of_apple_profile(report: Report) -> dict[str, float]:
    return {"apple_profile_p95_ms": report["p95_ms"]}


def of_archive(report: Report) -> dict[str, float]:
    return {"archive_intake_ms": report["intake_ms"], "archived_key_octets": report["octets"]}


def of_token_imports(report: Report) -> dict[str, float]:
    each = 10_000 / report["files"] / 60
    return {
        "dry_run_10000_min": report["dry_run_s"] * each,
        "import_10000_min": report["import_s"] * each,
        "slow_files_10000_min": report["slow_file_s"] * 10_000 / 60,
    }


def of_standing_orders(report: Report) -> dict[str, float]:
    share = 100_000 / report["members"]
    return {
        "standing_order_100000_s": report["planned_s"] * share,
        "standing_order_again_s": report["again_s"] * share,
    }


def of_directory(report: Report) -> dict[str, float]:
    return {
        "directory_100000_min": report["seconds"] * 100_000 / report["persons"] / 60,
        "directory_changes_s": report["changes_s"],
        "directory_memory_mb": report["grown_mb"],
    }


def of_pages_beside_directory(report: Report) -> dict[str, float]:
    beside = max(percentile(report[part]["server_ms"], 95) for part in ("new", "changes"))
    alone = percentile(report["alone"]["server_ms"], 95)
    return {"page_beside_sync_p95_ms": beside, "page_beside_sync_ratio": beside / alone}


def of_api(report: Report) -> dict[str, float]:
    return {"api_call_ratio": percentile(report["call"], 50) / percentile(report["verb"], 50)}


def of_publication(report: Report) -> dict[str, float]:
    each = 10_000 / report["certificates"]
    return {
        "publish_10000_s": report["publish_s"] * each,
        "take_back_10000_s": report["take_back_s"] * each,
        "drift_100000_s": report["drift_s"] * 100_000 / report["entries"],
        "drift_memory_mb": report["grown_mb"],
    }


def of_intune(report: Report) -> dict[str, float]:
    return {"intune_1000_min": report["seconds"] / 60 * 1000 / report["containers"]}


def of_webhooks(report: Report) -> dict[str, float]:
    return {"webhooks_per_s": report["events"] / report["seconds"]}


def of_peers(report: Report) -> dict[str, float]:
    return {f"{name}_per_s": side["certificates"] / side["seconds"] for name, side in report.items()}


def percentile(samples: list[float], share: int) -> float:
    """The nearest rank: a value that was measured."""
    return sorted(samples)[max(0, math.ceil(len(samples) * share / 100) - 1)]


_ALL: tuple[Part, ...] = (
    Part(
        "road",
        lambda scale: {"plan": scale.tokens},
        of_road,
        {"small": 480, "full": 1200},
        anew=True,
        broker=True,
        settings={"KEY_POOL_SIZE": "0"},  # the recorded keys come in their order
    ),
    Part(
        "peers",
        lambda scale: {"number": scale.bought},
        of_peers,
        {"small": 60, "full": 300},
        have=NOTHING,
        once=True,
    ),
    Part(
        "statements",
        lambda _scale: {},
        of_statements,
        {"small": 120, "full": 120},
        anew=True,
        settings={"KEY_POOL_SIZE": "0"},
    ),
    Part("api", lambda _scale: {}, of_api, {"small": 120, "full": 120}),
    Part(
        "apple_profile",
        lambda _scale: {},
        of_apple_profile,
        {"small": 60, "full": 60},
        have=NOTHING,
        once=True,
    ),
    Part("archive", lambda _scale: {}, of_archive, {"small": 60, "full": 60}, have=NOTHING, once=True),
    Part(
        "readdressing",
        lambda scale: {"number": scale.readdressed},
        of_readdressing,
        {"small": 120, "full": 1800},
        anew=True,
        have=TABLES,
    ),
    Part(
        "token_imports",
        lambda scale: {"number": scale.imported, "keys": "ec" if scale.imported > 1000 else "rsa"},
        of_token_imports,
        {"small": 120, "full": 1800},
        anew=True,
    ),
    Part(
        "directory",
        lambda scale: {"number": min(100_000, scale.rows // 4)},
        of_directory,
        {"small": 180, "full": 1200},
        anew=True,
        have=TABLES,
        broker=True,
    ),
    Part(
        "pages_beside_directory",
        lambda scale: {
            "rows": min(100_000, scale.rows),
            "persons": min(20_000, scale.rows // 4),
            "seconds": scale.seconds_of_pages,
        },
        of_pages_beside_directory,
        {"small": 400, "full": 1800},
        anew=True,
        broker=True,
    ),
    Part(
        "publication",
        lambda scale: {"number": min(10_000, scale.rows // 20), "entries": min(100_000, scale.rows // 4)},
        of_publication,
        {"small": 300, "full": 1200},
        anew=True,
    ),
    Part(
        "intune",
        lambda scale: {"number": min(1000, scale.rows // 100)},
        of_intune,
        {"small": 300, "full": 1200},
        anew=True,
    ),
    Part(
        "webhooks",
        lambda _scale: {"number": 500},
        of_webhooks,
        {"small": 180, "full": 180},
        anew=True,
        have=TABLES,
    ),
    Part(
        "standing_orders",
        lambda scale: {"number": min(100_000, scale.rows)},
        of_standing_orders,
        {"small": 180, "full": 600},
        anew=True,
    ),
    Part(
        "accept",
        lambda scale: {"number": scale.accepted},
        of_accept,
        {"small": 120, "full": 400},
        have=NOTHING,
    ),
    Part(
        "recover",
        lambda scale: {"number": scale.accepted},
        of_recover,
        {"small": 300, "full": 600},
        have=NOTHING,
        within="accept",
    ),
    Part(
        "search",
        lambda scale: {"persons": scale.rows},
        of_search,
        {"small": 120, "full": 1800},
        stock=True,
    ),
    Part(
        "growth",
        lambda scale: {"rows": scale.rows, "tokens": scale.grown},
        of_growth,
        {"small": 120, "full": 1800},
        have=NOTHING,
        stock=True,
    ),
    Part(
        "pages",
        lambda scale: {"rows": scale.rows, "seconds": scale.seconds_of_pages},
        of_pages,
        {"small": 120, "full": 1800},
        stock=True,
    ),
    Part(
        "page_vs_admin",
        lambda scale: {"persons": scale.rows, "rounds": scale.visits},
        of_page_vs_admin,
        {"small": 120, "full": 1800},
        stock=True,
        settings={"DJANGO_SETTINGS_MODULE": "tests.performance.admin_settings"},
    ),
    Part(
        "enable",
        lambda scale: {"number": scale.enabled},
        of_enable,
        {"small": 120, "full": 600},
    ),
    Part(
        "renewal",
        lambda scale: {"number": scale.enabled},
        of_renewal,
        {"small": 240, "full": 600},
        anew=True,
    ),
    Part(
        "revocation",
        lambda scale: {"number": scale.enabled, "entries": 100_000},
        of_revocation,
        {"small": 240, "full": 600},
        anew=True,
        broker=True,
    ),
    Part(
        "restart",
        lambda scale: {"times": scale.restarts},
        of_restart,
        {"small": 120, "full": 200},
        have=NOTHING,
        within="accept",
    ),
    Part(
        "idle",
        lambda scale: {"seconds": scale.idle_seconds},
        of_idle,
        {"small": 300, "full": 600},
        have=NOTHING,
        within="accept",
    ),
)
PARTS = {part.name: part for part in _ALL}
# What the parts with a stock find there already. Its time is its own, and no part is ended because of it.
STOCK = Part(
    "stocking",
    lambda scale: {"rows": scale.rows},
    lambda _report: {},
    {"small": 300, "full": 10_800},
    function="stock.fill",
    stock=True,
)
