-- What is mailed to everybody who asked for news: prepared, so that its sender sees to how many it goes; tried on the
-- sender's own address; then sent. To many, or where signers are at risk, with the approval of a second person. See
-- two_people.sql for who acts; the owner passes.

-- The words of the mail that people typed, as a hash: what was tried and approved is what goes out.
CREATE OR REPLACE FUNCTION mailing_text(update_ bigint) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT encode(sha256(convert_to(jsonb_build_array(
               u.language, u.title, u.lead, c.language, c.title, c.responsible,
               (SELECT jsonb_object_agg(key, jsonb_build_array(value -> 'title', value -> 'lead'))
                  FROM jsonb_each(u.translations)),
               (SELECT jsonb_object_agg(key, jsonb_build_array(value -> 'title', value -> 'responsible'))
                  FROM jsonb_each(c.translations)))::text, 'UTF8')), 'hex')
      FROM petitions_update u JOIN petitions_campaign c ON c.id = u.campaign_id WHERE u.id = update_
$$;

-- The times, the hash and the limit are the database's. Prepared again, it begins anew. Whoever sends is who prepared,
-- or whoever approved; news of a correction goes with the correction, which took two.
CREATE OR REPLACE FUNCTION mailing_guard() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    acting text := coalesce(nullif(current_setting('role'), 'none'), session_user);
    endangered boolean;
BEGIN
    IF acting IN (current_user, :'worker') THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'INSERT' OR NEW.asked_at <> OLD.asked_at THEN
        IF TG_OP = 'UPDATE' AND OLD.begun_at IS NOT NULL THEN
            RAISE EXCEPTION 'what is sent is not prepared again'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'mailing_is_begun';
        END IF;
        IF TG_OP = 'UPDATE' THEN
            DELETE FROM signatures_newsmail WHERE mailing_id = NEW.id;
        END IF;
        NEW.asked_at := now();
        NEW.text_sha256 := mailing_text(NEW.update_id);
        NEW.listed_to := NULL;
        NEW.listed_at := NULL;
        NEW.recipients := NULL;
        NEW.problem := '';
        NEW.test_for_id := NULL;
        NEW.tested_at := NULL;
        NEW.begun_by_id := NULL;
        NEW.begun_at := NULL;
        IF NEW.correction_id IS NOT NULL THEN
            IF NOT EXISTS (SELECT FROM petitions_correction r JOIN petitions_update u ON u.campaign_id = r.campaign_id
                            WHERE r.id = NEW.correction_id AND u.id = NEW.update_id AND r.published_at IS NOT NULL) THEN
                RAISE EXCEPTION 'that correction was not published'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'mailing_of_a_correction';
            END IF;
            NEW.begun_at := now();
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.update_id, NEW.correction_id) IS DISTINCT FROM (OLD.update_id, OLD.correction_id) OR OLD.begun_at IS NOT NULL THEN
        RAISE EXCEPTION 'what is sent is not changed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'mailing_is_begun';
    END IF;
    IF NEW.begun_by_id IS NULL THEN  -- tried, perhaps once more
        NEW.tested_at := NULL;
        NEW.problem := CASE WHEN OLD.problem = 'no_address' THEN '' ELSE OLD.problem END;
    ELSE
        SELECT c.at_risk INTO endangered
          FROM petitions_update u JOIN petitions_campaign c ON c.id = u.campaign_id WHERE u.id = NEW.update_id;
        IF OLD.listed_at IS NULL OR OLD.recipients IS NULL OR OLD.problem <> '' THEN
            RAISE EXCEPTION 'nobody knows yet to how many it goes'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'mailing_is_prepared_first';
        END IF;
        IF OLD.tested_at IS NULL THEN
            RAISE EXCEPTION 'nobody has seen it in a mailbox yet'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'mailing_is_tested_first';
        END IF;
        IF OLD.text_sha256 <> mailing_text(NEW.update_id) THEN
            RAISE EXCEPTION 'its words have changed since it was prepared'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'mailing_words_are_fixed';
        END IF;
        IF endangered OR OLD.recipients > :'mailing_alone'::integer THEN
            PERFORM spend_approval('mailing', jsonb_build_object(
                'mailing', NEW.id, 'recipients', OLD.recipients, 'text', OLD.text_sha256));
        END IF;
        NEW.begun_at := now();
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER mailing_guard BEFORE INSERT OR UPDATE ON signatures_mailing
    FOR EACH ROW EXECUTE FUNCTION mailing_guard();

-- Nobody changes the words of a mail while it is on its way.
CREATE OR REPLACE FUNCTION update_is_mailed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM signatures_mailing WHERE update_id = NEW.id AND begun_at IS NOT NULL AND done_at IS NULL) THEN
        RAISE EXCEPTION 'this text is being mailed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'update_is_being_mailed';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER update_is_mailed BEFORE UPDATE ON petitions_update
    FOR EACH ROW WHEN ((NEW.title, NEW.lead, NEW.language, NEW.translations)
                       IS DISTINCT FROM (OLD.title, OLD.lead, OLD.language, OLD.translations))
    EXECUTE FUNCTION update_is_mailed();
