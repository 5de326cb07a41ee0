import ca_bridge.database.binary_field
import django.db.models.deletion
import django.utils.timezone
import identity_manager.models.identifiers
from django.db import migrations, models


class Migration(migrations.Migration):
    """CAs are compared with the database: how far that is, and what was found."""

    dependencies = [
        ('ca_bridge', '0007_surplus_ends'),
        ('identity_manager', '0050_last_backup'),
    ]

    operations = [
        migrations.CreateModel(
            name='CaComparison',
            fields=[
                ('id', models.UUIDField(default=identity_manager.models.identifiers.new_id, editable=False, primary_key=True, serialize=False)),
                ('alias', models.CharField(max_length=100)),
                ('since', models.DateTimeField()),
                ('begun_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('step', models.CharField(choices=[('listing', 'reads what the authority has issued'), ('asking', 'asks the authority for what the database holds'), ('done', 'compared'), ('impossible', 'cannot be compared')], default='listing', max_length=12)),
                ('cursor', models.TextField(blank=True)),
                ('listed', models.PositiveIntegerField(default=0)),
                ('asked', models.PositiveIntegerField(default=0)),
                ('asked_to', models.UUIDField(null=True)),
                ('rounds', models.PositiveSmallIntegerField(default=0)),
                ('worked_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('again_at', models.DateTimeField(null=True)),
                ('trouble', models.TextField(blank=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('alias', 'since'), name='ca_comparison_once'), models.CheckConstraint(condition=models.Q(('step__in', ['listing', 'asking', 'done', 'impossible'])), name='ca_comparison_step')],
            },
        ),
        migrations.CreateModel(
            name='CaFinding',
            fields=[
                ('id', models.UUIDField(default=identity_manager.models.identifiers.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('unknown', 'The authority has issued it, and the database does not know it'), ('missing', 'The database holds it as issued, and the authority does not know it')], max_length=8)),
                ('state', models.CharField(choices=[('open', 'Waits for an officer'), ('waiting', 'Its order is under way'), ('revoking', 'Is to be revoked'), ('revoked', 'Revoked'), ('adopted', 'Adopted'), ('left', 'Left as it is'), ('settled', 'Settled by itself')], default='open', max_length=8)),
                ('certificate', ca_bridge.database.binary_field.BytesField(default=b'')),
                ('issuer', models.CharField(max_length=1000)),
                ('serial', models.CharField(max_length=40)),
                ('subject', models.CharField(blank=True, max_length=1000)),
                ('not_before', models.DateTimeField()),
                ('not_after', models.DateTimeField()),
                ('found_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('decided_at', models.DateTimeField(null=True)),
                ('reason', models.TextField(blank=True)),
                ('tried_at', models.DateTimeField(null=True)),
                ('by_hand_since', models.DateTimeField(null=True)),
                ('trouble', models.TextField(blank=True)),
                ('closed_at', models.DateTimeField(null=True)),
                ('comparison', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='findings', to='identity_manager.cacomparison')),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.person')),
                ('order', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ca_bridge.caorder')),
                ('token_certificate', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.certificate')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('closed_at', None)), fields=['state', 'found_at'], name='ca_finding_open')],
                'constraints': [models.UniqueConstraint(fields=('issuer', 'serial', 'kind'), name='ca_finding_once'), models.CheckConstraint(condition=models.Q(('state__in', ['open', 'waiting', 'revoking', 'revoked', 'adopted', 'left', 'settled'])), name='ca_finding_state'), models.CheckConstraint(condition=models.Q(('kind__in', ['unknown', 'missing'])), name='ca_finding_kind'), models.CheckConstraint(condition=models.Q(models.Q(('closed_at', None), ('state__in', ('open', 'waiting', 'revoking'))), models.Q(('certificate', b''), ('closed_at__isnull', False), ('subject', ''), models.Q(('state__in', ('open', 'waiting', 'revoking')), _negated=True)), _connector='OR'), name='ca_finding_closed_lets_go')],
            },
        ),
    ]
