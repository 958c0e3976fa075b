-- Deleting a petition that nobody has ever seen. The desk may delete no row of what workers keep, and a campaign has keys
-- and a register from its first minutes: so one function does it whole, or refuses. It takes a draft, and no petition that
-- was ever public (then there is a version of its text) or has a trace of anybody: a submission, a signature, a packet, a
-- ruling, a lookup. Its entry in the keyring stays: nothing was ever sealed to it, and a keyring is no worker's to shrink.

-- SECURITY DEFINER: what it looks at and deletes is the workers'. The triggers of audited_rows.sql write down each row.
CREATE OR REPLACE FUNCTION delete_draft(wanted bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM FROM petitions_campaign WHERE id = wanted AND state = 'draft' FOR UPDATE;
    IF NOT FOUND OR EXISTS (SELECT FROM petitions_textversion WHERE campaign_id = wanted) THEN
        RAISE EXCEPTION 'what was public stays'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'draft_was_never_public';
    END IF;
    IF campaign_is_signed(wanted) OR EXISTS (SELECT FROM signatures_trace WHERE campaign_id = wanted) THEN
        RAISE EXCEPTION 'what was signed stays'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'draft_has_traces';
    END IF;
    DELETE FROM petitions_demandstep WHERE demand_id IN (SELECT id FROM petitions_demand WHERE campaign_id = wanted);
    DELETE FROM petitions_demand WHERE campaign_id = wanted;
    DELETE FROM petitions_update WHERE campaign_id = wanted;
    DELETE FROM petitions_dossier_campaigns WHERE campaign_id = wanted;
    DELETE FROM signatures_signingrules WHERE campaign_id = wanted;
    DELETE FROM signatures_monitor WHERE campaign_id = wanted;
    DELETE FROM signatures_campaignkey WHERE campaign_id = wanted;
    DELETE FROM signatures_register WHERE campaign_id = wanted AND last_number = 0;
    DELETE FROM petitions_campaign WHERE id = wanted;
    SET CONSTRAINTS ALL IMMEDIATE;  -- whatever else names it is found here, and not when the transaction ends
EXCEPTION WHEN foreign_key_violation THEN
    RAISE EXCEPTION 'something of it is kept'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'draft_has_traces';
END $$;
REVOKE EXECUTE ON FUNCTION delete_draft(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION delete_draft(bigint) TO :"desk";
