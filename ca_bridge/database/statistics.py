"""Statistics of the query planner, taken at once after many rows were written."""

from django.db import DEFAULT_DB_ALIAS, connections, models


def take(*tables: type[models.Model]) -> int:
    """Let the database count its rows anew; return of how many indexes or tables it did.

    PostgreSQL counts these tables, which it does by itself a minute or more after they were filled; until
    then a plan may look at each row for each row (a standing order over 100,000 persons: minutes).
    SQLite counts all tables that have changed, and never does by itself: without, it looks at everybody of a
    kind before it looks at the words of a search (265,000 rows: 1,100 ms instead of 40).
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
        cursor.execute("PRAGMA optimize = 0x10002")  # tables that were never counted, too
        known = cursor.execute("SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_stat1'").fetchone()[0]
        return int(cursor.execute("SELECT count(*) FROM sqlite_stat1").fetchone()[0]) if known else 0
