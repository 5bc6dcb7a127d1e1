// SPDX-License-Identifier: Apache-2.0

// Command peer serves the methods of the gRPC bench with grpc-go, messages as raw bytes.
package main

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// raw passes messages through as bytes.
type raw struct{}

func (raw) Name() string { return "raw" }

func (raw) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }

func (raw) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = data
	return nil
}

func main() {
	certificate := flag.String("tls-cert", "", "certificate chain; without it the server is cleartext")
	key := flag.String("tls-key", "", "private key")
	pushBytes := flag.Int("push-bytes", 0, "bytes of a pushed message")
	flag.Parse()
	if err := run(*certificate, *key, *pushBytes); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(certificate, key string, pushBytes int) error {
	options := []grpc.ServerOption{grpc.ForceServerCodec(raw{})}
	if certificate != "" {
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			return err
		}
		options = append(options, grpc.Creds(credentials.NewServerTLSFromCert(&pair)))
	}
	server := grpc.NewServer(options...)
	server.RegisterService(description(make([]byte, pushBytes)), nil)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ready, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go http.Serve(ready, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	json.NewEncoder(os.Stdout).Encode(map[string]string{
		"grpc": listener.Addr().String(),
		"http": ready.Addr().String(),
	})
	return server.Serve(listener)
}

func description(pushed []byte) *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: "denvoy.bench.Bench",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "unary", Handler: unary}},
		Streams: []grpc.StreamDesc{
			{StreamName: "bidi", Handler: bidi, ServerStreams: true, ClientStreams: true},
			{StreamName: "push", ServerStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
				return push(s, pushed)
			}},
		},
	}
}

func unary(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	var message []byte
	if err := decode(&message); err != nil {
		return nil, err
	}
	return &message, nil
}

func bidi(_ any, stream grpc.ServerStream) error {
	for {
		var message []byte
		if err := stream.RecvMsg(&message); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := stream.SendMsg(&message); err != nil {
			return err
		}
	}
}

func push(stream grpc.ServerStream, pushed []byte) error {
	var request []byte
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	for range binary.BigEndian.Uint32(request) {
		if err := stream.SendMsg(&pushed); err != nil {
			return err
		}
	}
	return nil
}
