import django.db.models.deletion
from django.db import migrations, models

from ca_bridge.database.online_index import AddIndexOnline


class Migration(migrations.Migration):
    """A person says which officer entered them."""

    atomic = False  # the index is built beside the writers

    dependencies = [
        ('identity_manager', '0048_code_of_an_operator'),
    ]

    operations = [
        migrations.AddField(
            model_name='person',
            name='entered_by',
            field=models.ForeignKey(db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.person'),
        ),
        AddIndexOnline(
            model_name='person',
            index=models.Index(fields=['entered_by'], name='person_entered_by'),
        ),
    ]
