-- A signature is to a text. Once somebody has signed, nobody changes what was signed: title, pledge and demands of a
-- petition, their translations, its addressee, and how many may sign with one mailbox. Each text that was ever public
-- is kept as a version, with its hash in each language; every signature seals which one it is to.
--
-- Before the first signature a change makes another version by itself. After it, only a correction does, which takes two
-- people. Accepting a signature asks nothing of this: what it seals is the text that its signer was shown, and a version
-- that was public stays, so no race between a signer and a campaigner can leave a signature without its text.

-- Whether somebody has signed, or may yet: a submission that waits for its confirmation counts. SECURITY DEFINER, as
-- the desk may read none of these; it learns a yes or no.
CREATE OR REPLACE FUNCTION campaign_is_signed(campaign bigint) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM signatures_register WHERE campaign_id = campaign AND last_number > 0)
        OR EXISTS (SELECT FROM signatures_submission WHERE campaign_id = campaign)
        OR EXISTS (SELECT FROM signatures_signature WHERE campaign_id = campaign)
$$;

-- A text as readers of a language see it: their translation, or the original.
CREATE OR REPLACE FUNCTION text_in(wanted text, original_in text, translations jsonb, field text, original text)
    RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN wanted = original_in THEN original
                ELSE coalesce(nullif(translations -> wanted ->> field, ''), original) END
$$;

-- What a campaign's signers sign: {language: text}, of its original language and of each that has a translation of any
-- of it. The text is JSON, its keys in PostgreSQL's order, so that the same words always make the same bytes. It names
-- the campaign: a hash is of this petition and no other.
CREATE OR REPLACE FUNCTION texts_of_campaign(campaign bigint) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH petition AS (
        SELECT * FROM petitions_campaign WHERE id = campaign
    ), addressed AS (
        SELECT a.* FROM petitions_addressee a JOIN petition p ON p.addressee_id = a.id
    ), demanded AS (
        SELECT * FROM petitions_demand WHERE campaign_id = campaign
    ), translated (code, texts) AS (
        SELECT e.key, e.value - ARRAY(SELECT jsonb_object_keys(e.value) EXCEPT SELECT unnest(ARRAY['title', 'pledge']))
          FROM petition, jsonb_each(translations) e
        UNION ALL
        SELECT e.key, e.value FROM demanded, jsonb_each(translations) e
        UNION ALL
        SELECT e.key, e.value FROM addressed, jsonb_each(translations) e
    ), languages (code) AS (
        SELECT language FROM petition
        UNION
        SELECT code FROM translated WHERE texts <> '{}'::jsonb
    )
    SELECT jsonb_object_agg(l.code, jsonb_pretty(jsonb_build_object(
        'campaign', p.uid, 'language', l.code,
        'title', text_in(l.code, p.language, p.translations, 'title', p.title),
        'pledge', text_in(l.code, p.language, p.translations, 'pledge', p.pledge),
        'demands', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'text', text_in(l.code, d.language, d.translations, 'text', d.text),
                'explanation', text_in(l.code, d.language, d.translations, 'explanation', d.explanation)
            ) ORDER BY d.position, d.id), '[]'::jsonb) FROM demanded d),
        'addressee', text_in(l.code, a.language, a.translations, 'name', a.name),
        'institution', text_in(l.code, a.language, a.translations, 'institution', a.institution),
        'signatures_per_mailbox', p.persons_per_mailbox)))
      FROM languages l, petition p, addressed a
$$;

