from django.db import connection, migrations, models

from identity_manager.models.catalogue import former_columns


def install_triggers(_apps, schema_editor):
    """SQLite may have made the token types anew, and the triggers of their former columns are gone."""
    if schema_editor.connection.vendor == 'sqlite':
        former_columns.install(schema_editor.connection)


class Migration(migrations.Migration):
    """Token types that targets alone deliver; and since when a finding of a comparison is known."""

    # As in 0058: several tables, one statement after the other on PostgreSQL.
    atomic = connection.vendor == 'sqlite'

    dependencies = [
        ('identity_manager', '0106_name_order'),
    ]

    operations = [
        migrations.AddField(
            model_name='driftfinding',
            name='since',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='tokentype',
            name='targets_alone',
            field=models.BooleanField(db_default=False, default=False, help_text='The person gets no file and no passphrase: the keys go to the targets, and nowhere else. Every certificate of the type has to be one whose key may go there, and a target that takes keys has to be switched on for the type before this version is activated.', verbose_name='Delivered by its targets alone'),
        ),
        migrations.RunPython(install_triggers, migrations.RunPython.noop),
        migrations.RemoveConstraint(
            model_name='softwaretoken',
            name='software_token_delivery',
        ),
        migrations.AlterField(
            model_name='softwaretoken',
            name='delivery',
            field=models.CharField(choices=[('none', 'Not yet'), ('queued', 'Waits to be sent'), ('sent', 'Sent'), ('bounced', 'Came back'), ('offered', 'Waits to be fetched'), ('fetched', 'Fetched from the portal'), ('to_targets', 'Goes to its targets'), ('at_targets', 'At its targets')], default='none', max_length=16),
        ),
        migrations.AddConstraint(
            model_name='softwaretoken',
            constraint=models.CheckConstraint(condition=models.Q(('delivery__in', ['none', 'queued', 'sent', 'bounced', 'offered', 'fetched', 'to_targets', 'at_targets'])), name='software_token_delivery'),
        ),
    ]
