from django.db import migrations

from identity_manager.models import person_first


def install(_apps, schema_editor):
    person_first.install(schema_editor.connection)


def remove(_apps, schema_editor):
    person_first.remove(schema_editor.connection)


class Migration(migrations.Migration):
    """Words that many persons have are found in an index of an eighth of them, on PostgreSQL."""

    atomic = False  # the index is built beside the writers

    dependencies = [
        ('identity_manager', '0038_department_and_unit'),
    ]

    operations = [
        migrations.RunPython(install, remove),
    ]
