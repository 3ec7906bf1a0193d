"""The port to the media core: its commands, its events, the Rust implementation and a fake for unit tests."""

from visavis.media import events
from visavis.media.dispatcher import Dispatcher
from visavis.media.engine import Layer, MediaEngine, Source, Target

__all__ = ["Dispatcher", "Layer", "MediaEngine", "Source", "Target", "events"]
