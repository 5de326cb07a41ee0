from django.db import migrations, models

from ca_bridge.database.online_index import AddIndexOnline


class Migration(migrations.Migration):
    """Tokens on their way to targets are few beside all others: Open Tasks and a job look for them."""

    atomic = False  # the index is built beside the writers

    dependencies = [
        ('identity_manager', '0107_targets_alone'),
    ]

    operations = [
        AddIndexOnline(
            model_name='softwaretoken',
            index=models.Index(
                condition=models.Q(('delivery', 'to_targets')), fields=['state'], name='software_token_to_targets'
            ),
        ),
    ]
