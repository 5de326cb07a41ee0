from django.db import migrations, models

from identity_manager.models.catalogue import former_columns


def install_triggers(_apps, schema_editor):
    """SQLite may have made the token types anew, and the triggers of their former columns are gone."""
    if schema_editor.connection.vendor == 'sqlite':
        former_columns.install(schema_editor.connection)


class Migration(migrations.Migration):
    """Token types whose configuration profile creates a mail account."""

    dependencies = [
        ('identity_manager', '0092_api_clients'),
    ]

    operations = [
        migrations.AddField(
            model_name='tokentype',
            name='apple_mail_account',
            field=models.BooleanField(db_default=False, default=False, help_text='The profile for these devices creates a mail account with S/MIME switched on, at the mail servers of the settings. Who has the account already does not want this: there would be two.', verbose_name='Mail account on iPhone and iPad'),
        ),
        migrations.RunPython(install_triggers, migrations.RunPython.noop),
    ]
