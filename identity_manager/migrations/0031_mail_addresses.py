from django.db import migrations, models
from django.db.models.functions import Lower

from ca_bridge.online_index import AddIndexOnline


class Migration(migrations.Migration):
    """OUTBOX finds mails by their address without reading all that were ever written."""

    atomic = False  # the index is built beside the writers

    dependencies = [
        ('identity_manager', '0030_ca_needs'),
    ]

    operations = [
        AddIndexOnline(
            model_name='outgoingmail',
            index=models.Index(Lower('to_address'), name='outgoing_mail_address'),
        ),
    ]
