from django.db import migrations, models

from ca_bridge.database.online_index import AddIndexOnline


class Migration(migrations.Migration):
    """Tokens that nobody has said to be installed, by their type."""

    atomic = False  # the index is built beside the writers

    dependencies = [
        ('identity_manager', '0080_installations'),
    ]

    operations = [
        AddIndexOnline(
            model_name='softwaretoken',
            index=models.Index(condition=models.Q(('acknowledged_at__isnull', False), ('installed_at', None), ('state', 'active')), fields=['type_code', 'id'], name='software_token_not_installed'),
        ),
    ]
