"""PostgreSQL by settings alone: address, TLS, password, pool, and limits by the kind of process."""

import threading
import time
import uuid
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection, models, transaction
from pytest_django import Settings

from ca_bridge.database import query_plans
from identity_manager.config.database import options as database
from identity_manager.config.database import url as database_url
from identity_manager.config.runtime import process_kind

ADDRESS = "postgresql://identity:hidden@db.example.org:5433/tokens"


def tuned(address: str = ADDRESS) -> dict[str, Any]:
    return database.tuned(database_url.description("THING", address))


@pytest.fixture
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    value: str = request.param
    monkeypatch.setattr(process_kind, "kind", lambda: value)
    return value


def test_an_address_may_name_certificates() -> None:
    options = tuned(f"{ADDRESS}?sslmode=verify-full&sslrootcert=/etc/ca.pem&sslcert=/a&sslkey=/b")["OPTIONS"]
    assert (options["sslmode"], options["sslrootcert"]) == ("verify-full", "/etc/ca.pem")
    assert (options["sslcert"], options["sslkey"]) == ("/a", "/b")


def test_an_address_may_name_two_servers_or_a_socket() -> None:
    both = tuned("postgresql://u@/tokens?host=a,b&port=1,2&target_session_attrs=read-write")
    assert (both["HOST"], both["PORT"], both["NAME"]) == ("a,b", "1,2", "tokens")
    assert both["OPTIONS"]["target_session_attrs"] == "read-write"
    assert tuned("postgresql://u@/tokens?host=/run/postgresql")["HOST"] == "/run/postgresql"


@pytest.mark.parametrize("rest", ["?hidden=1", "?sslmode=require&user=hidden"])
def test_an_address_says_nothing_else(rest: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"THING must not say (hidden|user)\."):
        tuned(ADDRESS + rest)


def test_an_address_says_nothing_twice() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^THING must not say sslmode twice\.$"):
        tuned(f"{ADDRESS}?sslmode=require&sslmode=disable")


@pytest.mark.parametrize(
    "address", ["mysql://u:hidden@h/db", "postgres://u:hidden@h/db", "hidden", "oracle://h"]
)
def test_other_databases_are_refused(address: str) -> None:
    """Also those that dj-database-url knows."""
    with pytest.raises(ImproperlyConfigured) as caught:
        tuned(address)
    assert str(caught.value) == "THING must begin with sqlite:/// or postgresql://."


