"""The parts of `make bench`: how each is started, and how long it may take."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.performance.part import DEMO, NOTHING, TABLES, command
from tests.performance.place import PLACE, STOCK_MARK

T = TypeVar("T")


@dataclass(frozen=True)
class Scale:
    """How much is made and measured. rows: persons and requests that are stored; certificates are three
    times as many, audit events ten times.
    """

    name: str
    rows: int

    def of(self, small: T, full: T) -> T:
        return small if self.name == "small" else full


SCALES = {"small": Scale("small", 20_000), "full": Scale("full", 1_000_000)}


@dataclass(frozen=True)
class Part:
    """A function of this package, whose report has `figures`, by name (figures.toml).

    seconds: after which it is ended, at the small and at the full scale. arguments: of the function, which is
    `measured` of the module NAME where none is named. have: what the database has before; anew: nothing else.
    stock: uses the filled installation of its engine. within: uses that of another part. broker: wants one
    that runs already. once: has nothing to do with the engine.
    """

    name: str
    seconds: tuple[int, int]
    arguments: Callable[[Scale], dict[str, Any]] = lambda _: {}
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


# For each algorithm, how many tokens with one worker process, and with two.
SMALL_ROAD = {"ec-p256": [240, 480], "rsa-3072": [12, 16]}
FULL_ROAD = {"ec-p256": [1440, 2880], "rsa-3072": [100, 150]}
NO_POOL = {"KEY_POOL_SIZE": "0"}  # so recorded keys come in their order
ADMIN = {"DJANGO_SETTINGS_MODULE": "tests.performance.admin_settings"}
_ALL = (
    Part(
        "road",
        (480, 1200),
        lambda s: {"plan": s.of(SMALL_ROAD, FULL_ROAD)},
        anew=True,
        broker=True,
        settings=NO_POOL,
    ),
    Part("peers", (60, 300), lambda s: {"number": s.of(30, 300)}, have=NOTHING, once=True),
    Part("statements", (120, 120), anew=True, settings=NO_POOL),
    Part("api", (120, 120)),
    Part("apple_profile", (60, 60), have=NOTHING, once=True),
    Part("archive", (60, 60), have=NOTHING, once=True),
    Part("readdressing", (120, 1800), lambda s: {"number": s.of(2_000, 100_000)}, anew=True, have=TABLES),
    Part(
        "token_imports",
        (120, 1800),
        lambda s: s.of({"number": 60, "keys": "rsa"}, {"number": 10_000, "keys": "ec"}),
        anew=True,
    ),
    Part(
        "directory",
        (180, 1200),
        lambda s: {"number": min(100_000, s.rows // 4)},
        anew=True,
        have=TABLES,
        broker=True,
    ),
    Part(
        "pages_beside_directory",
        (400, 1800),
        lambda s: {"rows": min(100_000, s.rows), "persons": min(20_000, s.rows // 4), "seconds": s.of(8, 30)},
        anew=True,
        broker=True,
    ),
    Part(
        "publication",
        (300, 1200),
        lambda s: {"number": min(10_000, s.rows // 20), "entries": min(100_000, s.rows // 4)},
        anew=True,
    ),
    Part("intune", (300, 1200), lambda s: {"number": min(1000, s.rows // 100)}, anew=True),
    Part("webhooks", (180, 180), lambda _: {"number": 500}, anew=True, have=TABLES),
    Part("standing_orders", (180, 600), lambda s: {"number": min(100_000, s.rows)}, anew=True),
    Part("accept", (120, 400), lambda s: {"number": s.of(8, 30)}, have=NOTHING),
    Part("recover", (300, 600), lambda s: {"number": s.of(8, 30)}, have=NOTHING, within="accept"),
    Part("search", (120, 1800), lambda s: {"persons": s.rows}, stock=True),
    Part(
        "growth", (120, 1800), lambda s: {"rows": s.rows, "tokens": s.of(24, 150)}, have=NOTHING, stock=True
    ),
    Part("pages", (120, 1800), lambda s: {"rows": s.rows, "seconds": s.of(8, 30)}, stock=True),
    Part(
        "page_vs_admin",
        (120, 1800),
        lambda s: {"persons": s.rows, "rounds": s.of(40, 200)},
        stock=True,
        settings=ADMIN,
    ),
    Part("enable", (120, 600), lambda s: {"number": s.of(2_500, 10_000)}),
    Part("renewal", (240, 600), lambda s: {"number": s.of(2_500, 10_000)}, anew=True),
    Part(
        "revocation",
        (240, 600),
        lambda s: {"number": s.of(2_500, 10_000), "entries": 100_000},
        anew=True,
        broker=True,
    ),
    Part(
        "restart",
        (120, 200),
        lambda s: {"times": s.of(3, 5)},
        function="installation.restarted",
        have=NOTHING,
        within="accept",
    ),
    Part("idle", (300, 600), lambda s: {"seconds": s.of(60, 300)}, have=NOTHING, within="accept"),
)
PARTS = {part.name: part for part in _ALL}
# What the parts with a stock find there already. Its time is its own, and no part is ended because of it.
STOCK = Part(
    "stocking", (300, 10_800), lambda s: {"rows": s.rows}, function="stock.fill", stock=True, anew=True
)
