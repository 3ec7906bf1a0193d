"""Simulates the control plane of a large installation: app processes in front of a cluster that carries no media.

Real are the app processes, Redis and PostgreSQL. The cluster is a stand-in (`cluster`), in the generator's process:
what it answers and posts is LiveKit's own messages, but nobody is connected. ../README.md has the method.
"""
