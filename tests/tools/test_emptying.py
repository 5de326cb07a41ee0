"""What a test has committed is gone afterwards, whatever refuses to let it go."""

import pytest
from django.core.management import call_command
from django.db import connection

from identity_manager.audit import sealing
from identity_manager.models import AuditEvent, Person
from tests.tools.cast import Company
from tests.tools.emptying import TOLD_OF_TRUNCATION, filled, first_column

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.usefixtures("postgresql_only"),
    pytest.mark.nightly,
]


def emptied() -> list[str]:
    """The tables that hold something after a flush."""
    call_command("flush", verbosity=0, interactive=False, reset_sequences=False)
    return filled(connection.ops, connection.introspection.django_table_names(only_existing=True))


def test_nothing_is_left_of_a_whole_road() -> None:
    """Of the audit log neither, from which the product deletes nothing."""
    Company().request_in("completed")
    sealing.seal()
    assert AuditEvent.objects.exists()
    assert emptied() == []
    assert first_column("SHOW session_replication_role") == ["origin"]


def test_who_is_told_of_a_truncation_is_told() -> None:
    Company()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            CREATE TABLE told (name text);
            INSERT INTO told VALUES ('a row beside');
            CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN TRUNCATE told; RETURN NULL; END $$;
            CREATE TRIGGER told AFTER TRUNCATE ON identity_manager_person FOR EACH STATEMENT
            EXECUTE FUNCTION told()
            """
        )
    try:
        assert first_column(TOLD_OF_TRUNCATION) == ["told"]
        assert emptied() == []
        assert first_column("SELECT name FROM told") == []
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION told CASCADE; DROP TABLE told")
    assert not Person.objects.exists()
