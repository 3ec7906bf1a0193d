"""Offers as a browser makes them, from a client whose ICE and DTLS nobody will ever see."""

import re

OFFER_HEAD = """v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE {mids}
a=extmap-allow-mixed
a=msid-semantic: WMS
"""

TRANSPORT = """c=IN IP4 0.0.0.0
a=ice-ufrag:mall
a=ice-pwd:mmmmmmmmmmmmmmmmmmmmmmmm
a=ice-options:trickle
a=fingerprint:sha-256 AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB
a=setup:actpass
"""

DATA = """m=application 9 UDP/DTLS/SCTP webrtc-datachannel
{transport}a=mid:{mid}
a=sctp-port:5000
a=max-message-size:262144
"""

AUDIO = """m=audio 9 UDP/TLS/RTP/SAVPF 111 0
{transport}a=mid:{mid}
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=sendonly
a=msid:stream {cid}
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:0 PCMU/8000
a=ssrc:1001 cname:mallory
"""

VIDEO = """m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99
{transport}a=mid:{mid}
a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id
a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id
a=sendonly
a=msid:stream {cid}
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 transport-cc
a=rtcp-fb:96 ccm fir
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:98 H264/90000
a=rtcp-fb:98 nack
a=fmtp:98 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtpmap:99 rtx/90000
a=fmtp:99 apt=98
"""

SIMULCAST = """a=rid:q send
a=rid:h send
a=rid:f send
a=simulcast:send q;h;f
"""


def offer_of(*sections: str) -> str:
    """An offer with these sections; they get the mids 0, 1, 2 …, and the tracks the names cid-0, cid-1 …."""
    media = [
        section.format(transport=TRANSPORT, mid=number, cid=f"cid-{number}") for number, section in enumerate(sections)
    ]
    text = OFFER_HEAD.format(mids=" ".join(str(number) for number in range(len(sections)))) + "".join(media)
    return text.replace("\n", "\r\n")


def without_codecs(sdp: str, *names: str) -> str:
    """The description of a client that has not got these codecs."""
    lines = sdp.split("\r\n")
    gone = {
        line.removeprefix("a=rtpmap:").split(" ")[0]
        for line in lines
        if line.startswith("a=rtpmap:") and line.split(" ")[1].split("/")[0] in names
    }
    apt = re.compile(r"a=fmtp:(\d+) apt=(\d+)")
    gone |= {match[1] for match in map(apt.match, lines) if match and match[2] in gone}
    kept: list[str] = []
    for line in lines:
        if line.startswith("m=video"):
            head, formats = line.split(" ")[:3], line.split(" ")[3:]
            kept.append(" ".join([*head, *(each for each in formats if each not in gone)]))
        elif not (match := re.match(r"a=(?:rtpmap|fmtp|rtcp-fb):(\d+) ", line)) or match[1] not in gone:
            kept.append(line)
    return "\r\n".join(kept)


def sections_of(sdp: str) -> list[list[str]]:
    """The lines of each media section."""
    return [("m=" + section).splitlines() for section in sdp.split("\r\nm=")[1:]]


def format_of(section: list[str]) -> set[str]:
    """The parameters of Opus."""
    (line,) = [line for line in section if line.startswith("a=fmtp:111 ")]
    return set(line.removeprefix("a=fmtp:111 ").split(";"))
