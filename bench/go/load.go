// The loads on LiveKit's own Go SDK, as a second opinion on our generator: it reads the same plan and says the same as `bench-load`
// (bench/generator), but knows only joins, voices, and videos of one layer. It takes about three times the CPU for a packet, and
// a packet has come when the program has it, where the other asks the kernel.
//
//	go-load PLAN.json
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	protologger "github.com/livekit/protocol/logger"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/webrtc/v4"
)

const (
	// How long a join may take, and then how long until everything expected has come.
	patience = 30 * time.Second
	// What is on its way when the time is over has this long to arrive.
	grace = 700 * time.Millisecond
)

type plan struct {
	URL          string        `json:"url"`
	Participants []participant `json:"participants"`
	Rate         *float64      `json:"rate"`
	Loss         float64       `json:"loss"`
	Warmup       float64       `json:"warmup"`
	Duration     float64       `json:"duration"`
	Meeting      any           `json:"meeting"`
}

type participant struct {
	Token     string  `json:"token"`
	Videos    []video `json:"videos"`
	Voices    []voice `json:"voices"`
	Data      any     `json:"data"`
	Adaptive  bool    `json:"adaptive"`
	Subscribe bool    `json:"subscribe"`
	Quality   *int    `json:"quality"`
	Expects   int     `json:"expects"`
}

type video struct {
	Codec  string  `json:"codec"`
	FPS    float64 `json:"fps"`
	Layers []struct {
		Width   uint32 `json:"width"`
		Height  uint32 `json:"height"`
		Bitrate uint32 `json:"bitrate"`
	} `json:"layers"`
}

type voice struct {
	IntervalMs int `json:"interval_ms"`
	Bytes      int `json:"bytes"`
}

// phase of the load: packets sent in the measured one are counted.
var phase atomic.Uint32

type load struct {
	plan     plan
	mutex    sync.Mutex
	joinMs   []float64
	mediaMs  []float64
	sources  []*source
	clients  []*client
	failures chan error
	ready    sync.WaitGroup
}

func main() {
	lksdk.SetLogger(protologger.LogRLogger(logr.Discard()))
	if err := run(); err != nil {
		say(map[string]any{"event": "failed", "why": err.Error()})
		os.Exit(1)
	}
}

func say(event map[string]any) {
	if err := json.NewEncoder(os.Stdout).Encode(event); err != nil {
		os.Exit(1) // nobody listens any more
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("say which plan: go-load PLAN.json")
	}
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	load := &load{failures: make(chan error, 1)}
	if err := json.Unmarshal(text, &load.plan); err != nil {
		return err
	}
	if err := load.plan.check(); err != nil {
		return err
	}
	if err := load.join(); err != nil {
		return err
	}
	say(map[string]any{"event": "joined", "join_ms": load.joinMs})
	if err := load.waitFor(&load.ready, "not all have what they were to get"); err != nil {
		return err
	}
	time.Sleep(seconds(load.plan.Warmup))

	started, used, overflow := time.Now(), processTime(), overflows()
	phase.Store(measured)
	say(map[string]any{"event": "steady", "first_media_ms": load.mediaMs})
	time.Sleep(seconds(load.plan.Duration))
	phase.Store(measured + 1)
	duration := time.Since(started).Seconds()
	cpu := (processTime() - used).Seconds() / duration
	say(map[string]any{"event": "over", "seconds": duration})

	time.Sleep(grace)
	result := load.measured(duration)
	result["generator"] = map[string]any{"cpu": cpu, "late_us_p99": load.late(), "overflow": overflows() - overflow}
	say(result)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// check says what of the plan only the other generator can.
func (p *plan) check() error {
	if p.Loss != 0 || p.Meeting != nil {
		return fmt.Errorf("the Go SDK's generator has no loss and no meetings: take the other one")
	}
	for _, participant := range p.Participants {
		isSimulcast := slices.ContainsFunc(participant.Videos, func(video video) bool { return len(video.Layers) != 1 })
		if participant.Data != nil || participant.Adaptive || participant.Quality != nil || isSimulcast {
			return fmt.Errorf("the Go SDK's generator has no data, no simulcast and no qualities: take the other one")
		}
	}
	return nil
}

func (l *load) join() error {
	started := time.Now()
	var joined sync.WaitGroup
	for index, participant := range l.plan.Participants {
		client := &client{load: l, plan: participant, seen: map[uint32]*tally{}}
		l.clients = append(l.clients, client)
		l.ready.Add(1)
		joined.Add(1)
		join := func() {
			defer joined.Done()
			if err := client.join(); err != nil {
				l.fail(fmt.Errorf("participant %d: %w", index, err))
			}
		}
		if l.plan.Rate == nil {
			join()
			continue
		}
		time.Sleep(time.Until(started.Add(seconds(float64(index) / *l.plan.Rate))))
		go join()
	}
	return l.waitFor(&joined, "not all are connected")
}

func (l *load) fail(err error) {
	select {
	case l.failures <- err:
	default: // the first is enough
	}
}

func (l *load) waitFor(group *sync.WaitGroup, otherwise string) error {
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case err := <-l.failures:
		return err
	case <-time.After(patience):
		return fmt.Errorf("%s after %s", otherwise, patience)
	}
}

