-- What a packet may tell its addressee, and when it may be built: within the campaign's disclosure, with the approval
-- of a second person, and in order. Constraints on signatures_delivery say the rest.

-- No delivery gives its addressee more than the campaign allows; a third party that verifies may get all. At risk,
-- everybody gets totals only. What is given up is let through: nothing leaves with it, and a delivery that could not
-- even fail, because its campaign was narrowed meanwhile, would wait for ever. A sealed delivery never changes, but for
-- being discarded, for good: before anything became of it, and before another packet follows it and names it.
CREATE OR REPLACE FUNCTION delivery_is_allowed(campaign bigint, addressee bigint, profile text) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    ranks text[] := :'disclosures';
    allowed text;
    endangered boolean;
    own_addressee bigint;
    third_party boolean;
BEGIN
    SELECT c.disclosure, c.at_risk, c.addressee_id INTO allowed, endangered, own_addressee
      FROM petitions_campaign c WHERE c.id = campaign;
    -- Whom the campaign addresses is never the third party, whatever web wrote into the addressee's row.
    SELECT a.trusted_third_party AND a.id <> own_addressee INTO third_party
      FROM petitions_addressee a WHERE a.id = addressee;
    RETURN profile = 'count' OR NOT endangered
        AND (third_party OR array_position(ranks, profile) <= array_position(ranks, allowed));
END $$;
REVOKE EXECUTE ON FUNCTION delivery_is_allowed(bigint, bigint, text) FROM PUBLIC;

CREATE OR REPLACE FUNCTION delivery_guard() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT delivery_is_allowed(NEW.campaign_id, NEW.addressee_id, NEW.profile)
            AND NEW.state NOT IN ('withdrawn', 'expired', 'failed', 'discarded') THEN
        RAISE EXCEPTION 'this campaign does not allow that profile for this addressee'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'delivery_within_disclosure';
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.state IN ('ready', 'discarded') AND NEW IS DISTINCT FROM OLD
            AND NOT (OLD.state = 'ready' AND NEW.state = 'discarded'
                     AND to_jsonb(NEW) - 'state' = to_jsonb(OLD) - 'state') THEN
        RAISE EXCEPTION 'a sealed delivery never changes'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'delivery_sealed_is_final';
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.state <> 'requested' AND (NEW.state = 'requested'
            OR (NEW.letter, NEW.proposal_id) IS DISTINCT FROM (OLD.letter, OLD.proposal_id)) THEN
        RAISE EXCEPTION 'what was decided on is not changed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'delivery_decided_is_fixed';
    END IF;
    IF NEW.state = 'discarded' AND (TG_OP = 'INSERT' OR OLD.state <> 'discarded') THEN
        IF TG_OP = 'INSERT' OR OLD.state <> 'ready' THEN
            RAISE EXCEPTION 'only a packet that is there can be discarded'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'delivery_discarded_was_ready';
        END IF;
        IF EXISTS (SELECT FROM signatures_handover WHERE delivery_id = NEW.id AND handover_stands(id)) THEN
            RAISE EXCEPTION 'the handover log tells of it'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'delivery_handed_over_stays';
        END IF;
        IF EXISTS (SELECT FROM signatures_delivery
                    WHERE campaign_id = NEW.campaign_id AND addressee_id = NEW.addressee_id AND series = NEW.series
                      AND first_number > NEW.last_number AND state NOT IN ('withdrawn', 'expired', 'discarded')) THEN
            RAISE EXCEPTION 'another packet follows it'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'delivery_followed_stays';
        END IF;
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER delivery_guard BEFORE INSERT OR UPDATE ON signatures_delivery
    FOR EACH ROW EXECUTE FUNCTION delivery_guard();

-- Packets of a series become ready in their order: each says what became of those before it. Two that are sealed at the
-- same moment would not see each other; but the later one then does not see the earlier ready, and is refused. What is
-- ready stays so (delivery_guard), so it is enough to look at the one just before.
CREATE OR REPLACE FUNCTION delivery_in_order() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.first_number > 1 AND NOT EXISTS (
            SELECT FROM signatures_delivery
             WHERE campaign_id = NEW.campaign_id AND addressee_id = NEW.addressee_id AND series = NEW.series
               AND state = 'ready' AND last_number = NEW.first_number - 1) THEN
        RAISE EXCEPTION 'the delivery before it in its series is not ready'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'delivery_in_order';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER delivery_in_order BEFORE INSERT OR UPDATE ON signatures_delivery
    FOR EACH ROW WHEN (NEW.state = 'ready') EXECUTE FUNCTION delivery_in_order();

-- Nothing is built that a second person has not approved in exactly these terms. A delivery holds on to its proposal:
-- the approval is not spent, but stands as long as the delivery does.
CREATE OR REPLACE FUNCTION delivery_two_people() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.state NOT IN ('approved', 'ready', 'failed') THEN
        RETURN NEW;
    END IF;
    IF NOT EXISTS (
            SELECT FROM staff_proposal p
             WHERE p.id = NEW.proposal_id AND p.kind = 'delivery' AND p.state = 'approved'
               AND p.subject = jsonb_build_object(
                   'campaign', NEW.campaign_id, 'addressee', NEW.addressee_id, 'profile', NEW.profile,
                   'series', NEW.series, 'first', NEW.first_number, 'last', NEW.last_number)
                   || CASE WHEN NEW.letter = '' THEN '{}'::jsonb ELSE jsonb_build_object(
                       'letter', encode(sha256(convert_to(NEW.letter, 'UTF8')), 'hex')) END) THEN
        RAISE EXCEPTION 'nobody else has approved this delivery'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'delivery_needs_two_people';
    END IF;
    UPDATE staff_proposal SET done_at = now() WHERE id = NEW.proposal_id AND done_at IS NULL;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER delivery_two_people BEFORE INSERT OR UPDATE ON signatures_delivery
    FOR EACH ROW EXECUTE FUNCTION delivery_two_people();

-- A packet is encrypted anew only where two people agreed to it, while it is there, and once for each approval.
CREATE OR REPLACE FUNCTION packet_copy_guard() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        RAISE EXCEPTION 'a packet that was encrypted anew never changes'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'packet_copy_is_final';
    END IF;
    IF NOT EXISTS (SELECT FROM signatures_delivery
                    WHERE id = NEW.delivery_id AND state = 'ready' AND profile <> 'count' FOR SHARE) THEN
        RAISE EXCEPTION 'there is no packet with persons to encrypt anew'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'packet_copy_of_a_packet';
    END IF;
    IF EXISTS (SELECT FROM signatures_delivery d WHERE d.id = NEW.delivery_id
                AND NOT delivery_is_allowed(d.campaign_id, d.addressee_id, d.profile)) THEN
        RAISE EXCEPTION 'this campaign no longer allows that profile for this addressee'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'delivery_within_disclosure';
    END IF;
    PERFORM spend_approval('reissue', jsonb_build_object('delivery', NEW.delivery_id));
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER packet_copy_guard BEFORE INSERT OR UPDATE ON signatures_packetcopy
    FOR EACH ROW EXECUTE FUNCTION packet_copy_guard();
