from django.db import migrations, models


class Migration(migrations.Migration):
    """Which certificates a leave put on hold: a return releases no others."""

    dependencies = [
        ('identity_manager', '0109_after_the_squashed'),
    ]

    operations = [
        migrations.AddField(
            model_name='leave',
            name='held_certificates',
            field=models.JSONField(null=True),
        ),
    ]
