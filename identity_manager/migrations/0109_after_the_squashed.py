from django.db import migrations


class Migration(migrations.Migration):
    """Brings both ends together: 0078 is not part of the squashed migration, and comes beside it."""

    dependencies = [
        ('identity_manager', '0078_sign_in_messages'),
        ('identity_manager', '0108_tokens_to_targets'),
    ]

    operations = []
