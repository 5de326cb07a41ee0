from django.db import connection, migrations, models

from identity_manager.models.catalogue import former_columns


def install_triggers(_apps, schema_editor):
    """SQLite may have made the token types anew, and the triggers of their former columns are gone."""
    if schema_editor.connection.vendor == 'sqlite':
        former_columns.install(schema_editor.connection)


class Migration(migrations.Migration):
    """For which devices the files of a request are, and whether a type asks for it."""

    # As in 0058: several tables, one statement after the other on PostgreSQL.
    atomic = connection.vendor == 'sqlite'

    dependencies = [
        ('identity_manager', '0084_imports_tell_persons'),
    ]

    operations = [
        migrations.AddField(
            model_name='tokenrequest',
            name='devices',
            field=models.CharField(blank=True, db_default='', default='', help_text='for which the files are, by code', max_length=200),
        ),
        migrations.AddField(
            model_name='tokentype',
            name='device_rule',
            field=models.CharField(choices=[('never', 'Is not asked for'), ('may', 'May be said'), ('must', 'Has to be said')], db_default='may', default='may', error_messages={'required': 'Choose whether the person says for which devices it is.'}, help_text='The person says it with the terms. The mail then brings a file that all of them read.', max_length=16, verbose_name='Devices'),
        ),
        migrations.RunPython(install_triggers, migrations.RunPython.noop),
    ]
