"""Batch orders, and a line for each of their persons. New tables only: code from before does not know them."""


import ca_bridge.database.state_machine
import django.db.models.deletion
import django.utils.timezone
import identity_manager.models.identifiers
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('identity_manager', '0021_mail_queued_again'),
    ]

    operations = [
        migrations.CreateModel(
            name='BatchOrder',
            fields=[
                ('version', models.PositiveIntegerField(default=0, editable=False)),
                ('claim_id', models.UUIDField(editable=False, null=True)),
                ('leased_until', models.DateTimeField(editable=False, null=True)),
                ('attempts', models.PositiveIntegerField(default=0, editable=False)),
                ('next_attempt_at', models.DateTimeField(editable=False, null=True)),
                ('nudged_at', models.DateTimeField(editable=False, null=True)),
                ('last_error', models.TextField(blank=True, editable=False)),
                ('last_error_at', models.DateTimeField(editable=False, null=True)),
                ('id', models.UUIDField(default=identity_manager.models.identifiers.new_id, editable=False, primary_key=True, serialize=False)),
                ('reference', models.CharField(default=identity_manager.models.identifiers.new_reference, editable=False, max_length=16, unique=True)),
                ('asked_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('source', models.CharField(choices=[('selection', 'a selection of SEARCH'), ('file', 'a CSV file')], max_length=16)),
                ('file_name', models.CharField(blank=True, max_length=200)),
                ('accept_partial', models.BooleanField(default=False)),
                ('chosen', models.JSONField(default=list)),
                ('total', models.PositiveIntegerField()),
                ('looked_at', models.PositiveIntegerField(default=0)),
                ('state', models.CharField(choices=[('checking', 'Dry run under way'), ('checked', 'Waits for its start'), ('running', 'Running'), ('paused', 'Paused'), ('finished', 'Finished'), ('cancelled', 'Cancelled')], default='checking', max_length=16)),
                ('stopped_because', models.CharField(blank=True, max_length=40)),
                ('started_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('counts', models.JSONField(default=dict)),
                ('asked_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.person')),
                ('types', models.ManyToManyField(related_name='+', to='identity_manager.tokentype')),
            ],
            options={
                'ordering': ['-asked_at', '-pk'],
            },
            bases=(ca_bridge.database.state_machine.SafeFSM, models.Model),
        ),
        migrations.CreateModel(
            name='BatchLine',
            fields=[
                ('id', models.UUIDField(default=identity_manager.models.identifiers.new_id, editable=False, primary_key=True, serialize=False)),
                ('position', models.PositiveIntegerField()),
                ('personnel_number', models.CharField(blank=True, help_text='where nobody has it', max_length=64)),
                ('outcome', models.CharField(choices=[('ready', 'Can be enabled'), ('refused', 'Cannot be enabled'), ('enabled', 'Enabled'), ('skipped', 'Skipped')], max_length=16)),
                ('types', models.JSONField(default=list)),
                ('reasons', models.JSONField(default=list)),
                ('settled_at', models.DateTimeField(null=True)),
                ('person', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.person')),
                ('request', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.tokenrequest')),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='identity_manager.batchorder')),
            ],
        ),
        migrations.AddIndex(
            model_name='batchorder',
            index=models.Index(fields=['asked_at'], name='batch_order_age'),
        ),
        migrations.AddIndex(
            model_name='batchorder',
            index=models.Index(condition=models.Q(('next_attempt_at__isnull', False)), fields=['next_attempt_at'], name='batch_order_due'),
        ),
        migrations.AddConstraint(
            model_name='batchorder',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['checking', 'checked', 'running', 'paused', 'finished', 'cancelled'])), name='batch_order_state'),
        ),
        migrations.AddConstraint(
            model_name='batchorder',
            constraint=models.CheckConstraint(condition=models.Q(('source__in', ['selection', 'file'])), name='batch_order_source'),
        ),
        migrations.AddIndex(
            model_name='batchline',
            index=models.Index(fields=['order', 'outcome', 'position'], name='batch_line_by_outcome'),
        ),
        migrations.AddConstraint(
            model_name='batchline',
            constraint=models.CheckConstraint(condition=models.Q(('outcome__in', ['ready', 'refused', 'enabled', 'skipped'])), name='batch_line_outcome'),
        ),
        migrations.AddConstraint(
            model_name='batchline',
            constraint=models.UniqueConstraint(fields=('order', 'position'), name='batch_line_once'),
        ),
        migrations.AddConstraint(
            model_name='batchline',
            constraint=models.UniqueConstraint(condition=models.Q(('person__isnull', False)), fields=('order', 'person'), name='batch_line_person_once'),
        ),
        migrations.AddConstraint(
            model_name='batchline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('outcome', 'enabled'), ('request__isnull', False)), models.Q(models.Q(('outcome', 'enabled'), _negated=True), ('request__isnull', True)), _connector='OR'), name='batch_line_enabled_has_request'),
        ),
    ]
