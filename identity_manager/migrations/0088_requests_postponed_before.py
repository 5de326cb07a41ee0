from django.db import migrations, models

from ca_bridge.database.online_index import AddIndexOnline


class Migration(migrations.Migration):
    """Requests that release 1.0 has postponed: a job looks for them."""

    atomic = False  # the index is built beside the writers

    dependencies = [
        ('identity_manager', '0087_scim_clients'),
    ]

    operations = [
        AddIndexOnline(
            model_name='tokenrequest',
            index=models.Index(condition=models.Q(('postponed_until__isnull', False)), fields=['id'], name='token_request_postponed'),
        ),
    ]
