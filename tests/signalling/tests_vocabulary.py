"""Values that the signalling tests share: descriptions that the fake media core understands."""

SDP = "v=0\r\n"
CAMERA = "x-media:0 video cam video/VP8 q h f\r\n"
MICROPHONE = "x-media:1 audio mic audio/opus\r\n"
