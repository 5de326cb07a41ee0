"""What lists of persons are filtered by stands in the index of the search on SQLite."""

from django.db import migrations

from ca_bridge.database import statistics
from identity_manager.models.person_search import matching as person_search


def install_on_sqlite(apps, schema_editor):
    """With statistics, where there is something to count: without, SQLite looks elsewhere first."""
    if schema_editor.connection.vendor == "sqlite":
        person_search.install(schema_editor.connection)
        if apps.get_model("identity_manager", "Person").objects.exists():
            statistics.analyze()


class Migration(migrations.Migration):

    dependencies = [
        ('identity_manager', '0032_what_waits'),
    ]

    operations = [
        migrations.RunPython(install_on_sqlite, migrations.RunPython.noop),
    ]
