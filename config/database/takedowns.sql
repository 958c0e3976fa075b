-- Taking a petition down acts at once, by one person, and stands for 72 hours: then a worker ends it, unless a second
-- person has confirmed it. What was taken down comes back by two. The petition's state follows from these rows: nobody
-- writes "removed" into it or out of it but here. See two_people.sql for who acts; the owner passes.

-- The times, and what the petition was before, are the database's. Whoever took it down, and was not confirmed, does not
-- take it down alone again: 72 hours after 72 hours would be for good.
CREATE OR REPLACE FUNCTION takedown_guard() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    acting text := coalesce(nullif(current_setting('role'), 'none'), session_user);
    before petitions_campaign;
BEGIN
    SELECT * INTO before FROM petitions_campaign WHERE id = NEW.campaign_id FOR UPDATE;
    IF TG_OP = 'INSERT' THEN
        IF before.state IN ('draft', 'review', 'removed') THEN
            RAISE EXCEPTION 'only what is public is taken down'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'takedown_of_what_is_public';
        END IF;
        IF acting <> current_user AND NEW.made_by_id IS NULL THEN
            RAISE EXCEPTION 'somebody takes it down'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'takedown_by_somebody';
        END IF;
        IF acting <> current_user AND EXISTS (
                SELECT FROM petitions_takedown WHERE campaign_id = NEW.campaign_id AND made_by_id = NEW.made_by_id
                   AND confirmed_by_id IS NULL AND ended_at > now() - interval '30 days') THEN
            RAISE EXCEPTION 'somebody else has to take it down this time'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'takedown_again_by_another';
        END IF;
        NEW.made_at := now();
        NEW.confirmed_by_id := NULL;
        NEW.ended_at := NULL;
        NEW.state_before := before.state;
        NEW.stopped_clock := before.state = 'open' AND before.paused_at IS NULL;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.campaign_id, NEW.reason, NEW.made_by_id, NEW.made_at, NEW.state_before, NEW.stopped_clock)
            IS DISTINCT FROM
       (OLD.id, OLD.campaign_id, OLD.reason, OLD.made_by_id, OLD.made_at, OLD.state_before, OLD.stopped_clock)
            OR OLD.ended_at IS NOT NULL THEN
        RAISE EXCEPTION 'what was taken down, by whom and why never changes'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'takedown_is_fixed';
    END IF;
    IF NEW.confirmed_by_id IS DISTINCT FROM OLD.confirmed_by_id THEN
        IF OLD.confirmed_by_id IS NOT NULL OR NEW.ended_at IS NOT NULL THEN
            RAISE EXCEPTION 'it is confirmed once, while it stands'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'takedown_confirmed_once';
        END IF;
        IF NOT EXISTS (SELECT FROM auth_user WHERE id = NEW.confirmed_by_id AND is_active) THEN
            RAISE EXCEPTION 'whoever confirms has to be active'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'takedown_needs_two_people';
        END IF;
    END IF;
    IF NEW.ended_at IS NOT NULL THEN
        NEW.ended_at := now();
        IF acting = :'worker' THEN
            IF OLD.confirmed_by_id IS NOT NULL OR OLD.made_by_id IS NULL OR OLD.made_at > clock_timestamp() - interval :'takedown_lasts' THEN
                RAISE EXCEPTION 'it stands until its time is over'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'takedown_stands';
            END IF;
        ELSIF acting <> current_user THEN
            PERFORM spend_approval('restoration', jsonb_build_object('campaign', NEW.campaign_id, 'takedown', NEW.id));
        END IF;
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER takedown_guard BEFORE INSERT OR UPDATE ON petitions_takedown
    FOR EACH ROW EXECUTE FUNCTION takedown_guard();

-- The petition follows. Its clock stands still meanwhile, as in a pause. What was destroyed meanwhile never opens again.
CREATE OR REPLACE FUNCTION takedown_moves_campaign() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    back text := NEW.state_before;
    halted boolean := EXISTS (SELECT FROM web_maintenance);
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE petitions_campaign
           SET state = 'removed', state_reason = NEW.reason,
               paused_at = CASE WHEN NEW.stopped_clock THEN NEW.made_at ELSE paused_at END
         WHERE id = NEW.campaign_id;
    ELSIF OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL THEN
        IF back = 'open' AND EXISTS (SELECT FROM signatures_shredding WHERE campaign_id = NEW.campaign_id) THEN
            back := 'closed';
        END IF;
        UPDATE petitions_campaign
           SET state = back,
               state_reason = '',
               closes_at = CASE WHEN NEW.stopped_clock AND back = 'open' AND paused_at IS NOT NULL
                                THEN closes_at + (NEW.ended_at - paused_at)
                                WHEN back IN ('closed', 'delivered') THEN coalesce(closes_at, NEW.ended_at)
                                ELSE closes_at END,
               paused_with_site = back = 'open' AND (paused_with_site OR NEW.stopped_clock AND halted),
               paused_at = CASE WHEN back <> 'open' THEN NULL
                                WHEN NOT NEW.stopped_clock THEN paused_at
                                WHEN halted THEN NEW.ended_at END
         WHERE id = NEW.campaign_id;
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER takedown_moves_campaign AFTER INSERT OR UPDATE ON petitions_takedown
    FOR EACH ROW EXECUTE FUNCTION takedown_moves_campaign();

-- Whatever else writes a petition's state: into "removed" only while a taking down stands, and out of it only with the
-- transaction that ends one.
CREATE OR REPLACE FUNCTION campaign_taken_down() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF coalesce(nullif(current_setting('role'), 'none'), session_user) = current_user
            OR (NEW.state = 'removed') = (TG_OP = 'UPDATE' AND OLD.state = 'removed') THEN
        RETURN NEW;
    END IF;
    IF NOT EXISTS (SELECT FROM petitions_takedown
                    WHERE campaign_id = NEW.id
                      AND CASE WHEN NEW.state = 'removed' THEN ended_at IS NULL
                               ELSE ended_at = now() AND NEW.state IN (state_before, 'closed') END) THEN
        RAISE EXCEPTION 'a petition is taken down, and comes back, by two people'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'campaign_taken_down_by_two';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER campaign_taken_down BEFORE INSERT OR UPDATE OF state ON petitions_campaign
    FOR EACH ROW EXECUTE FUNCTION campaign_taken_down();
