"""What `serve` says of a cluster in front of which it serves: neither its clock nor its version keep it from that."""

import asyncio

import structlog

from visavis.backend.livekit.livekit_backend import LiveKitBackend
from visavis.doctor import cluster
from visavis.doctor.finding import Outcome

_log = structlog.stdlib.get_logger(__name__)

_AGAIN_SECONDS = 30.0


async def glance(backend: LiveKitBackend) -> None:
    """Looks at them once, as soon as the cluster answers; says what is not as it should be."""
    while True:
        findings = [finding async for finding in cluster.glance(backend)]
        for finding in findings:
            if finding.outcome in (Outcome.FAILED, Outcome.DOUBTFUL):
                _log.warning("cluster_doubtful", leg=finding.leg, reason=finding.text, hint="see `visavis doctor`")
        if findings:
            _log.info("cluster_looked_at", legs=[finding.leg for finding in findings])
            return
        await asyncio.sleep(_AGAIN_SECONDS)