@pytest.mark.parametrize("address", ["sqlite://", "sqlite:///", "sqlite://:memory:", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(address: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^THING must name a file: "):
        tuned(address)


@pytest.mark.parametrize("address", ["sqlite:///srv/a%20b/db", "sqlite:////srv/a%20b/db"])
def test_a_path_begins_at_the_root(address: str) -> None:
    """With three slashes, and with four, as dj-database-url has it."""
    assert tuned(address)["NAME"] == "/srv/a b/db"


@pytest.mark.parametrize(
    "address",
    ["postgresql://u:hidden@h:x/db", "postgresql://u:hidden@[h/db", "postgresql://u:hidden@a:1,b:2/db"],
)
def test_a_wrong_address_is_not_shown(address: str) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        tuned(address)
    assert str(caught.value) == "THING must be an address; its host or port is none."


def test_the_password_may_come_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tuned()["PASSWORD"] == "hidden"
    monkeypatch.setenv("DATABASE_PASSWORD", "another")
    assert tuned()["PASSWORD"] == "another"


def test_the_pool_is_as_large_as_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_POOL_SIZE", "4")
    monkeypatch.setenv("DATABASE_POOL_MINIMUM", "9")
    pool = tuned()["OPTIONS"]["pool"]
    assert (pool["min_size"], pool["max_size"]) == (4, 4)
    monkeypatch.setenv("DATABASE_POOL_SIZE", "0")
    assert tuned()["OPTIONS"]["pool"] is False


@pytest.mark.parametrize(
    ("kind", "statement", "lock", "idle"),
    [
        ("web", 30, 30, 60),
        ("worker", 300, 30, 60),
        ("beat", 30, 30, 60),
        ("migrate", 0, 5, 0),
        ("command", 0, 30, 0),
    ],
    indirect=["kind"],
)
def test_each_kind_of_process_has_its_limits(kind: str, statement: int, lock: int, idle: int) -> None:
    options = tuned()["OPTIONS"]
    assert options["application_name"] == f"identity-manager {kind}"
    assert options["options"].split(" -c ") == [
        f"-c statement_timeout={statement}000".replace("=0000", "=0"),
        f"lock_timeout={lock}000",
        f"idle_in_transaction_session_timeout={idle}000".replace("=0000", "=0"),
    ]
    assert ("server_side_binding" in options) is (kind == "worker")
    assert options["prepare_threshold"] == 3


def test_a_pooler_gets_no_limits_and_no_cursors(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tuned()["DISABLE_SERVER_SIDE_CURSORS"] is False
    monkeypatch.setenv("DATABASE_POOLER", "true")
    monkeypatch.setattr(process_kind, "kind", lambda: process_kind.WORKER)
    described = tuned()
    assert described["DISABLE_SERVER_SIDE_CURSORS"] is True
    assert not {"options", "prepare_threshold", "server_side_binding"} & set(described["OPTIONS"])


def test_sqlite_is_left_alone() -> None:
    described = database_url.description("THING", "sqlite:///srv/db")
    assert database.tuned(described) == described


def shown(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return str(cursor.fetchone()[0])


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_postgresql_heard_it(postgresql_only: None) -> None:
    assert shown("application_name") == "identity-manager command"
    assert shown("lock_timeout") == "30s"
    with transaction.atomic():
        assert shown("transaction_isolation") == "read committed"


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_isolation_is_ours_whatever_the_database_says(postgresql_only: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_isolation = 'serializable'")
    try:
        with transaction.atomic():
            assert shown("transaction_isolation") == "read committed"
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET default_transaction_isolation")


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_a_plan_is_kept_for_what_says_so_alone(postgresql_only: None, settings: Settings) -> None:
    settings.PLAIN_QUERIES = False
    question = "SELECT COUNT(*) FROM identity_manager_person WHERE surname = %s"
    with connection.cursor() as cursor:
        for _time in range(5):
            cursor.execute(question, ["Weber"])
    assert prepared(question) == 0
    with query_plans.kept(connection), connection.cursor() as cursor:
        for name in ("Weber", "Lind", "Weber", "Ek", "O'Hara"):
            cursor.execute(question, [name])
            assert cursor.fetchone() == (0,)
    assert prepared(question) == 1
    settings.PLAIN_QUERIES = True
    other = question.replace("COUNT(*)", "MAX(surname)")
    with query_plans.kept(connection), connection.cursor() as cursor:
        for _time in range(5):
            cursor.execute(other, ["Weber"])
    assert prepared(other) == 0
    assert query_plans.with_constants(connection, ("SELECT %s", [5])) == ("SELECT %s", [5])


@pytest.mark.database
@pytest.mark.django_db
def test_words_of_ours_stand_in_the_sql_that_is_kept(postgresql_only: None, settings: Settings) -> None:
    """Of a value beside it a plan that is kept knows nothing: no partial index, and not how many have it."""
    settings.PLAIN_QUERIES = False
    word, mine = Awkward.WORD, uuid.uuid4()
    made = "SELECT %s, %s, 7 %% 4, 'x' LIKE '%%', %s, %s", (word, mine, 5, "")
    written, parameters = query_plans.with_constants(connection, made)
    assert parameters == [mine]
    assert written.count("%s") == 1
    with query_plans.kept(connection), connection.cursor() as cursor:
        cursor.execute(written, parameters)
        assert cursor.fetchone() == (word.value, mine, 3, True, 5, "")


def test_where_no_plan_is_kept_all_stand_beside_the_sql() -> None:
    made = "SELECT %s, %s", (Awkward.WORD, "b")
    assert query_plans.with_constants(object(), made) == (made[0], [Awkward.WORD, "b"])


class Awkward(models.TextChoices):
    WORD = r"a'b\c%d", "Awkward"


def prepared(question: str) -> int:
    with connection.cursor() as cursor:
        beginning = f"{question.partition(' WHERE ')[0]}%"
        cursor.execute("SELECT COUNT(*) FROM pg_prepared_statements WHERE statement LIKE %s", [beginning])
        return int(cursor.fetchone()[0])


def pooled(number: int) -> None:
    """So many connections at once, all idle in the pool afterwards."""
    everybody = threading.Barrier(number)

    def use() -> None:
        connection.ensure_connection()
        everybody.wait(timeout=30)
        connection.close()

    threads = [threading.Thread(target=use) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_after_a_restart_of_the_server_no_page_waits_in_vain(postgresql_only: None) -> None:
    """A restart leaves a pool of dead connections; so does ending their sessions."""
    pooled(6)
    with psycopg.connect(**connection.get_connection_params()) as outside:
        outside.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    connection.close()
    began = time.monotonic()

    assert shown("lock_timeout") == "30s"
    assert time.monotonic() - began < 3


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_a_statement_that_takes_too_long_is_ended(postgresql_only: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '50ms'")
        try:
            with pytest.raises(OperationalError, match="statement timeout"):
                cursor.execute("SELECT pg_sleep(5)")
        finally:
            cursor.execute("RESET statement_timeout")


# --- A read replica --------------------------------------------------------------------------------
def test_a_replica_is_as_the_primary_and_is_not_waited_for() -> None:
    described = database.replica("REPLICA", ADDRESS, of=tuned())
    assert described["HOST"] == "db.example.org"
    assert described["OPTIONS"]["pool"]["timeout"] == database.REPLICA_WAIT_SECONDS
    assert described["OPTIONS"]["tcp_user_timeout"] == str(database.REPLICA_WAIT_SECONDS * 1000)
    assert tuned()["OPTIONS"]["pool"]["timeout"] > database.REPLICA_WAIT_SECONDS


@pytest.mark.parametrize(("replica", "primary"), [("sqlite:///srv/a", ADDRESS), (ADDRESS, "sqlite:///srv/a")])
def test_sqlite_has_no_replica(replica: str, primary: str) -> None:
    sentence = r"^REPLICA needs PostgreSQL, in DATABASE_URL too: SQLite has no replicas\.$"
    with pytest.raises(ImproperlyConfigured, match=sentence):
        database.replica("REPLICA", replica, of=tuned(primary))
