from django.apps import AppConfig
from django.conf import settings


class SignaturesConfig(AppConfig):
    name = "signatures"

    def ready(self) -> None:
        if not settings.HAS_STAFF:
            return
        from signatures.desk import (
            addressee_keys,
            corrections,
            deliveries,
            disclosure,
            mailings,
            recipients,
            reissues,
            shredding,
            takedowns,
        )
        from staff import approvals
        from staff.models import Proposal

        approvals.register(Proposal.Kind.DELIVERY, deliveries.APPROVAL)
        approvals.register(Proposal.Kind.RECIPIENT, recipients.APPROVAL)
        approvals.register(Proposal.Kind.DISCLOSURE, disclosure.APPROVAL)
        approvals.register(Proposal.Kind.SHREDDING, shredding.APPROVAL)
        approvals.register(Proposal.Kind.THEIR_KEY, addressee_keys.APPROVAL)
        approvals.register(Proposal.Kind.REISSUE, reissues.APPROVAL)
        approvals.register(Proposal.Kind.CORRECTION, corrections.APPROVAL)
        approvals.register(Proposal.Kind.MAILING, mailings.APPROVAL)
        approvals.register(Proposal.Kind.RESTORATION, takedowns.APPROVAL)
