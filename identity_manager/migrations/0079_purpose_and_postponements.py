import django.db.models.deletion
import django.utils.timezone
import identity_manager.models.identifiers
from django.db import connection, migrations, models

from identity_manager.models.catalogue import former_columns


def install_triggers(_apps, schema_editor):
    """SQLite may have made the token types anew, and the triggers of their former columns are gone."""
    if schema_editor.connection.vendor == 'sqlite':
        former_columns.install(schema_editor.connection)


class Migration(migrations.Migration):
    """What tokens are asked for, whether a type demands it, and postponements of one approver."""

    # As in 0058: several tables, one statement after the other on PostgreSQL.
    atomic = connection.vendor == 'sqlite'

    dependencies = [
        ('identity_manager', '0077_not_on_crl'),  # without 0078, which is not part of the squashed migration
    ]

    operations = [
        migrations.AddField(
            model_name='batchorder',
            name='purpose',
            field=models.TextField(blank=True, db_default='', default='', help_text='what it is for'),
        ),
        migrations.AddField(
            model_name='tokenrequest',
            name='purpose',
            field=models.TextField(blank=True, db_default='', default='', help_text='what it is for'),
        ),
        migrations.AddField(
            model_name='tokentype',
            name='purpose_rule',
            field=models.CharField(choices=[('never', 'Is not asked for'), ('may', 'May be said'), ('must', 'Has to be said')], db_default='may', default='may', error_messages={'required': 'Choose whether a request says what it is for.'}, help_text='Who asks for a token says what it is for; approvers read it first.', max_length=16, verbose_name='Purpose of a request'),
        ),
        migrations.AlterField(
            model_name='tokenrequest',
            name='postponed_until',
            field=models.DateTimeField(help_text='of release 1.0; see Postponement', null=True),
        ),
        migrations.CreateModel(
            name='Postponement',
            fields=[
                ('id', models.UUIDField(default=identity_manager.models.identifiers.new_id, editable=False, primary_key=True, serialize=False)),
                ('round', models.PositiveSmallIntegerField()),
                ('until', models.DateTimeField(db_index=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('approver', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.person')),
                ('request', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='postponements', to='identity_manager.tokenrequest')),
            ],
            options={
                'ordering': ['until', 'pk'],
                'constraints': [models.UniqueConstraint(fields=('request', 'approver'), name='postponement_once_per_approver')],
            },
        ),
        migrations.RunPython(install_triggers, migrations.RunPython.noop),
    ]
