from django.db import migrations, models


class Migration(migrations.Migration):
    """Saved reports: how often a link is mailed, and when the next one is due."""

    dependencies = [
        ('identity_manager', '0098_approval_rules_and_deputies'),
    ]

    operations = [
        migrations.AddField(
            model_name='savedsearch',
            name='mail_due_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='savedsearch',
            name='mailing',
            field=models.CharField(blank=True, choices=[('', 'Never'), ('weekly', 'Each Monday'), ('monthly', 'On the first day of each month')], db_default='', default='', max_length=8),
        ),
    ]
