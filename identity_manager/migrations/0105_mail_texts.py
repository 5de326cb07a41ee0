import ca_bridge.database.state_machine
import django.db.models.deletion
import django.utils.timezone
import identity_manager.models.identifiers
from django.db import migrations, models


class Migration(migrations.Migration):
    """The company's own texts of mails."""

    dependencies = [
        ('identity_manager', '0104_sid_as_uri'),
    ]

    operations = [
        migrations.CreateModel(
            name='MailText',
            fields=[
                ('version', models.PositiveIntegerField(default=0, editable=False)),
                ('asked_at', models.DateTimeField(editable=False, null=True)),
                ('decided_at', models.DateTimeField(editable=False, null=True)),
                ('reason', models.TextField(blank=True, db_column='refusal', db_default='', default='', editable=False)),
                ('id', models.UUIDField(default=identity_manager.models.identifiers.new_id, editable=False, primary_key=True, serialize=False)),
                ('code', models.CharField(editable=False, max_length=60)),
                ('number', models.PositiveIntegerField(default=1, editable=False, verbose_name='version')),
                ('subject', models.CharField(blank=True, max_length=200, verbose_name='Subject')),
                ('body', models.TextField(blank=True, max_length=10000, verbose_name='Text')),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('active', 'Active'), ('retired', 'Retired')], default='draft', editable=False, max_length=16)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('failed_at', models.DateTimeField(editable=False, null=True)),
                ('failure', models.CharField(blank=True, db_default='', default='', editable=False, max_length=300)),
                ('asked_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.person')),
                ('decided_by', models.ForeignKey(db_column='refused_by_id', editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.person')),
                ('editors', models.ManyToManyField(editable=False, related_name='+', to='identity_manager.person')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['draft', 'active', 'retired'])), name='mail_text_state'), models.UniqueConstraint(fields=('code', 'number'), name='mail_text_version_once'), models.UniqueConstraint(condition=models.Q(('state', 'active')), fields=('code',), name='mail_text_one_active'), models.UniqueConstraint(condition=models.Q(('state', 'draft')), fields=('code',), name='mail_text_one_draft')],
            },
            bases=(ca_bridge.database.state_machine.SafeFSM, models.Model),
        ),
    ]
