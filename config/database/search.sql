-- Full-text search (petitions/searching.py). The column is the database's: Django has no use for it, and every query
-- would load it. The configuration drops accents, and stems nothing. PostgreSQL writes the column anew when its
-- expression changes, but not when the configuration does: a changed configuration needs another name.

CREATE TEXT SEARCH CONFIGURATION undersigned (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION undersigned
    ALTER MAPPING FOR hword, hword_part, word WITH unaccent, simple;

ALTER TABLE petitions_campaign ADD COLUMN search tsvector GENERATED ALWAYS AS (
    to_tsvector('undersigned'::regconfig, title || ' ' || lead || ' ' || background || ' ' || pledge)
    || jsonb_to_tsvector('undersigned'::regconfig, translations, '["string"]')
) STORED;
CREATE INDEX campaign_search ON petitions_campaign USING gin (search);
