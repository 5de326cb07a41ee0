from django.db import migrations, models

from ca_bridge.database.online_index import AddIndexOnline


class Migration(migrations.Migration):
    """Every page counts the requests that are stopped, and those that nobody decides: few among all that are open."""

    atomic = False  # the indexes are built beside the writers

    dependencies = [
        ('identity_manager', '0036_batch_stretches'),
    ]

    operations = [
        AddIndexOnline(
            model_name='tokenrequest',
            index=models.Index(condition=models.Q(('stopped_at__isnull', False)), fields=['state'], name='token_request_stopped'),
        ),
        AddIndexOnline(
            model_name='tokenrequest',
            index=models.Index(condition=models.Q(('office_told_at__isnull', False)), fields=['state'], name='token_request_told'),
        ),
    ]
