from django.db import migrations, models


class Migration(migrations.Migration):
    """How many rows an officer wants on a page of a list."""

    dependencies = [
        ('identity_manager', '0059_renewal_indexes'),
    ]

    operations = [
        migrations.AddField(
            model_name='account',
            name='page_size',
            field=models.PositiveSmallIntegerField(db_default=25, default=25, editable=False),
        ),
    ]
