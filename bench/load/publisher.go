package main

import (
	"encoding/binary"
	"fmt"
	"math/rand"
	"os"
	"sync/atomic"
	"time"

	"github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
)

const (
	framesPerSecond  = 30
	keyframeInterval = 10 * time.Second
	opusInterval     = 20 * time.Millisecond
	opusBytes        = 80
	packetBytes      = 1200
)

// The last byte of each packet: when it was sent.
const (
	before = iota
	measured
	after
)

// loud makes the publisher an active speaker: somebody who talks is the usual load.
var loud = &lksdk.SampleWriteOptions{AudioLevel: new(uint8(20))}

// Publisher sends a video and a voice, and counts the packets and keyframes of the measured phase.
type Publisher struct {
	bitrate         int
	phase           atomic.Uint32
	sent, keyframes atomic.Int64
	isKeyframeAsked atomic.Bool
}

// Publish publishes both tracks and sends until stop is closed.
func (p *Publisher) Publish(room *lksdk.Room, stop <-chan struct{}) error {
	video, err := lksdk.NewLocalTrack(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000},
		lksdk.WithRTCPHandler(p.feedback))
	if err != nil {
		return fmt.Errorf("cannot make a video track: %w", err)
	}
	audio, err := lksdk.NewLocalTrack(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2})
	if err != nil {
		return fmt.Errorf("cannot make an audio track: %w", err)
	}
	camera := &lksdk.TrackPublicationOptions{Name: "video", Source: livekit.TrackSource_CAMERA, VideoWidth: 1280, VideoHeight: 720}
	if _, err := room.LocalParticipant.PublishTrack(video, camera); err != nil {
		return fmt.Errorf("cannot publish video: %w", err)
	}
	microphone := &lksdk.TrackPublicationOptions{Name: "audio", Source: livekit.TrackSource_MICROPHONE}
	if _, err := room.LocalParticipant.PublishTrack(audio, microphone); err != nil {
		return fmt.Errorf("cannot publish audio: %w", err)
	}

	frame := p.frames()
	pictures := rtp.NewPacketizer(packetBytes, 0, 0, &codecs.VP8Payloader{EnablePictureID: true}, rtp.NewRandomSequencer(), 90000)
	go every(time.Second/framesPerSecond, stop, func() error {
		return p.write(video, pictures.Packetize(frame(), 90000/framesPerSecond), nil)
	})
	voice := rtp.NewPacketizer(packetBytes, 0, 0, &codecs.OpusPayloader{}, rtp.NewRandomSequencer(), 48000)
	go every(opusInterval, stop, func() error {
		return p.write(audio, voice.Packetize(make([]byte, opusBytes), 960), loud)
	})
	return nil
}

func (p *Publisher) feedback(packet rtcp.Packet) {
	switch packet.(type) {
	case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
		p.isKeyframeAsked.Store(true)
	}
}

func (p *Publisher) write(track *lksdk.LocalTrack, packets []*rtp.Packet, options *lksdk.SampleWriteOptions) error {
	phase := p.phase.Load()
	for _, packet := range packets {
		packet.Payload[len(packet.Payload)-1] = byte(phase)
		if err := track.WriteRTP(packet, options); err != nil {
			return fmt.Errorf("cannot send: %w", err)
		}
	}
	if phase == measured {
		p.sent.Add(int64(len(packets)))
	}
	return nil
}

// frames makes frames of one size that look like VP8 to whoever reads their headers; the rest is noise.
func (p *Publisher) frames() func() []byte {
	p.isKeyframeAsked.Store(true)
	var last time.Time
	frame := make([]byte, p.bitrate/8/framesPerSecond)
	rand.New(rand.NewSource(1)).Read(frame)
	return func() []byte {
		frame[0] |= 1 // not a keyframe
		if p.isKeyframeAsked.Swap(false) || time.Since(last) > keyframeInterval {
			last = time.Now()
			if p.phase.Load() == measured {
				p.keyframes.Add(1)
			}
			frame[0] &^= 1
			copy(frame[3:], []byte{0x9d, 0x01, 0x2a})
			binary.LittleEndian.PutUint16(frame[6:], 1280)
			binary.LittleEndian.PutUint16(frame[8:], 720)
		}
		return frame
	}
}

func every(interval time.Duration, stop <-chan struct{}, work func() error) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			if err := work(); err != nil {
				fmt.Fprintln(os.Stderr, "load:", err)
				return
			}
		}
	}
}
