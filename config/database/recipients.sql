-- Keys of officers, and of addressees. A key comes into use with a second person's approval of exactly this key, or by hand on a worker's
-- machine: web may not write that column (grants.py).

-- What a row is about is fixed, or an approval of one key would bring another into use.
CREATE OR REPLACE FUNCTION recipient_guard() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.officer_id, NEW.recipient, NEW.proposal_id)
            IS DISTINCT FROM (OLD.officer_id, OLD.recipient, OLD.proposal_id) THEN
        RAISE EXCEPTION 'whose key it is never changes'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'recipient_is_fixed';
    END IF;
    IF NEW.state = 'pinned' AND NOT NEW.by_hand AND (TG_OP = 'INSERT' OR OLD.state <> 'pinned') THEN
        PERFORM spend_approval(
            'recipient', jsonb_build_object('officer', NEW.officer_id, 'recipient', NEW.recipient));
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER recipient_guard BEFORE INSERT OR UPDATE ON signatures_recipient
    FOR EACH ROW EXECUTE FUNCTION recipient_guard();

-- The same of an addressee's key; of these none is brought into use by hand.
CREATE OR REPLACE FUNCTION addressee_key_guard() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.addressee_id, NEW.recipient, NEW.agreement, NEW.proposal_id)
            IS DISTINCT FROM (OLD.addressee_id, OLD.recipient, OLD.agreement, OLD.proposal_id) THEN
        RAISE EXCEPTION 'whose key it is, and by which agreement, never changes'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'addressee_key_is_fixed';
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.state = 'revoked' AND NEW.state <> 'revoked' THEN
        RAISE EXCEPTION 'a key that was revoked never comes back'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'addressee_key_revoked_stays';
    END IF;
    IF NEW.state = 'pinned' AND (TG_OP = 'INSERT' OR OLD.state <> 'pinned') THEN
        PERFORM spend_approval('their_key', jsonb_build_object(
            'addressee', NEW.addressee_id, 'recipient', NEW.recipient, 'agreement', NEW.agreement));
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER addressee_key_guard BEFORE INSERT OR UPDATE ON signatures_addresseekey
    FOR EACH ROW EXECUTE FUNCTION addressee_key_guard();
