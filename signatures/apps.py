from django.apps import AppConfig


class SignaturesConfig(AppConfig):
    name = "signatures"

    def ready(self) -> None:
        from signatures.desk import deliveries, disclosure, recipients, shredding
        from staff import approvals
        from staff.models import Proposal

        approvals.register(Proposal.Kind.DELIVERY, deliveries.APPROVAL)
        approvals.register(Proposal.Kind.RECIPIENT, recipients.APPROVAL)
        approvals.register(Proposal.Kind.DISCLOSURE, disclosure.APPROVAL)
        approvals.register(Proposal.Kind.SHREDDING, shredding.APPROVAL)
