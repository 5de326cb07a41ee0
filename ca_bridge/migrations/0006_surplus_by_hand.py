from django.db import migrations, models


class Migration(migrations.Migration):
    """Also what a CA refuses to revoke for good is left to hands; what it cannot be told is asked once more."""

    dependencies = [
        ('ca_bridge', '0005_order_states'),
    ]

    operations = [
        migrations.AddField(
            model_name='surpluscertificate',
            name='by_hand_since',
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
