// Submits a job through stubs generated from proto/, and prints its id or why it was refused.
//
//	hpcagent-submit unix:/run/hpcagent/hpcagent.sock ../origin_request.json
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	_ "google.golang.org/genproto/googleapis/rpc/errdetails" // an error's details are of these types
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	pb "hpcagent.example/hpcagent/v1"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatalf("usage: %s ADDRESS REQUEST.json", os.Args[0])
	}
	answer, err := submit(os.Args[1], os.Args[2])
	if err != nil {
		log.Fatal(protojson.Format(status.Convert(err).Proto()))
	}
	fmt.Println(answer.GetJobId().GetId())
}

func submit(address, path string) (*pb.SubmitJobResponse, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	request := &pb.SubmitJobRequest{}
	if err := protojson.Unmarshal(text, request); err != nil {
		return nil, err
	}
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return pb.NewSlurmAgentClient(connection).SubmitJob(ctx, request)
}
