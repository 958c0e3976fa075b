"""The column and index of full-text search (petitions/searching.py): by the database, for Django has no use for it."""

from django.db import migrations

# Trusted extension: whoever owns the database may add it. The configuration drops accents, and stems nothing.
CONFIGURATION = """
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE TEXT SEARCH CONFIGURATION undersigned (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION undersigned
    ALTER MAPPING FOR hword, hword_part, word WITH unaccent, simple;
"""
NO_CONFIGURATION = "DROP TEXT SEARCH CONFIGURATION undersigned;"

COLUMN = """
ALTER TABLE petitions_campaign ADD COLUMN search tsvector GENERATED ALWAYS AS (
    to_tsvector('undersigned'::regconfig, title || ' ' || lead || ' ' || background || ' ' || pledge)
    || jsonb_to_tsvector('undersigned'::regconfig, translations, '["string"]')
) STORED;
CREATE INDEX campaign_search ON petitions_campaign USING gin (search);
"""
NO_COLUMN = "ALTER TABLE petitions_campaign DROP COLUMN search;"


class Migration(migrations.Migration):
    dependencies = [("petitions", "0008_claim_snapshots")]

    operations = [
        migrations.RunSQL(CONFIGURATION, NO_CONFIGURATION),
        migrations.RunSQL(COLUMN, NO_COLUMN),
    ]
