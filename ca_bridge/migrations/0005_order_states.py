from django.db import migrations, models

from ca_bridge.database.online_index import AddIndexOnline


class Migration(migrations.Migration):
    """Open orders are counted by an index that SQLite uses, too."""

    atomic = False  # the index is built beside the writers

    dependencies = [
        ('ca_bridge', '0004_attempts_in_trouble'),
    ]

    operations = [
        AddIndexOnline(
            model_name='caorder',
            index=models.Index(fields=['state', 'ca', 'created_at'], name='ca_order_state'),
        ),
        migrations.RemoveIndex(
            model_name='caorder',
            name='ca_order_open',
        ),
    ]
