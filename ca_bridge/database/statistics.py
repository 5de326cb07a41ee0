"""Statistics of the query planner (ANALYZE), updated at once after bulk writes."""

from django.db import DEFAULT_DB_ALIAS, connections, models


def analyze(*tables: type[models.Model]) -> int:
    """Update planner statistics; return the number of tables (PostgreSQL) or statistics rows (SQLite).

    PostgreSQL: ANALYZE of these tables. Autovacuum does so a minute or more after a bulk write; until then a
    plan may be a nested loop over all rows (a standing order over 100,000 persons: minutes).
    SQLite: PRAGMA optimize of all changed tables, which SQLite never does by itself. Without it, a search
    scans all persons with a state before it looks up words (265,000 rows: 1,100 ms instead of 40).
    https://sqlite.org/pragma.html#pragma_optimize
    """
    connection = connections[DEFAULT_DB_ALIAS]
    with connection.cursor() as cursor:
        if connection.vendor != "sqlite":
            if tables:
                names = ", ".join(connection.ops.quote_name(each._meta.db_table) for each in tables)
                cursor.execute(f"ANALYZE {names}")
            return len(tables)
        cursor.execute("PRAGMA analysis_limit = 1000")
        cursor.execute("PRAGMA optimize = 0x10002")  # also tables without statistics yet
        known = cursor.execute("SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_stat1'").fetchone()[0]
        return int(cursor.execute("SELECT count(*) FROM sqlite_stat1").fetchone()[0]) if known else 0
