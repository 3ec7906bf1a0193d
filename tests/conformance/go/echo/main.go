// A participant on the Go SDK that gives back what it gets: the packets of a microphone as a track of its own, data under
// the topic "echo", and RPC in capitals. Run by tests/conformance/test_go_participant.py: `go run ./echo URL TOKEN`.
package main

import (
	"fmt"
	"log"
	"os"
	"strings"

	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/webrtc/v4"
)

func main() {
	ended := make(chan struct{})
	heard := make(chan *webrtc.TrackRemote, 1)
	var room *lksdk.Room
	joined := make(chan struct{})
	callback := &lksdk.RoomCallback{
		OnDisconnected: func() { close(ended) },
		ParticipantCallback: lksdk.ParticipantCallback{
			OnTrackSubscribed: func(track *webrtc.TrackRemote, _ *lksdk.RemoteTrackPublication, _ *lksdk.RemoteParticipant) {
				heard <- track
			},
			OnDataPacket: func(data lksdk.DataPacket, from lksdk.DataReceiveParams) {
				packet, ok := data.(*lksdk.UserDataPacket)
				if !ok || packet.Topic == "echo" {
					return
				}
				<-joined
				answer := &lksdk.UserDataPacket{Payload: packet.Payload, Topic: "echo"}
				options := []lksdk.DataPublishOption{
					lksdk.WithDataPublishReliable(true), lksdk.WithDataPublishDestination([]string{from.SenderIdentity}),
				}
				check(room.LocalParticipant.PublishDataPacket(answer, options...))
			},
		},
	}
	var err error
	room, err = lksdk.ConnectToRoomWithToken(os.Args[1], os.Args[2], callback)
	check(err)
	check(room.RegisterRpcMethod("shout", func(call lksdk.RpcInvocationData) (string, error) {
		return strings.ToUpper(call.Payload), nil
	}))
	close(joined)
	fmt.Println("joined")
	go echo(room, heard)
	<-ended
}

func echo(room *lksdk.Room, heard <-chan *webrtc.TrackRemote) {
	track := <-heard
	back, err := webrtc.NewTrackLocalStaticRTP(track.Codec().RTPCodecCapability, "echo", "echo")
	check(err)
	_, err = room.LocalParticipant.PublishTrack(back, &lksdk.TrackPublicationOptions{Name: "echo"})
	check(err)
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return // the track is over
		}
		check(back.WriteRTP(packet))
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
