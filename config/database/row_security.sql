-- Which rows the tiers see and write, where a column's rights (grants.py) cannot say it. A table with row security
-- shows no row by default: without a policy it fails closed. :"public", :"desk" and :"worker" are the names of the
-- roles, as psql writes variables; apply.py fills in the settings' names.

-- Web says which token it was shown, and cannot list any row: it sees the one that the token names. A submission comes
-- under a session key of its campaign that is not ten minutes old; web uses one for five. The database's clock decides,
-- so a key that pruning may delete (an hour old, nothing under it) takes nothing any more.
ALTER TABLE signatures_submission ENABLE ROW LEVEL SECURITY;

CREATE POLICY public_insert ON signatures_submission FOR INSERT TO :"public"
    WITH CHECK (
        EXISTS (SELECT FROM signatures_sealingkey k
                 WHERE k.id = sealing_key_id AND k.campaign_id = signatures_submission.campaign_id
                   AND k.created_at > now() - interval '10 minutes')
    );

CREATE POLICY public_select ON signatures_submission FOR SELECT TO :"public"
    USING (token_hash = decode(current_setting('undersigned.token_hash', true), 'hex'));

-- Confirmed once, with what its mailbox's owner adds, under such a key too; nothing of it is changed or taken back.
CREATE POLICY public_update ON signatures_submission FOR UPDATE TO :"public"
    USING (token_hash = decode(current_setting('undersigned.token_hash', true), 'hex') AND confirmed_at IS NULL)
    WITH CHECK (
        token_hash = decode(current_setting('undersigned.token_hash', true), 'hex')
        AND confirmed_at IS NOT NULL AND sealed_consents IS NOT NULL
        AND EXISTS (SELECT FROM signatures_sealingkey k
                     WHERE k.id = consents_key_id AND k.campaign_id = signatures_submission.campaign_id
                       AND k.created_at > now() - interval '10 minutes')
    );

CREATE POLICY worker_all ON signatures_submission FOR ALL TO :"worker"
    USING (true)
    WITH CHECK (true);

-- As with submissions: the row that the token names, and no other.
ALTER TABLE signatures_withdrawal ENABLE ROW LEVEL SECURITY;

CREATE POLICY public_insert ON signatures_withdrawal FOR INSERT TO :"public" WITH CHECK (true);

CREATE POLICY public_select ON signatures_withdrawal FOR SELECT TO :"public"
    USING (token_hash = decode(current_setting('undersigned.token_hash', true), 'hex'));

CREATE POLICY worker_all ON signatures_withdrawal FOR ALL TO :"worker"
    USING (true)
    WITH CHECK (true);

-- "That was not me": as with submissions, the row that the token names, and no other.
ALTER TABLE signatures_rejection ENABLE ROW LEVEL SECURITY;

CREATE POLICY public_insert ON signatures_rejection FOR INSERT TO :"public" WITH CHECK (true);

CREATE POLICY public_select ON signatures_rejection FOR SELECT TO :"public"
    USING (token_hash = decode(current_setting('undersigned.token_hash', true), 'hex'));

CREATE POLICY worker_all ON signatures_rejection FOR ALL TO :"worker" USING (true) WITH CHECK (true);

-- A person's own page: for an hour, for whoever can name it (models/mailboxes.py, LINK_LIVES). Owner and date are not web's
-- to write, and what is wanted comes only with such a page, not without end.
ALTER TABLE signatures_mailboxpage ENABLE ROW LEVEL SECURITY;

CREATE POLICY public_select ON signatures_mailboxpage FOR SELECT TO :"public"
    USING (token_hash = decode(current_setting('undersigned.token_hash', true), 'hex')
           AND created_at > now() - interval :'link_lives');

CREATE POLICY worker_all ON signatures_mailboxpage FOR ALL TO :"worker" USING (true) WITH CHECK (true);

ALTER TABLE signatures_mailboxwish ENABLE ROW LEVEL SECURITY;

CREATE POLICY public_insert ON signatures_mailboxwish FOR INSERT TO :"public"
    WITH CHECK (EXISTS (SELECT FROM signatures_mailboxpage p WHERE p.token_hash = page_hash));

