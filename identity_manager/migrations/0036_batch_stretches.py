import django.db.models.deletion
import identity_manager.models.identifiers
from django.db import migrations, models


class Migration(migrations.Migration):
    """Stretches of batch orders. A new table only: code from before does not know it."""

    dependencies = [
        ('identity_manager', '0035_keys_of_what_expired'),
    ]

    operations = [
        migrations.CreateModel(
            name='BatchStretch',
            fields=[
                ('claim_id', models.UUIDField(editable=False, null=True)),
                ('leased_until', models.DateTimeField(editable=False, null=True)),
                ('attempts', models.PositiveIntegerField(default=0, editable=False)),
                ('next_attempt_at', models.DateTimeField(editable=False, null=True)),
                ('nudged_at', models.DateTimeField(editable=False, null=True)),
                ('last_error', models.TextField(blank=True, editable=False)),
                ('last_error_at', models.DateTimeField(editable=False, null=True)),
                ('id', models.UUIDField(default=identity_manager.models.identifiers.new_id, editable=False, primary_key=True, serialize=False)),
                ('first', models.PositiveIntegerField()),
                ('last', models.PositiveIntegerField()),
                ('pace', models.PositiveIntegerField(null=True)),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='stretches', to='identity_manager.batchorder')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('next_attempt_at__isnull', False)), fields=['next_attempt_at'], name='batch_stretch_due')],
                'constraints': [models.UniqueConstraint(fields=('order', 'first'), name='batch_stretch_once'), models.CheckConstraint(condition=models.Q(('first__lte', models.F('last'))), name='batch_stretch_forward')],
            },
        ),
    ]
