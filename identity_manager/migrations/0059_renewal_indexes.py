from django.db import migrations, models

from ca_bridge.database.online_index import AddIndexOnline, AddUniqueOnline


class Migration(migrations.Migration):
    """Successors of a token by an index; one open line per person and type, whether first issue or renewal."""

    atomic = False  # the indexes are built beside the writers

    dependencies = [
        ('identity_manager', '0058_renewal'),
    ]

    operations = [
        AddIndexOnline(
            model_name='softwaretoken',
            index=models.Index(condition=models.Q(('predecessor__isnull', False)), fields=['predecessor'], name='software_token_predecessor'),
        ),
        AddUniqueOnline(
            model_name='softwaretoken',
            constraint=models.UniqueConstraint(condition=models.Q(('is_open', True), ('kind__in', ('initial', 'renewal', 'replacement'))), fields=('person', 'type_code'), name='software_token_one_open_line_of_type'),
        ),
    ]
