import django.core.validators
import django.db.models.deletion
from django.db import connection, migrations, models

import identity_manager.models.identifiers
from identity_manager.models.catalogue import former_columns


def install_triggers(_apps, schema_editor):
    """SQLite has made the token types anew, and the triggers of their former columns are gone."""
    if schema_editor.connection.vendor == 'sqlite':
        former_columns.install(schema_editor.connection)


class Migration(migrations.Migration):
    """Who says that a token is installed, and what its type does where nobody says so."""

    # PostgreSQL: each statement by itself. SQLite lets no reader see a table that is being made anew.
    atomic = connection.vendor == 'sqlite'

    dependencies = [
        ('identity_manager', '0079_purpose_and_postponements'),
    ]

    operations = [
        migrations.CreateModel(
            name='Installation',
            fields=[
                ('id', models.UUIDField(default=identity_manager.models.identifiers.new_id, editable=False, primary_key=True, serialize=False)),
                ('device', models.CharField(choices=[('windows', 'Windows'), ('macos', 'Mac'), ('iphone', 'iPhone or iPad'), ('android', 'Android'), ('linux', 'Linux'), ('other', 'Another device')], max_length=16)),
                ('said_at', models.DateTimeField()),
                ('taken_back_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['said_at', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='InstallationNotice',
            fields=[
                ('id', models.UUIDField(default=identity_manager.models.identifiers.new_id, editable=False, primary_key=True, serialize=False)),
                ('asked_at', models.DateTimeField()),
                ('next_at', models.DateTimeField(null=True)),
                ('mails', models.PositiveSmallIntegerField(default=0)),
                ('revoke_at', models.DateTimeField(null=True)),
                ('told_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('revoked_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['asked_at', 'pk'],
            },
        ),
        migrations.AddField(
            model_name='softwaretoken',
            name='installed_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='tokentype',
            name='installation_days',
            field=models.PositiveIntegerField(db_default=14, default=14, error_messages={'max_value': 'It must be from 7 to 365.', 'min_value': 'It must be from 7 to 365.', 'required': 'Enter within how many days it is to be installed.'}, help_text='Counted from when it is delivered and its passphrase noted; a hold stops them.', validators=[django.core.validators.MinValueValidator(7), django.core.validators.MaxValueValidator(365)], verbose_name='Days until it is to be installed'),
        ),
        migrations.AddField(
            model_name='tokentype',
            name='installation_policy',
            field=models.CharField(choices=[('nothing', 'Nothing'), ('remind', 'The person is reminded'), ('tell', 'The person is reminded, then a Software Token Administrator is told'), ('revoke', 'The person is warned, then it is revoked')], db_default='nothing', default='nothing', error_messages={'required': 'Choose what happens when nobody says that it is installed.'}, help_text='The person says so in Self-Service. It holds for tokens from before, too, from now on.', max_length=16, verbose_name='When nobody says that it is installed'),
        ),
        migrations.AddField(
            model_name='installation',
            name='token',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='installations', to='identity_manager.softwaretoken'),
        ),
        migrations.AddField(
            model_name='installationnotice',
            name='ended_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.person'),
        ),
        migrations.AddField(
            model_name='installationnotice',
            name='token',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='installation_notice', to='identity_manager.softwaretoken'),
        ),
        migrations.AddConstraint(
            model_name='installation',
            constraint=models.CheckConstraint(condition=models.Q(('device__in', ['windows', 'macos', 'iphone', 'android', 'linux', 'other'])), name='installation_device'),
        ),
        migrations.AddIndex(
            model_name='installationnotice',
            index=models.Index(condition=models.Q(('ended_at', None)), fields=['next_at'], name='installation_due'),
        ),
        migrations.AddIndex(
            model_name='installationnotice',
            index=models.Index(condition=models.Q(('ended_at', None), ('revoke_at__isnull', False)), fields=['revoke_at'], name='installation_revoke'),
        ),
        migrations.AddIndex(
            model_name='installationnotice',
            index=models.Index(condition=models.Q(('ended_at', None), ('told_at__isnull', False)), fields=['told_at'], name='installation_told'),
        ),
        migrations.AddIndex(
            model_name='installationnotice',
            index=models.Index(condition=models.Q(('revoked_at__isnull', False)), fields=['revoked_at'], name='installation_revoked'),
        ),
        migrations.RunPython(install_triggers, migrations.RunPython.noop),
    ]
