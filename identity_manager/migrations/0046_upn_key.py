"""User principal names are compared as Active Directory does; 0047 fills the column."""

from django.db import migrations

import identity_manager.models.people.upn_key
from identity_manager.models.person_search import matching as person_search


def install_on_sqlite(_apps, schema_editor):
    """A unique column has SQLite make the table anew, and the triggers of the search are gone."""
    if schema_editor.connection.vendor == "sqlite":
        person_search.install(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [
        ('identity_manager', '0045_audit_forms'),
    ]

    operations = [
        migrations.AddField(
            model_name='person',
            name='upn_key',
            field=identity_manager.models.people.upn_key.UpnKeyField(editable=False, max_length=64, null=True, unique=True),
        ),
        migrations.RunPython(install_on_sqlite, migrations.RunPython.noop),
    ]
