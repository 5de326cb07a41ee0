from django.db import connection, migrations, models

from identity_manager.models.catalogue import former_columns


def install_triggers(_apps, schema_editor):
    """SQLite has made the token types anew, and the triggers of their former columns are gone."""
    if schema_editor.connection.vendor == 'sqlite':
        former_columns.install(schema_editor.connection)


RULES = [('revoke', 'It is revoked at once'), ('hold', 'It is put on hold'), ('run-out', 'It stays valid until its own end')]


class Migration(migrations.Migration):
    """What happens to the tokens of a type when their holder becomes Inactive, or is locked."""

    # PostgreSQL: each statement by itself. SQLite lets no reader see a table that is being made anew.
    atomic = connection.vendor == 'sqlite'

    dependencies = [
        ('identity_manager', '0090_targets'),
    ]

    operations = [
        migrations.AddField(
            model_name='tokentype',
            name='on_leave',
            field=models.CharField(choices=RULES, db_default='hold', default='hold', error_messages={'required': 'Choose what happens when its holder becomes Inactive.'}, help_text='What is on hold comes back when the person is activated. It holds for older tokens, too.', max_length=16, verbose_name='When its holder becomes Inactive'),
        ),
        migrations.AddField(
            model_name='tokentype',
            name='on_lock',
            field=models.CharField(choices=RULES, db_default='revoke', default='revoke', error_messages={'required': 'Choose what happens when its holder is locked.'}, help_text='Locked is for good, so what is on hold stays so until its end. After a key compromise, and where the passphrase was not noted, it is revoked all the same.', max_length=16, verbose_name='When its holder is locked'),
        ),
        migrations.RunPython(install_triggers, migrations.RunPython.noop),
    ]