CREATE POLICY public_select ON signatures_mailboxwish FOR SELECT TO :"public"
    USING (page_hash = decode(current_setting('undersigned.token_hash', true), 'hex'));

CREATE POLICY worker_all ON signatures_mailboxwish FOR ALL TO :"worker" USING (true) WITH CHECK (true);

-- Where signers are at risk, the public is told a total with each edition and in tens: it sees no live one.
ALTER TABLE signatures_register ENABLE ROW LEVEL SECURITY;

CREATE POLICY public_select ON signatures_register FOR SELECT TO :"public"
    USING (NOT (SELECT c.at_risk FROM petitions_campaign c WHERE c.id = campaign_id));

CREATE POLICY desk_select ON signatures_register FOR SELECT TO :"desk" USING (true);

CREATE POLICY worker_all ON signatures_register FOR ALL TO :"worker" USING (true) WITH CHECK (true);

-- The desk asks for rulings, and says yes, stop or back; what they do, only a worker does.
ALTER TABLE signatures_ruling ENABLE ROW LEVEL SECURITY;

CREATE POLICY desk_select ON signatures_ruling FOR SELECT TO :"desk" USING (true);

CREATE POLICY desk_insert ON signatures_ruling FOR INSERT TO :"desk"
    WITH CHECK (state = 'asked' AND would_touch IS NULL AND touched = 0 AND run_at IS NULL AND confirmed_by_id IS NULL);

CREATE POLICY desk_update ON signatures_ruling FOR UPDATE TO :"desk"
    USING (state IN ('asked', 'ready', 'running', 'done', 'cancelled'))
    WITH CHECK (state IN ('running', 'cancelled', 'undoing') OR state = 'done' AND confirmed_by_id IS NOT NULL);

CREATE POLICY worker_all ON signatures_ruling FOR ALL TO :"worker" USING (true) WITH CHECK (true);

-- The desk asks for deliveries, and says yes or no to them; only a worker makes one ready.
ALTER TABLE signatures_delivery ENABLE ROW LEVEL SECURITY;

-- The public is told of a packet once the public log tells what became of it.
CREATE POLICY public_select ON signatures_delivery FOR SELECT TO :"public"
    USING (state = 'ready' AND EXISTS (SELECT FROM signatures_handover h WHERE h.delivery_id = signatures_delivery.id));

CREATE POLICY desk_select ON signatures_delivery FOR SELECT TO :"desk" USING (true);

CREATE POLICY desk_insert ON signatures_delivery FOR INSERT TO :"desk"
    WITH CHECK (state = 'requested' AND manifest IS NULL AND archive = '');

CREATE POLICY desk_update ON signatures_delivery FOR UPDATE TO :"desk"
    USING (state IN ('requested', 'failed', 'ready'))
    WITH CHECK (CASE WHEN archive = '' THEN state IN ('requested', 'approved', 'withdrawn') ELSE state = 'discarded' END);

CREATE POLICY worker_all ON signatures_delivery FOR ALL TO :"worker" USING (true) WITH CHECK (true);

-- Both read the trail; they add to it by a function only (audit_trail.sql).
ALTER TABLE staff_auditentry ENABLE ROW LEVEL SECURITY;

CREATE POLICY desk_select ON staff_auditentry FOR SELECT TO :"desk" USING (true);

CREATE POLICY worker_select ON staff_auditentry FOR SELECT TO :"worker" USING (true);

-- Web asks and decides; a worker says what expired, and what it has carried out. The worker approves nothing: it may
-- not write who decided, which proposal_decided_by_somebody demands.
ALTER TABLE staff_proposal ENABLE ROW LEVEL SECURITY;

CREATE POLICY desk_select ON staff_proposal FOR SELECT TO :"desk" USING (true);

CREATE POLICY desk_insert ON staff_proposal FOR INSERT TO :"desk"
    WITH CHECK (state = 'waiting' AND decided_by_id IS NULL AND done_at IS NULL);

CREATE POLICY desk_update ON staff_proposal FOR UPDATE TO :"desk"
    USING (state = 'waiting')
    WITH CHECK (state IN ('approved', 'refused', 'withdrawn'));

CREATE POLICY worker_select ON staff_proposal FOR SELECT TO :"worker" USING (true);

