from django.db import migrations, models
from django.db.models.functions import Lower

from ca_bridge.database.online_index import AddIndexOnline


class Migration(migrations.Migration):
    """Mails by their address, what belongs to persons in the order of their names, what ended lately: by an index."""

    atomic = False  # the index is built beside the writers

    dependencies = [
        ('identity_manager', '0030_ca_needs'),
    ]

    operations = [
        AddIndexOnline(
            model_name='outgoingmail',
            index=models.Index(Lower('to_address'), name='outgoing_mail_address'),
        ),
        AddIndexOnline(
            model_name='person',
            index=models.Index(fields=['surname', 'given_name'], name='person_names'),
        ),
        AddIndexOnline(
            model_name='tokenrequest',
            index=models.Index(fields=['state', 'ended_at'], name='token_request_state_ended'),
        ),
    ]
