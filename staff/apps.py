from django.apps import AppConfig


class StaffConfig(AppConfig):
    name = "staff"

    def ready(self) -> None:
        from staff import approvals, factors, memberships
        from staff.models import Proposal

        approvals.register(Proposal.Kind.MEMBERSHIP, memberships.APPROVAL)
        approvals.register(Proposal.Kind.FACTORS, factors.APPROVAL)
