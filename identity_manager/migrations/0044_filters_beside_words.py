from django.db import migrations

from identity_manager.models.person_search import postgresql as person_first


def install(_apps, schema_editor):
    if schema_editor.connection.vendor == 'postgresql':
        person_first.install_online(schema_editor.connection)


class Migration(migrations.Migration):
    """What lists of persons are filtered by stands in the indexes of the search on PostgreSQL, too."""

    atomic = False  # the indexes are built beside the writers

    dependencies = [
        ('identity_manager', '0043_ca_findings'),
    ]

    operations = [
        migrations.RunPython(install, migrations.RunPython.noop),
    ]
