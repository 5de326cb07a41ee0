import ca_bridge.database.binary_field
from django.db import connection, migrations, models

from identity_manager.models.catalogue import former_columns


def install_triggers(_apps, schema_editor):
    """SQLite has made the token types anew, and the triggers of their former columns are gone."""
    if schema_editor.connection.vendor == 'sqlite':
        former_columns.install(schema_editor.connection)


class Migration(migrations.Migration):
    """Keys that go to targets: type and terms say so, and the journal keeps them sealed until they arrive."""

    # As in 0058: several tables, one statement after the other on PostgreSQL.
    atomic = connection.vendor == 'sqlite'

    dependencies = [
        ('identity_manager', '0100_looks'),
    ]

    operations = [
        migrations.AddField(
            model_name='placement',
            name='carries_key',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='placement',
            name='parcel_wrapped',
            field=ca_bridge.database.binary_field.BytesField(null=True),
        ),
        migrations.AddField(
            model_name='termsdraft',
            name='names_key_holders',
            field=models.JSONField(blank=True, db_default=[], default=list, help_text='Keys leave for such a place only under terms that name it. What is chosen here is shown to the person beside the text; the text itself says why, and what that place can do with them.', verbose_name='Who the text says gets a copy of the keys'),
        ),
        migrations.AddField(
            model_name='termsversion',
            name='names_key_holders',
            field=models.JSONField(blank=True, db_default=[], default=list, help_text='Keys leave for such a place only under terms that name it. What is chosen here is shown to the person beside the text; the text itself says why, and what that place can do with them.', verbose_name='Who the text says gets a copy of the keys'),
        ),
        migrations.AddField(
            model_name='tokentype',
            name='keys_leave',
            field=models.BooleanField(db_default=False, default=False, help_text='A copy of each key that decrypts mail goes, with its passphrase, to the targets that two System Administrators switch on for the type: a mail gateway, for example. The terms have to name each kind of them.', verbose_name='Keys may go to targets'),
        ),
        migrations.AddConstraint(
            model_name='placement',
            constraint=models.CheckConstraint(condition=models.Q(('parcel_wrapped', None), models.Q(('carries_key', True), models.Q(('state__in', ('there', 'foreign')), _negated=True)), _connector='OR'), name='placement_parcel_is_erased'),
        ),
        migrations.RunPython(install_triggers, migrations.RunPython.noop),
    ]
