"""Confirming a submission is one call: it names the row to row security, changes it, and says whose it was."""

from django.db import migrations

# With the caller's own rights, so row security holds for it as for any statement. What may be public, and for how long
# after closing a press counts, its caller says: petitions/models/campaign.py, takes_confirmations().
CONFIRM = """
CREATE FUNCTION confirm_submission(hashed bytea, public_states varchar[], at timestamptz, grace interval)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    signed_for bigint;
BEGIN
    PERFORM set_config('undersigned.token_hash', encode(hashed, 'hex'), true);
    UPDATE signatures_submission AS s SET confirmed_at = statement_timestamp()
      FROM petitions_campaign c
     WHERE s.token_hash = hashed AND s.confirmed_at IS NULL AND c.id = s.campaign_id
       AND CASE WHEN c.closes_at IS NULL THEN c.state = 'open'
                ELSE c.state = ANY(public_states) AND least(at, c.paused_at) < c.closes_at + grace END
    RETURNING s.campaign_id INTO signed_for;
    RETURN signed_for;
END
$$;
"""
DROP = "DROP FUNCTION confirm_submission(bytea, varchar[], timestamptz, interval)"


class Migration(migrations.Migration):
    dependencies = [("signatures", "0023_why_before_a_ruling")]

    operations = [migrations.RunSQL(CONFIRM, DROP)]
