"""LiveKit's agents: workers that connect to `/agent`, and the jobs that they are given when somebody needs one."""

from visavis.agents.dispatcher import AgentDispatcher
from visavis.agents.routes import agent_routes

__all__ = ["AgentDispatcher", "agent_routes"]
