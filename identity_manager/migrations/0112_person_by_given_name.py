from django.db import migrations, models

from ca_bridge.database.online_index import AddIndexOnline


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('identity_manager', '0111_words_of_terms'),
    ]

    operations = [
        AddIndexOnline(
            model_name='person',
            index=models.Index(fields=['given_name'], name='person_by_given_name'),
        ),
    ]
