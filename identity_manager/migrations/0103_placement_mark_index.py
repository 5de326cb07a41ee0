from django.db import migrations, models

from ca_bridge.database.online_index import AddIndexOnline


class Migration(migrations.Migration):
    """A survey looks placements up by their marks."""

    atomic = False  # the index is built beside the writers

    dependencies = [
        ('identity_manager', '0102_placement_mark'),
    ]

    operations = [
        AddIndexOnline(
            model_name='placement',
            index=models.Index(
                condition=models.Q(('mark', ''), _negated=True), fields=['target', 'mark'], name='placement_mark'
            ),
        ),
    ]
