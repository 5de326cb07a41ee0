import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Identities of new persons wait; an import says what it has done, and may be the operator's."""

    dependencies = [
        ('identity_manager', '0051_ca_comparisons'),
    ]

    operations = [
        migrations.AddField(
            model_name='identitychange',
            name='is_entry',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='identitychange',
            name='person_import',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='identity_changes', to='identity_manager.personimport'),
        ),
        migrations.AddField(
            model_name='personimport',
            name='emails_changed',
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='personimport',
            name='leaving',
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name='personimport',
            name='asked_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.person'),
        ),
    ]
