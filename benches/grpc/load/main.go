// SPDX-License-Identifier: Apache-2.0

// Command load calls a gRPC server as fast as it answers, with a fixed number of calls in flight on
// each connection, and measures each call. It takes a line of JSON per run on standard input and
// answers with one on standard output. It speaks HTTP/2 by hand and uses the standard library only,
// because it shares the machine with the server that it measures.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"
)

// work is one line of standard input.
type work struct {
	Address string `json:"address"`
	TLS     bool   `json:"tls"`
	// Kind is "unary" (each call on a stream of its own), "bidi" (messages in turn on streams that
	// stay open) or "push" (a stream per place that the server fills).
	Kind        string `json:"kind"`
	Connections int    `json:"connections"`
	// InFlight is the number of streams at once on each connection.
	InFlight int `json:"inFlight"`
	// Calls is the number of calls, or of messages and their answers, on each connection. A push
	// has one call per stream.
	Calls int `json:"calls"`
	// Request is the number of bytes of a request message.
	Request int `json:"request"`
	// Push is the number of messages that the server sends on each stream of a push.
	Push int `json:"push"`
}

// report is one line of standard output.
type report struct {
	Calls   int     `json:"calls"`
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
	P50Ms   float64 `json:"p50Ms"`
	P99Ms   float64 `json:"p99Ms"`
}

const timeout = 10 * time.Minute

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(in io.Reader, out io.Writer) error {
	var connections []*connection
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var w work
		err := json.Unmarshal(lines.Bytes(), &w)
		if err != nil {
			return err
		}
		// Runs after the first one use its connections: a run is about calls.
		if connections == nil {
			connections, err = dialAll(w)
		}
		if err != nil {
			return err
		}
		r, err := run(connections, w)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(out).Encode(r); err != nil {
			return err
		}
	}
	return lines.Err()
}

func dialAll(w work) ([]*connection, error) {
	connections := make([]*connection, w.Connections)
	for i := range connections {
		c, err := dial(w)
		if err != nil {
			return nil, err
		}
		connections[i] = c
	}
	return connections, nil
}

// run does the work on all connections at once.
func run(connections []*connection, w work) (report, error) {
	start := time.Now()
	errors := make([]error, len(connections))
	var group sync.WaitGroup
	for i, c := range connections {
		group.Add(1)
		go func() {
			defer group.Done()
			errors[i] = c.run(w)
		}()
	}
	group.Wait()
	seconds := time.Since(start).Seconds()
	for _, err := range errors {
		if err != nil {
			return report{}, err
		}
	}
	return summarize(connections, seconds), nil
}

func summarize(connections []*connection, seconds float64) report {
	r := report{Seconds: seconds}
	var all []time.Duration
	for _, c := range connections {
		all = append(all, c.took...)
		r.Bytes += c.received
	}
	slices.Sort(all)
	r.Calls = len(all)
	r.P50Ms = percentile(all, 50)
	r.P99Ms = percentile(all, 99)
	return r
}

func percentile(sorted []time.Duration, percent int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[(len(sorted)-1)*percent/100].Nanoseconds()) / 1e6
}
