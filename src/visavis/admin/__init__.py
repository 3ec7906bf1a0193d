"""The operator's API under `/api/admin`: what flows, who is where, what was; and ending, removing, muting."""

from visavis.admin.guard import Guard
from visavis.admin.routes import Operated, admin_routes

__all__ = ["Guard", "Operated", "admin_routes"]
