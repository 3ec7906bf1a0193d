"""SignalR notification hub: tells pages that rooms have changed. Not a general SignalR server: one method, JSON only.

Written here rather than taken from PyPI; `docs/hub.md` says why.
"""

from visavis.hub.connection import HubLimits
from visavis.hub.hub import Fanout, NotificationHub

__all__ = ["Fanout", "HubLimits", "NotificationHub"]
