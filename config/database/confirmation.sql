-- Confirming a submission is one call, for 500 presses a second: it names the row to row security (row_security.sql),
-- changes it, and says whose it was. With the caller's own rights, so row security holds as for any statement. What may
-- be public, and for how long after closing a press counts, its caller says: takes_confirmations() in
-- petitions/models/campaign.py. What the mailbox's owner adds is stored with it, at once or never.

CREATE OR REPLACE FUNCTION confirm_with_consents(hashed bytea, consents bytea, consents_key uuid,
    public_states varchar[], at timestamptz, grace interval)
    RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    signed_for bigint;
BEGIN
    PERFORM set_config('undersigned.token_hash', encode(hashed, 'hex'), true);
    UPDATE signatures_submission AS s
       SET confirmed_at = statement_timestamp(), sealed_consents = consents, consents_key_id = consents_key
      FROM petitions_campaign c
     WHERE s.token_hash = hashed AND s.confirmed_at IS NULL AND c.id = s.campaign_id
       AND CASE WHEN c.closes_at IS NULL THEN c.state = 'open'
                ELSE c.state = ANY(public_states) AND least(at, c.paused_at) < c.closes_at + grace END
    RETURNING s.campaign_id INTO signed_for;
    RETURN signed_for;
END
$$;

-- What the holder of a confirmation link may know, in one call as well.
CREATE OR REPLACE FUNCTION submission_of_token(hashed bytea)
    RETURNS TABLE (campaign_id bigint, confirmed boolean, withdrawn boolean) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('undersigned.token_hash', encode(hashed, 'hex'), true);
    RETURN QUERY SELECT s.campaign_id, s.confirmed_at IS NOT NULL, s.withdrawn
                   FROM signatures_submission s WHERE s.token_hash = hashed;
END
$$;
