"""Sums of what is in the register and not counted, and why a ruling took it out."""

from django.db import migrations, models

# Rulings of before named no reason that the public could be told.
SUM_UP = """
INSERT INTO signatures_tallysum (campaign_id, dimension, key, n)
SELECT campaign_id, 'outside', CASE state WHEN 'excluded' THEN 'other' ELSE state END, count(*)
  FROM signatures_signature WHERE state <> 'counted' GROUP BY campaign_id, state
"""


class Migration(migrations.Migration):
    dependencies = [
        ("petitions", "0010_demand_steps"),
        ("signatures", "0017_packets_in_order"),
    ]

    operations = [
        migrations.AddField(
            model_name="signature",
            name="removed_for",
            field=models.CharField(
                blank=True,
                choices=[
                    ("network", "Network"),
                    ("domain", "Domain"),
                    ("comment", "Comment"),
                    ("judged", "Judged"),
                    ("other", "Other"),
                ],
                db_default="",
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="tallysum",
            name="dimension",
            field=models.CharField(
                choices=[
                    ("country", "Country"),
                    ("day", "Day"),
                    ("source", "Source"),
                    ("channel", "Channel"),
                    ("language", "Language of the page"),
                    ("delay", "From signing to confirming"),
                    ("outside", "Not counted"),
                ],
                max_length=8,
            ),
        ),
        migrations.AddIndex(
            model_name="signature",
            index=models.Index(
                models.F("campaign"),
                models.F("state"),
                condition=models.Q(("state", "counted"), _negated=True),
                name="signature_not_counted",
            ),
        ),
        migrations.RunSQL(SUM_UP, "DELETE FROM signatures_tallysum WHERE dimension = 'outside'"),
    ]
