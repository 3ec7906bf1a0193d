// Every method of the Go SDK's RoomServiceClient once; one JSON line for each. Run by tests/conformance/test_other_sdks.py.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/twitchtv/twirp"
)

type call struct {
	name string
	do   func(context.Context) (any, error)
}

// calls are the methods in the order in which they are called.
func calls(rooms *lksdk.RoomServiceClient, room, identity, track string) []call {
	made := room + "-made"
	mute := func(muted bool) func(context.Context) (any, error) {
		return func(ctx context.Context) (any, error) {
			answer, err := rooms.MutePublishedTrack(ctx, &livekit.MuteRoomTrackRequest{
				Room: room, Identity: identity, TrackSid: track, Muted: muted,
			})
			return answer.GetTrack().GetMuted(), err
		}
	}
	remove := func(ctx context.Context) (any, error) {
		_, err := rooms.DeleteRoom(ctx, &livekit.DeleteRoomRequest{Room: made})
		return nil, err
	}
	return []call{
		{"CreateRoom", func(ctx context.Context) (any, error) {
			answer, err := rooms.CreateRoom(ctx, &livekit.CreateRoomRequest{
				Name: made, EmptyTimeout: 61, MaxParticipants: 3, Metadata: "m",
			})
			if err != nil {
				return nil, err
			}
			return []any{answer.Name, answer.EmptyTimeout, answer.MaxParticipants, answer.Metadata, answer.Sid[:3]}, nil
		}},
		{"ListRooms", func(ctx context.Context) (any, error) {
			answer, err := rooms.ListRooms(ctx, &livekit.ListRoomsRequest{Names: []string{made}})
			listed := []any{}
			for _, each := range answer.GetRooms() {
				listed = append(listed, []any{each.Name, each.NumParticipants})
			}
			return listed, err
		}},
		{"ListParticipants", func(ctx context.Context) (any, error) {
			answer, err := rooms.ListParticipants(ctx, &livekit.ListParticipantsRequest{Room: room})
			listed := []any{}
			for _, each := range answer.GetParticipants() {
				listed = append(listed, each.Identity)
			}
			return listed, err
		}},
		{"GetParticipant", func(ctx context.Context) (any, error) {
			answer, err := rooms.GetParticipant(ctx, &livekit.RoomParticipantIdentity{Room: room, Identity: identity})
			return []any{answer.GetIdentity(), answer.GetState().String(), len(answer.GetTracks())}, err
		}},
		{"UpdateRoomMetadata", func(ctx context.Context) (any, error) {
			answer, err := rooms.UpdateRoomMetadata(ctx, &livekit.UpdateRoomMetadataRequest{Room: room, Metadata: "agenda"})
			return answer.GetMetadata(), err
		}},
		{"UpdateParticipant", func(ctx context.Context) (any, error) {
			answer, err := rooms.UpdateParticipant(ctx, &livekit.UpdateParticipantRequest{
				Room: room, Identity: identity, Name: "Alice", Attributes: map[string]string{"hand": "up"},
			})
			return []any{answer.GetName(), answer.GetAttributes()}, err
		}},
		{"MutePublishedTrack", mute(true)},
		{"Unmute", mute(false)},
		{"UpdateSubscriptions", func(ctx context.Context) (any, error) {
			_, err := rooms.UpdateSubscriptions(ctx, &livekit.UpdateSubscriptionsRequest{
				Room: room, Identity: identity, TrackSids: []string{track},
			})
			return nil, err
		}},
		{"SendData", func(ctx context.Context) (any, error) {
			_, err := rooms.SendData(ctx, &livekit.SendDataRequest{Room: room, Data: []byte("hi"), Topic: new("t")})
			return nil, err
		}},
		{"ForwardParticipant", func(ctx context.Context) (any, error) {
			_, err := rooms.ForwardParticipant(ctx, &livekit.ForwardParticipantRequest{
				Room: room, Identity: identity, DestinationRoom: made,
			})
			return nil, err
		}},
		{"MoveParticipant", func(ctx context.Context) (any, error) {
			_, err := rooms.MoveParticipant(ctx, &livekit.MoveParticipantRequest{
				Room: room, Identity: identity, DestinationRoom: made,
			})
			return nil, err
		}},
		{"Nobody", func(ctx context.Context) (any, error) {
			_, err := rooms.GetParticipant(ctx, &livekit.RoomParticipantIdentity{Room: room, Identity: "nobody"})
			return nil, err
		}},
		{"RemoveParticipant", func(ctx context.Context) (any, error) {
			_, err := rooms.RemoveParticipant(ctx, &livekit.RoomParticipantIdentity{Room: room, Identity: identity})
			return nil, err
		}},
		{"DeleteRoom", remove},
		{"DeleteAgain", remove},
	}
}

func main() {
	if len(os.Args) != 7 {
		log.Fatal("usage: server-api URL KEY SECRET ROOM IDENTITY TRACK")
	}
	rooms := lksdk.NewRoomServiceClient(os.Args[1], os.Args[2], os.Args[3])
	for _, call := range calls(rooms, os.Args[4], os.Args[5], os.Args[6]) {
		answer, err := call.do(context.Background())
		var refused twirp.Error
		if errors.As(err, &refused) {
			answer = refused.Code()
		} else if err != nil {
			log.Fatal(call.name, ": ", err)
		}
		line, err := json.Marshal([]any{call.name, answer})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(string(line))
	}
}