CREATE POLICY worker_update ON staff_proposal FOR UPDATE TO :"worker"
    USING (state IN ('waiting', 'approved'))
    WITH CHECK (state IN ('approved', 'expired'));

-- The desk registers keys and takes them out of use; only a worker brings one into use.
ALTER TABLE signatures_recipient ENABLE ROW LEVEL SECURITY;

CREATE POLICY desk_select ON signatures_recipient FOR SELECT TO :"desk" USING (true);

CREATE POLICY desk_insert ON signatures_recipient FOR INSERT TO :"desk"
    WITH CHECK (state = 'waiting' AND NOT by_hand AND approver_id IS NULL);

CREATE POLICY desk_update ON signatures_recipient FOR UPDATE TO :"desk"
    USING (state IN ('waiting', 'pinned'))
    WITH CHECK (state = 'waiting' AND challenge IS NULL OR state = 'revoked');

CREATE POLICY worker_all ON signatures_recipient FOR ALL TO :"worker"
    USING (true)
    WITH CHECK (true);

-- The same of addressees' keys.
ALTER TABLE signatures_addresseekey ENABLE ROW LEVEL SECURITY;

CREATE POLICY desk_select ON signatures_addresseekey FOR SELECT TO :"desk" USING (true);

CREATE POLICY desk_insert ON signatures_addresseekey FOR INSERT TO :"desk"
    WITH CHECK (state = 'waiting' AND approver_id IS NULL AND challenge IS NULL AND challenge_hash IS NULL);

CREATE POLICY desk_update ON signatures_addresseekey FOR UPDATE TO :"desk"
    USING (state IN ('waiting', 'pinned'))
    WITH CHECK (state = 'waiting' AND challenge IS NULL OR state = 'revoked');

CREATE POLICY worker_all ON signatures_addresseekey FOR ALL TO :"worker" USING (true) WITH CHECK (true);

-- Who proves that they want a campaign shredded: the desk asks for a challenge and hands on the answer, and can put no
-- challenge of its own, or of another question, before anybody.
ALTER TABLE signatures_shreddingproof ENABLE ROW LEVEL SECURITY;

CREATE POLICY desk_select ON signatures_shreddingproof FOR SELECT TO :"desk" USING (true);

CREATE POLICY desk_insert ON signatures_shreddingproof FOR INSERT TO :"desk"
    WITH CHECK (challenge IS NULL AND challenge_hash IS NULL AND proof IS NULL AND proven_at IS NULL);

CREATE POLICY desk_update ON signatures_shreddingproof FOR UPDATE TO :"desk"
    USING (proven_at IS NULL)
    WITH CHECK (challenge IS NULL AND proven_at IS NULL);

CREATE POLICY worker_all ON signatures_shreddingproof FOR ALL TO :"worker" USING (true) WITH CHECK (true);

-- The desk asks, and may close what was answered; only a worker answers.
ALTER TABLE signatures_reveal ENABLE ROW LEVEL SECURITY;

CREATE POLICY desk_select ON signatures_reveal FOR SELECT TO :"desk" USING (true);

CREATE POLICY desk_insert ON signatures_reveal FOR INSERT TO :"desk"
    WITH CHECK (state = 'asked' AND asked_at = statement_timestamp());

CREATE POLICY desk_update ON signatures_reveal FOR UPDATE TO :"desk"
    USING (state = 'answered')
    WITH CHECK (state = 'closed' AND answer IS NULL);

CREATE POLICY worker_all ON signatures_reveal FOR ALL TO :"worker" USING (true) WITH CHECK (true);

-- The public is told what was marked so and stands, and nothing else of the handover log.
ALTER TABLE signatures_handover ENABLE ROW LEVEL SECURITY;

CREATE POLICY public_select ON signatures_handover FOR SELECT TO :"public"
    USING (is_public AND handover_stands(id));

CREATE POLICY desk_select ON signatures_handover FOR SELECT TO :"desk" USING (true);

CREATE POLICY desk_insert ON signatures_handover FOR INSERT TO :"desk" WITH CHECK (true);

CREATE POLICY worker_select ON signatures_handover FOR SELECT TO :"worker" USING (true);
