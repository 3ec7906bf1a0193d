// An audience on the Go SDK: participants who decode nothing, but know of each picture how wide it is and of each packet
// whether it came. Run by tests/conformance/test_bandwidth.py: `go run ./audience URL TOKEN…`.
//
// Writes a JSON line {"who", "width"} whenever somebody's pictures become wider or narrower; and for each line that it reads,
// {"who", "packets", "lost"} of everybody since the line before.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"log"
	"os"
	"sync"

	"github.com/go-logr/logr"
	protologger "github.com/livekit/protocol/logger"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
)

type change struct {
	Who   int    `json:"who"`
	Width uint16 `json:"width"`
}

type count struct {
	Who     int `json:"who"`
	Packets int `json:"packets"`
	Lost    int `json:"lost"`
}

func main() {
	lksdk.SetLogger(protologger.LogRLogger(logr.Discard()))
	out := &output{encoder: json.NewEncoder(os.Stdout)}
	var viewers []*viewer
	for who, token := range os.Args[2:] {
		viewer := &viewer{who: who, out: out}
		viewers = append(viewers, viewer)
		callback := &lksdk.RoomCallback{ParticipantCallback: lksdk.ParticipantCallback{
			OnTrackSubscribed: func(track *webrtc.TrackRemote, _ *lksdk.RemoteTrackPublication, _ *lksdk.RemoteParticipant) {
				if track.Kind() == webrtc.RTPCodecTypeVideo {
					go viewer.watch(track)
				}
			},
		}}
		room, err := lksdk.ConnectToRoomWithToken(os.Args[1], token, callback)
		check(err)
		defer room.Disconnect()
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		for _, viewer := range viewers {
			out.write(viewer.take())
		}
	}
}

// viewer is one of the audience, and the packets of the video that it got.
type viewer struct {
	who int
	out *output

	mutex sync.Mutex
	// The numbers from `first` on are being counted; those before were on their way when counting began.
	first, highest int64
	seen           map[int64]bool
	width          uint16
}

func (v *viewer) watch(track *webrtc.TrackRemote) {
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return // the track is over
		}
		v.count(packet.SequenceNumber)
		if width := keyframeWidth(packet); width != 0 && width != v.width {
			v.width = width
			v.out.write(change{v.who, width})
		}
	}
}

func (v *viewer) count(sequence uint16) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if v.seen == nil {
		v.seen = map[int64]bool{}
		v.first, v.highest = int64(sequence), int64(sequence)-1
	}
	number := v.highest + int64(int16(sequence-uint16(v.highest)))
	v.highest = max(v.highest, number)
	if number >= v.first {
		v.seen[number] = true
	}
}

func (v *viewer) take() count {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	counted := count{v.who, len(v.seen), int(v.highest-v.first) + 1 - len(v.seen)}
	v.first, v.seen = v.highest+1, map[int64]bool{}
	return counted
}

// keyframeWidth is the width that a VP8 keyframe begins with, or 0. Layers change at keyframes only.
func keyframeWidth(packet *rtp.Packet) uint16 {
	var vp8 codecs.VP8Packet
	frame, err := vp8.Unmarshal(packet.Payload)
	if err != nil || vp8.S == 0 || vp8.PID != 0 || len(frame) < 10 || frame[0]&1 != 0 {
		return 0
	}
	return binary.LittleEndian.Uint16(frame[6:]) & 0x3fff
}

// output writes whole lines, whoever writes.
type output struct {
	mutex   sync.Mutex
	encoder *json.Encoder
}

func (o *output) write(line any) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	check(o.encoder.Encode(line))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
