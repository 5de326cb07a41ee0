from django.db import migrations, models

from ca_bridge.database.online_index import AddIndexOnline


class Migration(migrations.Migration):
    """Persons in the order in which they were written, for who compares what was written since."""

    atomic = False  # the index is built beside the writers

    dependencies = [
        ('identity_manager', '0066_holder_change'),
    ]

    operations = [
        AddIndexOnline(
            model_name='person',
            index=models.Index(fields=['updated_at', 'id'], name='person_written'),
        ),
    ]