CREATE OR REPLACE FUNCTION hashes_of_texts(texts jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_object_agg(key, encode(sha256(convert_to(value, 'UTF8')), 'hex')) FROM jsonb_each_text(texts)
$$;

-- Keep what a campaign says now as a version, or refuse that it says so. A draft says what it likes. Readers' campaigns
-- are locked first: two that change texts of one at once come one after the other.
CREATE OR REPLACE FUNCTION keep_text_version(campaign bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    now_in bigint := pg_current_xact_id()::text::bigint;
    now_said jsonb;
    latest petitions_textversion;
BEGIN
    PERFORM FROM petitions_campaign WHERE id = campaign AND state NOT IN ('draft', 'review') FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    now_said := texts_of_campaign(campaign);
    SELECT * INTO latest FROM petitions_textversion WHERE campaign_id = campaign ORDER BY number DESC LIMIT 1;
    IF latest.texts = now_said
            OR EXISTS (SELECT FROM petitions_correction WHERE campaign_id = campaign AND publishing_in = now_in) THEN
        RETURN;
    END IF;
    IF latest.id IS NOT NULL AND campaign_is_signed(campaign) THEN
        RAISE EXCEPTION 'what was signed is changed only by a correction that somebody else approved'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'signed_text_is_fixed';
    END IF;
    IF latest.made_in = now_in AND latest.correction_id IS NULL THEN  -- nobody has seen it yet
        UPDATE petitions_textversion SET texts = now_said, hashes = hashes_of_texts(now_said) WHERE id = latest.id;
        RETURN;
    END IF;
    INSERT INTO petitions_textversion (campaign_id, number, texts, hashes, reason, made_in)
    VALUES (campaign, coalesce(latest.number, 0) + 1, now_said, hashes_of_texts(now_said), '', now_in);
END $$;

CREATE OR REPLACE FUNCTION text_guard() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_TABLE_NAME = 'petitions_campaign' THEN
        PERFORM keep_text_version(NEW.id);
    ELSIF TG_TABLE_NAME = 'petitions_addressee' THEN
        PERFORM keep_text_version(id) FROM (SELECT id FROM petitions_campaign WHERE addressee_id = NEW.id ORDER BY id) c;
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM keep_text_version(OLD.campaign_id);
    ELSE
        IF TG_OP = 'UPDATE' AND NEW.campaign_id <> OLD.campaign_id THEN
            PERFORM keep_text_version(OLD.campaign_id);
        END IF;
        PERFORM keep_text_version(NEW.campaign_id);
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER text_guard AFTER INSERT OR UPDATE ON petitions_campaign
    FOR EACH ROW EXECUTE FUNCTION text_guard();

CREATE OR REPLACE TRIGGER text_guard AFTER INSERT OR UPDATE OR DELETE ON petitions_demand
    FOR EACH ROW EXECUTE FUNCTION text_guard();

CREATE OR REPLACE TRIGGER text_guard AFTER UPDATE ON petitions_addressee
    FOR EACH ROW EXECUTE FUNCTION text_guard();

-- Only added to, whoever writes. What the transaction that made a version changes of it, nobody has seen yet.
CREATE OR REPLACE FUNCTION text_version_is_final() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.made_in = pg_current_xact_id()::text::bigint AND OLD.correction_id IS NULL
            AND (NEW.campaign_id, NEW.number, NEW.made_in) = (OLD.campaign_id, OLD.number, OLD.made_in)
            AND NEW.correction_id IS NULL THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a version of a text is never changed'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'text_version_is_final';
END $$;

CREATE OR REPLACE TRIGGER text_version_is_final BEFORE UPDATE OR DELETE ON petitions_textversion
    FOR EACH ROW EXECUTE FUNCTION text_version_is_final();

-- A correction as it was asked for is what is approved; only its publishing is written to it.
CREATE OR REPLACE FUNCTION correction_is_fixed() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.publishing_in := NULL;
        NEW.published_at := NULL;
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.published_at IS NULL
            AND (NEW.id, NEW.campaign_id, NEW.corrects, NEW.changes, NEW.reason)
                IS NOT DISTINCT FROM (OLD.id, OLD.campaign_id, OLD.corrects, OLD.changes, OLD.reason) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a correction never changes once it was asked for'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'correction_is_fixed';
END $$;

CREATE OR REPLACE TRIGGER correction_is_fixed BEFORE INSERT OR UPDATE OR DELETE ON petitions_correction
    FOR EACH ROW EXECUTE FUNCTION correction_is_fixed();

-- Carry a correction out: spend its approval, write its words into what they correct, and keep the next version. All in
-- this one statement, so whoever calls it can change nothing else meanwhile. Returns the version's number.
CREATE OR REPLACE FUNCTION publish_correction(wanted bigint) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    asked petitions_correction;
    latest petitions_textversion;
    change record;
    owned boolean;
    now_in bigint := pg_current_xact_id()::text::bigint;
    now_said jsonb;
BEGIN
    SELECT * INTO STRICT asked FROM petitions_correction WHERE id = wanted;
    PERFORM FROM petitions_campaign WHERE id = asked.campaign_id FOR NO KEY UPDATE;
    PERFORM spend_approval('correction', jsonb_build_object(
        'campaign', asked.campaign_id, 'correction', asked.id, 'corrects', asked.corrects));
    SELECT * INTO latest FROM petitions_textversion
     WHERE campaign_id = asked.campaign_id ORDER BY number DESC LIMIT 1;
    IF latest.number IS DISTINCT FROM asked.corrects THEN
        RAISE EXCEPTION 'another version was published since this correction was asked for'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'correction_is_of_the_latest';
    END IF;
    UPDATE petitions_correction SET publishing_in = now_in WHERE id = asked.id;
    FOR change IN SELECT * FROM jsonb_to_recordset(asked.changes)
                      AS c ("of" text, id bigint, field text, language text, "text" text) LOOP
        owned := CASE change."of"
            WHEN 'campaign' THEN change.field IN ('title', 'pledge') AND change.id = asked.campaign_id
            WHEN 'demand' THEN change.field IN ('text', 'explanation')
                AND EXISTS (SELECT FROM petitions_demand WHERE id = change.id AND campaign_id = asked.campaign_id)
            WHEN 'addressee' THEN change.field IN ('name', 'institution')
                AND EXISTS (SELECT FROM petitions_campaign WHERE id = asked.campaign_id AND addressee_id = change.id)
            ELSE false END;
        IF NOT coalesce(owned, false) OR coalesce(change.text, '') = '' THEN
            RAISE EXCEPTION 'a correction changes words of its own campaign'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'correction_of_its_own_texts';
        END IF;
        EXECUTE format(
            'UPDATE %1$I SET %2$I = CASE WHEN language = $1 THEN $2 ELSE %2$I END,'
            ' translations = CASE WHEN language = $1 THEN translations ELSE translations || jsonb_build_object('
            '     $1, coalesce(translations -> $1, ''{}''::jsonb) || jsonb_build_object(%2$L, $2)) END'
            ' WHERE id = $3', 'petitions_' || change."of", change.field)
            USING change.language, change.text, change.id;
    END LOOP;
    UPDATE petitions_campaign SET last_update_on = (now() AT TIME ZONE 'UTC')::date WHERE id = asked.campaign_id;
    now_said := texts_of_campaign(asked.campaign_id);
    IF now_said = latest.texts THEN
        RAISE EXCEPTION 'a correction that changes nothing'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'correction_changes_something';
    END IF;
    INSERT INTO petitions_textversion (campaign_id, number, texts, hashes, reason, correction_id, made_in)
    VALUES (asked.campaign_id, latest.number + 1, now_said, hashes_of_texts(now_said), asked.reason, asked.id, now_in);
    UPDATE petitions_correction SET publishing_in = NULL, published_at = now() WHERE id = asked.id;
    RETURN latest.number + 1;
END $$;
