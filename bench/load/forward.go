package main

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"time"

	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/webrtc/v4"
)

const (
	// How long subscribers may take until the first packet of both tracks is there.
	patience = 30 * time.Second
	// What is on its way when the time is over, retransmissions included, has this long to arrive.
	grace       = 500 * time.Millisecond
	paddingFlag = 0x20
	// How many of the last packets are known, to tell what came twice.
	memory = 1024
)

// Forward is one publisher with video and audio, and subscribers that count what they get.
type Forward struct {
	subscribers, bitrate int
	warmup, duration     time.Duration

	received, repeated, bytes, tracks atomic.Int64
}

// Run reports "steady" when all subscribers receive and the warm-up is over, and "measured" when the time is. Between
// the two the server's work counts.
func (f *Forward) Run(target Target) error {
	room, err := target.Join("publisher", nil, false)
	if err != nil {
		return err
	}
	defer room.Disconnect()
	publisher := &Publisher{bitrate: f.bitrate}
	stop := make(chan struct{})
	defer close(stop)
	if err := publisher.Publish(room, stop); err != nil {
		return err
	}
	for i := range f.subscribers {
		room, err := target.Join(fmt.Sprintf("subscriber-%d", i), f.subscriber(), true)
		if err != nil {
			return err
		}
		defer room.Disconnect()
	}
	deadline := time.Now().Add(patience)
	for f.tracks.Load() < int64(2*f.subscribers) {
		if time.Now().After(deadline) {
			return fmt.Errorf("only %d of %d tracks arrived in %s", f.tracks.Load(), 2*f.subscribers, patience)
		}
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(f.warmup)

	started := time.Now()
	publisher.phase.Store(measured)
	report(map[string]any{"event": "steady"})
	time.Sleep(f.duration)
	publisher.phase.Store(after)
	seconds := time.Since(started).Seconds()
	report(map[string]any{"event": "over", "seconds": seconds})

	time.Sleep(grace)
	report(map[string]any{
		"event":     "measured",
		"seconds":   seconds,
		"sent":      publisher.sent.Load(),
		"keyframes": publisher.keyframes.Load(),
		"expected":  publisher.sent.Load() * int64(f.subscribers),
		"received":  f.received.Load(),
		"repeated":  f.repeated.Load(),
		"bytes":     f.bytes.Load(),
	})
	return nil
}

func (f *Forward) subscriber() *lksdk.RoomCallback {
	callback := lksdk.NewRoomCallback()
	callback.OnTrackSubscribed = func(track *webrtc.TrackRemote, _ *lksdk.RemoteTrackPublication, _ *lksdk.RemoteParticipant) {
		go f.count(track)
	}
	return callback
}

// count counts the packets that the publisher sent while it was measured: each says so in its last byte. So what is
// lost is known exactly, whatever was under way when the time began or ended.
func (f *Forward) count(track *webrtc.TrackRemote) {
	buffer := make([]byte, 2048)
	var recent [memory]int
	isFirst := true
	for {
		length, _, err := track.Read(buffer)
		if err != nil {
			return
		}
		if isFirst {
			isFirst = false
			f.tracks.Add(1)
		}
		if isPadded := buffer[0]&paddingFlag != 0; isPadded || buffer[length-1] != measured {
			continue
		}
		number := int(binary.BigEndian.Uint16(buffer[2:])) + 1 // 0 is for none
		if recent[number%memory] == number {
			f.repeated.Add(1)
			continue
		}
		recent[number%memory] = number
		f.received.Add(1)
		f.bytes.Add(int64(length))
	}
}
