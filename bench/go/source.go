package main

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

const (
	measured = 1
	// Bytes of a stamp; as in bench/generator/src/stamp.rs.
	stampLength = 24
	stampMagic  = 0xbe7c
	payloadMost = 1150
	// Keyframes are so many times as large as other frames.
	keyframeSize     = 3
	keyframeInterval = 10 * time.Second
)

// stamp is what is written at the end of each payload.
type stamp struct {
	phase  byte
	source uint32
	number uint32
	// Nanoseconds of the wall clock.
	time int64
}

func (s stamp) write(payload []byte) {
	end := payload[len(payload)-stampLength:]
	binary.BigEndian.PutUint16(end, stampMagic)
	end[2], end[3] = s.phase, 0
	binary.BigEndian.PutUint32(end[4:], s.source)
	binary.BigEndian.PutUint32(end[8:], s.number)
	binary.BigEndian.PutUint64(end[16:], uint64(s.time))
}

func readStamp(payload []byte) (stamp, bool) {
	if len(payload) < stampLength {
		return stamp{}, false
	}
	end := payload[len(payload)-stampLength:]
	return stamp{
		phase:  end[2],
		source: binary.BigEndian.Uint32(end[4:]),
		number: binary.BigEndian.Uint32(end[8:]),
		time:   int64(binary.BigEndian.Uint64(end[16:])),
	}, binary.BigEndian.Uint16(end) == stampMagic
}

// source is a track that is published.
type source struct {
	id            uint32
	codec         webrtc.RTPCodecCapability
	options       lksdk.TrackPublicationOptions
	interval      time.Duration
	ticks         uint32
	payloads      func(isKeyframe bool) [][]byte
	wantsKeyframe atomic.Bool
	// Packets of the measured time.
	sent atomic.Uint64

	mutex sync.Mutex
	// Microseconds.
	late []int64
}

func newVoice(voice voice) *source {
	payload := make([]byte, max(voice.Bytes, stampLength+8))
	return &source{
		codec:    webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2},
		options:  lksdk.TrackPublicationOptions{Source: livekit.TrackSource_MICROPHONE},
		interval: time.Duration(voice.IntervalMs) * time.Millisecond,
		ticks:    uint32(voice.IntervalMs) * 48,
		payloads: func(bool) [][]byte {
			payload[0] = 0xfc
			return [][]byte{payload}
		},
	}
}

func newVideo(video video) *source {
	layer, picture := video.Layers[0], uint16(100)
	codec := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}
	if video.Codec == "h264" {
		codec = webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeH264, ClockRate: 90000,
			SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
		}
	}
	return &source{
		codec: codec,
		options: lksdk.TrackPublicationOptions{
			Source: livekit.TrackSource_CAMERA, VideoWidth: int(layer.Width), VideoHeight: int(layer.Height),
		},
		interval: time.Duration(float64(time.Second) / video.FPS),
		ticks:    uint32(90_000 / video.FPS),
		payloads: func(isKeyframe bool) [][]byte {
			bytes := int(float64(layer.Bitrate) / 8 / video.FPS)
			if isKeyframe {
				bytes *= keyframeSize
			}
			count := max(1, (bytes+payloadMost-1)/payloadMost)
			picture = (picture + 1) & 0x7fff
			payloads := make([][]byte, count)
			for index := range payloads {
				var header []byte
				if video.Codec == "h264" {
					header = h264(isKeyframe, index, count)
				} else {
					header = vp8(isKeyframe, index == 0, picture, layer.Width, layer.Height)
				}
				payloads[index] = make([]byte, max(bytes/count, stampLength+40))
				copy(payloads[index], header)
			}
			return payloads
		},
	}
}

// vp8 is how a packet begins: RFC 7741, picture id of 15 bits, TL0PICIDX, temporal layer 0, key index.
func vp8(isKeyframe, isFirst bool, picture uint16, width, height uint32) []byte {
	header := []byte{0x80, 0xf0, byte(picture>>8) | 0x80, byte(picture), byte(picture), 0}
	switch {
	case isFirst && isKeyframe:
		header[0] = 0x90
		header = append(header, 0x10, 0, 0, 0x9d, 0x01, 0x2a, byte(width), byte(width>>8), byte(height), byte(height>>8))
	case isFirst:
		header[0] = 0x90
		header = append(header, 0x11, 0, 0)
	}
	return header
}

// h264 is how a packet begins: RFC 6184, fragments (FU-A); a keyframe begins with its parameters (STAP-A).
func h264(isKeyframe bool, index, count int) []byte {
	if isKeyframe && index == 0 && count > 1 {
		return []byte{0x78, 0, 8, 0x67, 0x42, 0xe0, 0x1f, 0x8c, 0x8d, 0x40, 0x50, 0, 4, 0x68, 0xce, 0x3c, 0x80}
	}
	first, kind, flags := 0, byte(1), byte(0)
	if isKeyframe {
		kind = 5
		if count > 1 {
			first = 1
		}
	}
	if index == first {
		flags |= 0x80
	}
	if index+1 == count && index > first {
		flags |= 0x40
	}
	return []byte{0x7c, flags | kind}
}

// publish publishes it and begins to send.
func (s *source) publish(room *lksdk.Room) error {
	s.wantsKeyframe.Store(true)
	track, err := lksdk.NewLocalTrack(s.codec, lksdk.WithRTCPHandler(func(packet rtcp.Packet) {
		if _, ok := packet.(*rtcp.PictureLossIndication); ok {
			s.wantsKeyframe.Store(true)
		}
	}))
	if err != nil {
		return err
	}
	track.OnBind(func() { go s.send(track) })
	_, err = room.LocalParticipant.PublishTrack(track, &s.options)
	return err
}

// send sends at the source's pace until the program ends.
func (s *source) send(track *lksdk.LocalTrack) {
	// Encoders of different people do not tick together.
	due := time.Now().Add(time.Duration(s.id*7919%33000) * time.Microsecond)
	var header = rtp.Header{Version: 2, Timestamp: 50_000, SequenceNumber: 1000}
	var number uint32
	var lastKeyframe time.Time
	isVideo := s.codec.ClockRate == 90000
	for {
		time.Sleep(time.Until(due))
		isKeyframe := isVideo && (s.wantsKeyframe.Swap(false) || time.Since(lastKeyframe) > keyframeInterval)
		if isKeyframe {
			lastKeyframe = time.Now()
		}
		payloads := s.payloads(isKeyframe)
		header.Timestamp += s.ticks
		for index, payload := range payloads {
			number++
			header.SequenceNumber++
			header.Marker = isVideo && index == len(payloads)-1
			now := byte(phase.Load())
			stamp{now, s.id, number, time.Now().UnixNano()}.write(payload)
			if now == measured {
				s.sent.Add(1)
			}
			if track.WriteRTP(&rtp.Packet{Header: header, Payload: payload}, nil) != nil {
				return // the track is over
			}
		}
		if phase.Load() == measured {
			s.mutex.Lock()
			s.late = append(s.late, time.Since(due).Microseconds())
			s.mutex.Unlock()
		}
		due = due.Add(s.interval)
	}
}
