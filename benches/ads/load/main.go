// SPDX-License-Identifier: Apache-2.0

// Command load holds many Delta ADS streams to one server and measures when changes reach the last
// of them. It is driven by lines of JSON on standard input and answers each with one on standard
// output. It uses the standard library only, and reads responses without decoding or keeping them,
// because it shares the machine with the server that it measures.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"
)

// command is one line of standard input.
type command struct {
	// Op is "start" (open all streams), "changes" (one after another, each awaited) or "burst" (all
	// at once, awaited together).
	Op      string   `json:"op"`
	Changes []change `json:"changes"`
	// IdleMs is the pause before each change of "changes".
	IdleMs int `json:"idleMs"`
}

// report is one line of standard output. Each list has an element per wait: one for "start" and
// "burst", one per change for "changes".
type report struct {
	Op               string    `json:"op"`
	LastMs           []float64 `json:"lastMs"`   // until the last stream had it
	MedianMs         []float64 `json:"medianMs"` // until half of the streams had it
	Responses        int64     `json:"responses"`
	ClientCPUSeconds float64   `json:"clientCpuSeconds"`
}

func main() {
	f := &fleet{}
	flag.StringVar(&f.address, "address", "", "host:port of the server")
	flag.IntVar(&f.streams, "streams", 1000, "how many streams to hold")
	flag.IntVar(&f.perConn, "streams-per-connection", 1, "how many of them share a connection")
	flag.IntVar(&f.resources, "resources", 1000, "how many clusters, and endpoints, there are")
	secrets := flag.String("secrets", "", "names of secrets, comma-separated, that streams ask SDS for in turn, instead of clusters")
	flag.IntVar(&f.windows.stream, "stream-window", 16<<20, "bytes that a stream may have unread; the default is Envoy's")
	flag.IntVar(&f.windows.connection, "connection-window", 24<<20, "the same for a connection, 65535 at least")
	flag.DurationVar(&f.timeout, "timeout", 10*time.Minute, "for each wait")
	flag.Parse()
	if *secrets != "" {
		f.secrets = strings.Split(*secrets, ",")
	}
	if err := serve(f, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// serve answers commands until the input ends.
func serve(f *fleet, in io.Reader, out io.Writer) error {
	commands := json.NewDecoder(bufio.NewReader(in))
	reports := json.NewEncoder(out)
	door := &door{}
	for {
		var c command
		if err := commands.Decode(&c); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		r, err := run(f, door, c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Op, err)
		}
		if err := reports.Encode(r); err != nil {
			return err
		}
	}
}

func run(f *fleet, door *door, c command) (report, error) {
	r := report{Op: c.Op}
	responses, cpu := f.responses.Load(), cpuSeconds()
	var err error
	switch c.Op {
	case "start":
		err = r.add(f.start())
	case "burst":
		err = r.add(f.apply(door, c.Changes))
	case "changes":
		for i := range c.Changes {
			time.Sleep(time.Duration(c.IdleMs) * time.Millisecond)
			if err = r.add(f.apply(door, c.Changes[i:i+1])); err != nil {
				break
			}
		}
	default:
		err = fmt.Errorf("no such command")
	}
	r.Responses = f.responses.Load() - responses
	r.ClientCPUSeconds = cpuSeconds() - cpu
	return r, err
}

// add appends one wait, given as the sorted times of the streams.
func (r *report) add(at []time.Duration, err error) error {
	if err != nil {
		return err
	}
	r.LastMs = append(r.LastMs, milliseconds(at[len(at)-1]))
	r.MedianMs = append(r.MedianMs, milliseconds(at[len(at)/2]))
	return nil
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Microseconds()) / 1000
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}
