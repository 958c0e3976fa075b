-- What a campaign promised its signers. It opens only when a worker has made its keys, its uid never changes (the keys
-- are bound to it), and once somebody has signed, disclosure can only be narrowed: signers agreed to what they were
-- told. Narrowing takes two people; see two_people.sql.

-- SECURITY DEFINER with a fixed search path: web may not read everything that the rule looks at.
CREATE OR REPLACE FUNCTION campaign_guard() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    ranks text[] := :'disclosures';
BEGIN
    IF NEW.state = 'open' AND NOT EXISTS (SELECT FROM signatures_campaignkey WHERE campaign_id = NEW.id) THEN
        RAISE EXCEPTION 'a campaign cannot open before a worker has made its keys'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'campaign_opens_with_keys';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF NEW.uid <> OLD.uid THEN
            RAISE EXCEPTION 'a campaign''s uid never changes: its keys are bound to it'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'campaign_uid_is_fixed';
        END IF;
        IF (array_position(ranks, NEW.disclosure::text) > array_position(ranks, OLD.disclosure::text)
                OR OLD.at_risk AND NOT NEW.at_risk
                OR NEW.addressee_id <> OLD.addressee_id)
                AND EXISTS (SELECT FROM signatures_submission WHERE campaign_id = NEW.id
                            UNION ALL
                            SELECT FROM signatures_register WHERE campaign_id = NEW.id AND last_number > 0) THEN
            RAISE EXCEPTION 'what signers were promised can only be narrowed once somebody has signed'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'campaign_disclosure_only_narrows';
        END IF;
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER campaign_guard BEFORE INSERT OR UPDATE ON petitions_campaign
    FOR EACH ROW EXECUTE FUNCTION campaign_guard();
