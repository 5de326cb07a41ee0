import django.db.models.deletion
from django.db import connection, migrations, models

import identity_manager.models.identifiers
from identity_manager.models.catalogue import former_columns


def install_triggers(_apps, schema_editor):
    """SQLite has made the token types anew, and the triggers of their former columns are gone."""
    if schema_editor.connection.vendor == 'sqlite':
        former_columns.install(schema_editor.connection)


class Migration(migrations.Migration):
    """What happens where the person of a token changes, and each such change."""

    # PostgreSQL: each statement by itself. SQLite lets no reader see a table that is being made anew.
    atomic = connection.vendor == 'sqlite'

    dependencies = [
        ('identity_manager', '0065_terms_again'),
    ]

    operations = [
        migrations.CreateModel(
            name='HolderChange',
            fields=[
                ('id', models.UUIDField(default=identity_manager.models.identifiers.new_id, editable=False, primary_key=True, serialize=False)),
                ('token', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='holder_changes', to='identity_manager.softwaretoken')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.person')),
                ('fingerprint', models.CharField(max_length=64)),
                ('noticed_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('ended_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.person')),
                ('reason', models.CharField(blank=True, max_length=300)),
            ],
            options={
                'ordering': ['noticed_at', 'pk'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('token',), name='holder_change_one_open')],
            },
        ),
        migrations.AddField(
            model_name='tokentype',
            name='on_holder_change',
            field=models.CharField(choices=[('renew', 'It is renewed at once'), ('tell', 'A Software Token Administrator is told'), ('nothing', 'Nothing')], db_default='tell', default='tell', error_messages={'required': 'Choose what happens when its holder changes.'}, help_text='Name, e-mail, UPN or SID, where a certificate in use says them.', max_length=16, verbose_name='When its holder changes'),
        ),
        migrations.AlterField(
            model_name='tokenrequest',
            name='origin',
            field=models.CharField(choices=[('administrator', 'started by an administrator'), ('self-service', 'started by the person'), ('expiry-check', 'started by the expiry check'), ('holder-change', "started because the person's data have changed")], max_length=16),
        ),
        migrations.RunPython(install_triggers, migrations.RunPython.noop),
    ]