// measured adds up what everybody sent and got.
func (l *load) measured(duration float64) map[string]any {
	sent := map[uint32]uint64{}
	total := uint64(0)
	for _, source := range l.sources {
		sent[source.id] = source.sent.Load()
		total += sent[source.id]
	}
	var received, repeated, expected uint64
	var delays []int64
	for _, client := range l.clients {
		client.mutex.Lock()
		for id, tally := range client.seen {
			received += tally.received
			repeated += tally.repeated
			expected += sent[id]
			delays = append(delays, tally.delays...)
		}
		client.mutex.Unlock()
	}
	return map[string]any{
		"event": "measured", "seconds": duration, "sent": total, "expected": expected,
		"received": received, "repeated": repeated, "arrived": received + repeated,
		"delay_us_p50": quantile(delays, 0.5), "delay_us_p99": quantile(delays, 0.99),
	}
}

// late is the 99th percentile of how late packets were sent, in microseconds.
func (l *load) late() int64 {
	var late []int64
	for _, source := range l.sources {
		source.mutex.Lock()
		late = append(late, source.late...)
		source.mutex.Unlock()
	}
	return quantile(late, 0.99)
}

func quantile(values []int64, share float64) int64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[int(float64(len(values)-1)*share)]
}

func seconds(count float64) time.Duration {
	return time.Duration(count * float64(time.Second))
}

// client is one participant.
type client struct {
	load *load
	plan participant

	mutex sync.Mutex
	seen  map[uint32]*tally
}

// tally is what one participant got of one source.
type tally struct {
	numbers            map[uint32]bool
	received, repeated uint64
	// Microseconds.
	delays []int64
}

func (c *client) join() error {
	dialled := time.Now()
	if c.plan.Expects == 0 {
		defer c.load.ready.Done()
	}
	callback := &lksdk.RoomCallback{ParticipantCallback: lksdk.ParticipantCallback{
		OnTrackSubscribed: func(track *webrtc.TrackRemote, _ *lksdk.RemoteTrackPublication, _ *lksdk.RemoteParticipant) {
			go c.watch(track, dialled)
		},
	}}
	room, err := lksdk.ConnectToRoomWithToken(
		c.load.plan.URL, c.plan.Token, callback, lksdk.WithAutoSubscribe(c.plan.Subscribe), lksdk.WithDisableRegionDiscovery(),
	)
	if err != nil {
		return err
	}
	c.load.mutex.Lock()
	c.load.joinMs = append(c.load.joinMs, milliseconds(dialled))
	c.load.mutex.Unlock()
	for _, video := range c.plan.Videos {
		if err := c.load.publish(room, newVideo(video)); err != nil {
			return err
		}
	}
	for _, voice := range c.plan.Voices {
		if err := c.load.publish(room, newVoice(voice)); err != nil {
			return err
		}
	}
	return nil
}

func (l *load) publish(room *lksdk.Room, source *source) error {
	l.mutex.Lock()
	l.sources = append(l.sources, source)
	source.id = uint32(len(l.sources))
	l.mutex.Unlock()
	return source.publish(room)
}

// watch counts what comes of a track until its end.
func (c *client) watch(track *webrtc.TrackRemote, dialled time.Time) {
	isFirst := true
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		stamp, ok := readStamp(packet.Payload)
		if !ok {
			continue
		}
		if isFirst {
			isFirst = false
			c.begin(stamp.source, dialled)
		}
		if stamp.phase == measured {
			c.count(stamp)
		}
	}
}

// begin takes note of the first packet of a source.
func (c *client) begin(source uint32, dialled time.Time) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.seen[source] != nil {
		return
	}
	c.seen[source] = &tally{numbers: map[uint32]bool{}}
	if len(c.seen) == 1 {
		c.load.mutex.Lock()
		c.load.mediaMs = append(c.load.mediaMs, milliseconds(dialled))
		c.load.mutex.Unlock()
	}
	if len(c.seen) == c.plan.Expects {
		c.load.ready.Done()
	}
}

func (c *client) count(stamp stamp) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	tally := c.seen[stamp.source]
	if tally.numbers[stamp.number] {
		tally.repeated++
		return
	}
	tally.numbers[stamp.number] = true
	tally.received++
	tally.delays = append(tally.delays, (time.Now().UnixNano()-stamp.time)/1000)
}

func milliseconds(since time.Time) float64 {
	return float64(time.Since(since).Microseconds()) / 1000
}
