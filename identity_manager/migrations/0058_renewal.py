import django.core.validators
import django.db.models.deletion
from django.db import connection, migrations, models

from identity_manager.models.catalogue import former_columns


def install_triggers(_apps, schema_editor):
    """SQLite has made the token types anew, and the triggers of their former columns are gone."""
    if schema_editor.connection.vendor == 'sqlite':
        former_columns.install(schema_editor.connection)


class Migration(migrations.Migration):
    """Which token a token renews, what its person was told, and the rules of each type."""

    # PostgreSQL: each statement by itself, or a writer that holds one table and a migration that holds
    # another would wait for each other. SQLite lets no reader see a table that is being made anew.
    atomic = connection.vendor == 'sqlite'

    dependencies = [
        ('identity_manager', '0057_labels_of_the_catalogue'),
    ]

    operations = [
        migrations.CreateModel(
            name='RenewalNotice',
            fields=[
                ('token', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='renewal_notice', serialize=False, to='identity_manager.softwaretoken')),
                ('ends_at', models.DateTimeField(db_index=True)),
                ('created_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(null=True)),
                ('not_needed_at', models.DateTimeField(null=True)),
                ('not_needed_reason', models.CharField(blank=True, max_length=300)),
            ],
            options={
                'ordering': ['ends_at', 'pk'],
            },
        ),
        migrations.AddField(
            model_name='softwaretoken',
            name='predecessor',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='renewals', to='identity_manager.softwaretoken'),
        ),
        migrations.AlterField(
            model_name='tokenrequest',
            name='origin',
            field=models.CharField(choices=[('administrator', 'started by an administrator'), ('self-service', 'started by the person'), ('expiry-check', 'started by the expiry check')], max_length=16),
        ),
        migrations.AlterField(
            model_name='tokentype',
            name='renewal_days',
            field=models.PositiveIntegerField(default=60, error_messages={'max_value': 'It must be from 1 to 365.', 'min_value': 'It must be from 1 to 365.', 'required': 'Enter how many days before the end a renewal may begin.'}, help_text='From then on a token can have a successor while it is valid.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(365)], verbose_name='Renewal window, in days before the end'),
        ),
        migrations.AddField(
            model_name='tokentype',
            name='renewal_approval',
            field=models.CharField(choices=[('never', 'Never'), ('changed', 'When data have changed'), ('always', 'Always')], db_default='changed', default='changed', error_messages={'required': 'Choose when a renewal needs approval.'}, help_text='Where a first issue needs one, too. Data are those of the person and of the profiles.', max_length=16, verbose_name='A renewal needs approval'),
        ),
        migrations.AddField(
            model_name='tokentype',
            name='renewal_policy',
            field=models.CharField(choices=[('ask', 'The person, who is asked'), ('automatic', 'By itself, for Active persons'), ('officers', 'Officers only')], db_default='ask', default='ask', error_messages={'required': 'Choose who starts a renewal.'}, help_text='The person accepts changed terms and notes the passphrase in each case.', max_length=16, verbose_name='Who starts a renewal'),
        ),
        migrations.AddField(
            model_name='tokentype',
            name='replaced_after_days',
            field=models.PositiveIntegerField(db_default=7, default=7, error_messages={'max_value': 'It must be from 0 to 90.', 'min_value': 'It must be from 0 to 90.', 'required': 'Enter after how many days the renewed token ends.'}, help_text='Counted from when the new one is delivered and its passphrase noted.', validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(90)], verbose_name='Days until the renewed token ends'),
        ),
        migrations.AddField(
            model_name='renewalnotice',
            name='person',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.person'),
        ),
        migrations.RunPython(install_triggers, migrations.RunPython.noop),
    ]
