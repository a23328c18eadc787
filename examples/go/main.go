// Submits the original system's request through stubs generated from proto/, and prints the job's id.
//
//	go run . unix:/run/hpcagent/hpcagent.sock ../origin_request.json
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	pb "hpcagent.example/hpcagent/v1"
)

func main() {
	text, err := os.ReadFile(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	request := &pb.SubmitJobRequest{}
	if err := protojson.Unmarshal(text, request); err != nil {
		log.Fatal(err)
	}
	connection, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	answer, err := pb.NewSlurmAgentClient(connection).SubmitJob(ctx, request)
	if err != nil {
		log.Fatal(status.Convert(err).Proto())
	}
	fmt.Println(answer.GetJobId().GetId())
}
