"""What happens in rooms, told to others: LiveKit's webhooks over HTTP, and functions of the host application."""

from visavis.webhooks.listeners import Listener, Listeners
from visavis.webhooks.sender import WebhookSender

__all__ = ["Listener", "Listeners", "WebhookSender"]
