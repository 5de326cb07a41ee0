from django.db import migrations, models

from ca_bridge.database.online_index import AddIndexOnline


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('identity_manager', '0076_revocation_lists'),
    ]

    operations = [
        AddIndexOnline(
            model_name='certificate',
            index=models.Index(
                condition=models.Q(('on_crl_at__isnull', True), ('revoked_at__isnull', False)),
                fields=['id'],
                name='certificate_not_on_crl',
            ),
        ),
    ]
