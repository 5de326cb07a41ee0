from django.db import migrations, models

from ca_bridge.database.online_index import AddIndexOnline


class Migration(migrations.Migration):
    """Tokens that nobody has said to be installed."""

    atomic = False  # the index is built beside the writers

    dependencies = [
        ('identity_manager', '0080_installations'),
    ]

    operations = [
        AddIndexOnline(
            model_name='softwaretoken',
            index=models.Index(condition=models.Q(('acknowledged_at__isnull', False)), fields=['installed_at', 'id'], name='software_token_not_installed'),
        ),
    ]
