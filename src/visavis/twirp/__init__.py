"""LiveKit's server API: Twirp over HTTP under `/twirp`, in protobuf and JSON."""

from visavis.twirp.routes import twirp_routes

__all__ = ["twirp_routes"]
