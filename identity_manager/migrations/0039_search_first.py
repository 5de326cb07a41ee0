from django.db import migrations


class Migration(migrations.Migration):
    """It made an index that 0044 makes anew, with more columns."""

    dependencies = [
        ('identity_manager', '0038_department_and_unit'),
    ]

    operations = []
