-- What takes two people, whoever writes. A proposal is asked once and decided once, in time, by two people who both
-- still work here; then its approval is good for exactly what it says, one time. The guard of whatever takes two people
-- spends the approval, or refuses: here a campaign's promises and the destruction of its keys; deliveries.sql,
-- recipients.sql, roles.sql and factors.sql have the others.
--
-- Who acts is the role that was SET, or else logged in: under SECURITY DEFINER, current_user is always the owner. The
-- owner passes where a guard says so: it makes the first administrator and the demo, and could drop these triggers.

-- Asked once, decided once, in time, by active people. Constraints on staff_proposal say the rest.
CREATE OR REPLACE FUNCTION proposal_guard() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'waiting' OR NEW.done_at IS NOT NULL THEN
            RAISE EXCEPTION 'a proposal begins waiting for a second person'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'proposal_begins_waiting';
        END IF;
        NEW.requested_at := now();  -- by the database's clock: from then on its time counts
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.kind, NEW.section_id, NEW.subject, NEW.reason, NEW.requested_by_id, NEW.requested_at)
            IS DISTINCT FROM
       (OLD.id, OLD.kind, OLD.section_id, OLD.subject, OLD.reason, OLD.requested_by_id, OLD.requested_at) THEN
        RAISE EXCEPTION 'what was asked for never changes'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'proposal_is_fixed';
    END IF;
    IF OLD.state <> 'waiting' AND (NEW.state, NEW.decided_by_id, NEW.decided_at, NEW.answer)
            IS DISTINCT FROM (OLD.state, OLD.decided_by_id, OLD.decided_at, OLD.answer) THEN
        RAISE EXCEPTION 'a proposal is decided once'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'proposal_decided_once';
    END IF;
    IF OLD.done_at IS NOT NULL AND NEW.done_at IS DISTINCT FROM OLD.done_at THEN
        RAISE EXCEPTION 'an approval is good for one time'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'proposal_done_once';
    END IF;
    IF OLD.state = 'waiting' AND NEW.state = 'approved' THEN
        IF OLD.requested_at <= now() - interval :'approval_expires' THEN
            RAISE EXCEPTION 'nobody decided in time'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'proposal_expires';
        END IF;
        IF EXISTS (SELECT FROM auth_user
                    WHERE id IN (NEW.requested_by_id, NEW.decided_by_id) AND NOT is_active) THEN
            RAISE EXCEPTION 'both have to be active'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'proposal_needs_active_people';
        END IF;
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER proposal_guard BEFORE INSERT OR UPDATE ON staff_proposal
    FOR EACH ROW EXECUTE FUNCTION proposal_guard();

-- Spend the approval that says exactly this, or refuse. The caller's rights decide nothing here (SECURITY DEFINER), and
-- nobody may call it but the guards, which are the owner's.
CREATE OR REPLACE FUNCTION spend_approval(wanted_kind text, wanted_subject jsonb) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    spent bigint;
BEGIN
    UPDATE staff_proposal SET done_at = now(), problem = '' WHERE id = (
        SELECT id FROM staff_proposal
         WHERE kind = wanted_kind AND subject = wanted_subject AND state = 'approved' AND done_at IS NULL
           AND NOT EXISTS (SELECT FROM signatures_shreddingstop s WHERE s.proposal_id = staff_proposal.id)
         ORDER BY decided_at LIMIT 1 FOR UPDATE)
    RETURNING id INTO spent;
    IF spent IS NULL THEN
        RAISE EXCEPTION 'nobody else has approved this %', wanted_kind
            USING ERRCODE = 'check_violation', CONSTRAINT = wanted_kind || '_needs_two_people';
    END IF;
    RETURN spent;
END $$;
REVOKE EXECUTE ON FUNCTION spend_approval(text, jsonb) FROM PUBLIC;

-- What signers were promised is narrowed by two people, and a campaign whose keys were destroyed never opens again.
CREATE OR REPLACE FUNCTION campaign_two_people() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.state = 'open' AND EXISTS (SELECT FROM signatures_shredding WHERE campaign_id = NEW.id) THEN
        RAISE EXCEPTION 'a campaign whose keys were destroyed never opens again'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'campaign_shredded_stays_closed';
    END IF;
    IF coalesce(nullif(current_setting('role'), 'none'), session_user) <> current_user
            AND (NEW.disclosure, NEW.at_risk) IS DISTINCT FROM (OLD.disclosure, OLD.at_risk)
            AND EXISTS (SELECT FROM signatures_submission WHERE campaign_id = NEW.id
                        UNION ALL SELECT FROM signatures_register WHERE campaign_id = NEW.id AND last_number > 0) THEN
        PERFORM spend_approval('disclosure', jsonb_build_object(
            'campaign', NEW.id, 'disclosure', NEW.disclosure, 'at_risk', NEW.at_risk));
    END IF;
    RETURN NEW;
END $$;

-- It fires after campaign_guard, by its name: what only widens is refused before an approval is spent.
CREATE OR REPLACE TRIGGER campaign_two_people BEFORE UPDATE ON petitions_campaign
    FOR EACH ROW EXECUTE FUNCTION campaign_two_people();

-- A worker writes this row before it destroys a campaign's keys: no approval, no row, and not for the owner either, but
-- for what was done by hand where the keys are. The approval alone destroys nothing (register/shredding.py).
CREATE OR REPLACE FUNCTION shredding_two_people() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'what was destroyed stays destroyed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'shredding_is_final';
    END IF;
    IF NOT NEW.by_hand THEN
        PERFORM spend_approval('shredding', jsonb_build_object('campaign', NEW.campaign_id));
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER shredding_two_people BEFORE INSERT OR UPDATE OR DELETE ON signatures_shredding
    FOR EACH ROW EXECUTE FUNCTION shredding_two_people();
