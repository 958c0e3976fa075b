from django.apps import AppConfig
from django.conf import settings


class StaffConfig(AppConfig):
    name = "staff"

    def ready(self) -> None:
        if not settings.HAS_STAFF:
            return
        from staff import approvals, factors, memberships
        from staff.models import Proposal

        approvals.register(Proposal.Kind.MEMBERSHIP, memberships.APPROVAL)
        approvals.register(Proposal.Kind.FACTORS, factors.APPROVAL)
