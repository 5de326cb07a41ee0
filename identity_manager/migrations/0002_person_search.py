"""The indexes of the search for persons, which differ from one database to the other."""

from django.db import migrations

from identity_manager.models.person_search import matching as person_search


def install(apps, schema_editor):
    person_search.install(schema_editor.connection)


def remove(apps, schema_editor):
    person_search.remove(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("identity_manager", "0001_initial")]

    operations = [migrations.RunPython(install, remove)]
