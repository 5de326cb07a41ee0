from django.db import migrations

import identity_manager.models.person_search.name_order
from ca_bridge.database.online_index import AddIndexOnline
from django.db import models


class Migration(migrations.Migration):
    """Requests, certificates and acceptances in the order of names, which a language decides."""

    atomic = False  # the index is built beside the writers

    dependencies = [
        ('identity_manager', '0105_mail_texts'),
    ]

    operations = [
        AddIndexOnline(
            model_name='person',
            index=models.Index(
                identity_manager.models.person_search.name_order.NameOrder('search_text'), name='person_by_order'
            ),
        ),
        migrations.RemoveIndex(model_name='person', name='person_names'),
    ]
