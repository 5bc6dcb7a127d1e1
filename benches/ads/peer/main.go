// SPDX-License-Identifier: Apache-2.0

// Command peer is a small xDS server on go-control-plane: the other side of the ads bench. It takes
// the same flags, folder and PUT as Denvoy, and serves them from the cache that --cache names. Its
// first line of output is JSON with the addresses it listens on.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

func main() {
	resources := flag.String("resources", "", "folder of JSON files in the shape of DiscoveryResponse")
	grpcAddress := flag.String("grpc-address", "127.0.0.1:0", "where xDS is served")
	httpAddress := flag.String("http-address", "127.0.0.1:0", "where PUT /v1/resources/endpoints/{name} is served")
	form := flag.String("cache", "snapshot", "snapshot or linear")
	flag.Parse()
	if err := run(*resources, *grpcAddress, *httpAddress, *form); err != nil {
		log.Fatalln("peer:", err)
	}
}

func run(resources, grpcAddress, httpAddress, form string) error {
	set, err := loadFolder(resources)
	if err != nil {
		return err
	}
	store, err := newStore(form, set)
	if err != nil {
		return err
	}
	debug.FreeOSMemory() // what the parser left behind is not held against it
	grpcListener, err := net.Listen("tcp", grpcAddress)
	if err != nil {
		return err
	}
	httpListener, err := net.Listen("tcp", httpAddress)
	if err != nil {
		return err
	}
	errs := make(chan error, 2)
	go func() { errs <- serveXds(grpcListener, store) }()
	go func() { errs <- serveHTTP(httpListener, store) }()
	fmt.Printf("{\"grpc\":%q,\"http\":%q}\n", grpcListener.Addr().String(), httpListener.Addr().String())
	return <-errs
}

// serveXds uses the gRPC settings of go-control-plane's own example server, but for keepalive, whose
// timeout gRPC also gives to TCP: on a loaded machine it closes connections to healthy clients while
// a thousand streams start.
func serveXds(listener net.Listener, store store) error {
	grpcServer := grpc.NewServer(
		grpc.MaxConcurrentStreams(1_000_000),
		grpc.KeepaliveParams(keepalive.ServerParameters{Timeout: time.Hour}),
	)
	xds := server.NewServer(context.Background(), store.cache(), nil)
	discovery.RegisterAggregatedDiscoveryServiceServer(grpcServer, xds)
	return grpcServer.Serve(listener)
}

func serveHTTP(listener net.Listener, store store) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("PUT /v1/resources/endpoints/{name}", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = putEndpoints(store, r.PathValue("name"), body)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
	return http.Serve(listener, mux)
}
