from django.db import migrations, models


class Migration(migrations.Migration):
    """What `removed_for` may say, one word more: Python's to check, so nothing changes in the database."""

    dependencies = [
        ("signatures", "0015_addressee_keys_and_copies"),
    ]

    operations = [
        migrations.AlterField(
            model_name="signature",
            name="removed_for",
            field=models.CharField(
                blank=True,
                choices=[
                    ("network", "Network"),
                    ("domain", "Domain"),
                    ("comment", "Comment"),
                    ("screened", "Screened"),
                    ("reviewed", "Reviewed"),
                    ("other", "Other"),
                ],
                db_default="",
                max_length=8,
            ),
        ),
    ]
