// SPDX-License-Identifier: Apache-2.0

// Command load calls a gRPC server as fast as it answers, with a fixed number of calls in flight on
// each connection, or at a fixed pace, and measures each call. It takes a line of JSON per step on standard input and
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
	"syscall"
	"time"
)

// step is one line of standard input. Connections stay open until the program is ended.
type step struct {
	// Connect opens that many connections to Address; nothing else is done then.
	Connect int    `json:"connect"`
	Address string `json:"address"`
	TLS     bool   `json:"tls"`
	work
}

// work is what each connection does.
type work struct {
	// Kind is "unary" (each call on a stream of its own), "bidi" (messages in turn on streams that
	// stay open) or "push" (streams that the server fills).
	Kind string `json:"kind"`
	// InFlight is the number of streams at once on each connection.
	InFlight int `json:"inFlight"`
	// Seconds is how long calls, or messages of a bidi, are begun; 0 means InFlight of them.
	Seconds float64 `json:"seconds"`
	// Request is the number of bytes of a request message.
	Request int `json:"request"`
	// Push is the number of messages that the server sends on each stream of a push.
	Push int `json:"push"`
	// Path is the method that is called; that of the bench's own server if empty.
	Path string `json:"path"`
	// Template is the request message instead of one of Request bytes.
	Template []byte `json:"template"`
	// Digits are the places in Template at which each call has the Width digits of a random number
	// below Numbers.
	Digits  []int `json:"digits"`
	Width   int   `json:"width"`
	Numbers int   `json:"numbers"`
	// PerSecond is the number of calls that are begun in a second on all connections together, however
	// many are open; 0 means as many as InFlight allows. Their times are counted from when they were
	// due. For unary calls.
	PerSecond float64 `json:"perSecond"`
	// Expect is what each response message must begin with.
	Expect []byte `json:"expect"`
}

// report is one line of standard output. A message of a push is one that the server sends, and its
// times are those of whole streams.
type report struct {
	Messages         int     `json:"messages"`
	Bytes            int64   `json:"bytes"`
	Seconds          float64 `json:"seconds"`
	P50Ms            float64 `json:"p50Ms"`
	P99Ms            float64 `json:"p99Ms"`
	ClientCPUSeconds float64 `json:"clientCpuSeconds"`
}

const timeout = 10 * time.Minute

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	var connections []*connection
	for lines.Scan() {
		var s step
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			return err
		}
		var r report
		var err error
		if s.Connect > 0 {
			var more []*connection
			more, err = connect(s)
			connections = append(connections, more...)
		} else {
			r, err = run(connections, s.work)
		}
		if err != nil {
			return err
		}
		if err := json.NewEncoder(out).Encode(r); err != nil {
			return err
		}
	}
	return lines.Err()
}

func connect(s step) ([]*connection, error) {
	opened := make([]*connection, s.Connect)
	for i := range opened {
		c, err := dial(s.Address, s.TLS)
		if err != nil {
			return nil, err
		}
		opened[i] = c
	}
	return opened, nil
}

// run does the work on all connections at once.
func run(connections []*connection, w work) (report, error) {
	cpu, start := cpuSeconds(), time.Now()
	deadline := start.Add(time.Duration(w.Seconds * float64(time.Second)))
	errors := make([]error, len(connections))
	var group sync.WaitGroup
	// Connections begin one after the other within a pause, so that calls are spread evenly.
	pause := time.Duration(0)
	if w.PerSecond > 0 {
		pause = time.Duration(float64(len(connections)) / w.PerSecond * float64(time.Second))
	}
	for i, c := range connections {
		first := start.Add(pause * time.Duration(i) / time.Duration(len(connections)))
		group.Add(1)
		go func() {
			defer group.Done()
			errors[i] = c.run(w, plan{deadline: deadline, pause: pause, due: first})
		}()
	}
	group.Wait()
	seconds := time.Since(start).Seconds()
	for _, err := range errors {
		if err != nil {
			return report{}, err
		}
	}
	r := summarize(connections)
	r.Seconds, r.ClientCPUSeconds = seconds, cpuSeconds()-cpu
	return r, nil
}

func summarize(connections []*connection) report {
	var r report
	var all []time.Duration
	for _, c := range connections {
		all = append(all, c.took...)
		r.Messages += c.messages
		r.Bytes += c.received
	}
	slices.Sort(all)
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

func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}
