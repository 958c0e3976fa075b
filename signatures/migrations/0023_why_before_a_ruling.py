"""What undoing a ruling gives back: also the reason for which a signature had been removed before it."""

from django.db import migrations, models

# What was excluded before a ruling has the reason of then still, unless another ruling gave it one since.
REMEMBER = """
UPDATE signatures_rulingitem AS i SET removed_for = s.removed_for
  FROM signatures_signature s WHERE s.id = i.signature_id AND i.before = 'excluded'
"""


class Migration(migrations.Migration):
    dependencies = [("signatures", "0022_watch_by_its_name")]

    operations = [
        migrations.AddField("rulingitem", "removed_for", models.CharField(db_default="", max_length=8)),
        migrations.RunSQL(REMEMBER, migrations.RunSQL.noop),
        migrations.AddIndex("rulingitem", models.Index(fields=["signature"], name="ruling_item_by_signature")),
    ]
