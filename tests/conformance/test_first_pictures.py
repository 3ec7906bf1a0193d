"""How soon pictures are as good as they can be."""

from layers import HIGH, WIDTHS, layered, until_wide
from wiretap import Call

from media import CAMERA, MICROPHONE, pitch, playing_tone, watching


async def test_a_camera_beside_a_microphone_is_soon_seen_in_the_best_layer(call: Call) -> None:
    """The client learns nothing of its link from sound, and begins with the bitrate that the answer repeats."""
    alice, _ = await call("alice")
    bob, _ = await call("bob")
    async with playing_tone(alice, 440):
        await pitch(await bob.track_of(alice, MICROPHONE))
        async with layered(alice, noisy=True), watching(await bob.track_of(alice, CAMERA)) as pictures:
            await until_wide(pictures, WIDTHS[HIGH], within=5)
