"""`visavis doctor`: tries each leg that an installation stands on, and names the one that fails and its setting."""

from visavis.doctor.examination import examine
from visavis.doctor.finding import Finding, Outcome

__all__ = ["Finding", "Outcome", "examine"]
