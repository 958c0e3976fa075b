"""Staff: who works here, what takes two people, and what was written down."""

from staff.models.audit import AuditAnchor, AuditEntry
from staff.models.membership import Membership, Role
from staff.models.proposal import APPROVAL_EXPIRES, Proposal, ProposalQuerySet

__all__ = [
    "APPROVAL_EXPIRES",
    "AuditAnchor",
    "AuditEntry",
    "Membership",
    "Proposal",
    "ProposalQuerySet",
    "Role",
]
