// Command load puts participants into a room of a LiveKit-compatible server and reports what they get, one JSON object
// a line. Built on LiveKit's own Go client, so that it knows nothing of the server that it measures.
//
//	load forward  one publisher, n subscribers: counts the packets that arrive while the server's CPU is read
//	load idle     n participants that publish nothing: how long each took to join, then waits for the end of stdin
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/go-logr/logr"
	protologger "github.com/livekit/protocol/logger"
	lksdk "github.com/livekit/server-sdk-go/v2"
)

// Target is the server and the room that everything happens in.
type Target struct {
	url, key, secret, room string
}

// Join connects one participant and returns when its primary connection is up.
func (t Target) Join(identity string, callback *lksdk.RoomCallback, subscribe bool) (*lksdk.Room, error) {
	info := lksdk.ConnectInfo{APIKey: t.key, APISecret: t.secret, RoomName: t.room, ParticipantIdentity: identity}
	room, err := lksdk.ConnectToRoom(t.url, info, callback, lksdk.WithAutoSubscribe(subscribe),
		lksdk.WithConnectTimeout(20*time.Second), lksdk.WithDisableRegionDiscovery())
	if err != nil {
		return nil, fmt.Errorf("%s cannot join: %w", identity, err)
	}
	return room, nil
}

func main() {
	lksdk.SetLogger(protologger.LogRLogger(logr.Discard()))
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("say what to do: forward or idle")
	}
	var target Target
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.StringVar(&target.url, "url", "ws://127.0.0.1:7880", "the server")
	flags.StringVar(&target.key, "key", "devkey", "API key")
	flags.StringVar(&target.secret, "secret", "", "API secret")
	flags.StringVar(&target.room, "room", "bench", "name of the room")
	switch args[0] {
	case "forward":
		load := Forward{}
		flags.IntVar(&load.subscribers, "subscribers", 50, "how many subscribe")
		flags.IntVar(&load.bitrate, "bitrate", 1_500_000, "of the video, bit/s")
		flags.DurationVar(&load.warmup, "warmup", 4*time.Second, "before measuring")
		flags.DurationVar(&load.duration, "duration", 15*time.Second, "of measuring")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return load.Run(target)
	case "idle":
		participants := flags.Int("participants", 200, "how many join")
		rooms := flags.Int("rooms", 1, "how many rooms they are spread over")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		if *rooms < 1 {
			return fmt.Errorf("--rooms %d: at least one is needed", *rooms)
		}
		return Idle(target, *participants, *rooms)
	}
	return fmt.Errorf("%q is unknown: forward or idle", args[0])
}

func report(values map[string]any) {
	// Lines are read while the next things happen, so they must not wait in a buffer: Stdout has none.
	if err := json.NewEncoder(os.Stdout).Encode(values); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
	}
}

// Idle joins participants one after another and stays until stdin ends.
func Idle(target Target, participants, rooms int) error {
	latencies := make([]float64, 0, participants)
	name := target.room
	for i := range participants {
		target.room = fmt.Sprintf("%s-%d", name, i%rooms)
		started := time.Now()
		room, err := target.Join(fmt.Sprintf("idle-%d", i), nil, true)
		if err != nil {
			return err
		}
		latencies = append(latencies, float64(time.Since(started).Microseconds())/1000)
		defer room.Disconnect()
	}
	report(map[string]any{"event": "joined", "join_ms": latencies})
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return fmt.Errorf("cannot wait for the end of stdin: %w", err)
	}
	return nil
}
