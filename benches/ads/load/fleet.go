// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"
)

// More dials at once than this would overflow the listener's backlog, which no server can help.
const maxDialsAtOnce = 64

// fleet is many streams to one server.
type fleet struct {
	address   string
	streams   int
	perConn   int
	resources int
	secrets   []string // names that streams ask for in turn; none where they ask for clusters
	timeout   time.Duration
	windows   windows

	started   *arrivals
	wave      atomic.Pointer[wave]
	responses atomic.Int64
	failed    chan error
}

// change is one write through the server's own door and what shows that it arrived.
type change struct {
	Name   string `json:"name"`   // of the resource
	URL    string `json:"url"`    // the door: a PUT to this URL …
	File   string `json:"file"`   // … or the replacement of this file
	Body   string `json:"body"`   // what is written
	Marker string `json:"marker"` // bytes that only the new content has

	marker []byte
}

// wave is changes that are made at once.
type wave struct {
	*arrivals
	changes []change
}

// start opens all streams and waits until each has every resource.
func (f *fleet) start() ([]time.Duration, error) {
	f.started = newArrivals(f.streams, f.streams)
	f.failed = make(chan error, f.streams+1)
	dials := make(chan struct{}, maxDialsAtOnce)
	for first := 0; first < f.streams; first += f.perConn {
		go func() {
			dials <- struct{}{}
			conn, err := openConnection(f.address, f.windows)
			<-dials
			if err == nil {
				err = f.runConnection(conn, first)
			}
			f.failed <- fmt.Errorf("connection %d: %w", first/f.perConn, err)
		}()
	}
	return f.wait(f.started)
}

func (f *fleet) runConnection(conn *connection, first int) error {
	for i := first; i < min(first+f.perConn, f.streams); i++ {
		conn.addStream(newStream(f, i), f.address)
	}
	return conn.run()
}

// apply makes the changes one after another without a pause, and waits until each stream has all.
func (f *fleet) apply(door *door, changes []change) ([]time.Duration, error) {
	for i := range changes {
		changes[i].marker = []byte(changes[i].Marker)
	}
	w := &wave{arrivals: newArrivals(f.streams, f.concerned(changes)), changes: changes}
	f.wave.Store(w)
	for i := range changes {
		if err := door.write(&changes[i]); err != nil {
			return nil, err
		}
	}
	return f.wait(w.arrivals)
}

// wait returns when each stream was done, sorted.
func (f *fleet) wait(a *arrivals) ([]time.Duration, error) {
	deadline := time.After(f.timeout)
	for n := range a.due {
		select {
		case <-a.each:
		case err := <-f.failed:
			return nil, err
		case <-deadline:
			return nil, fmt.Errorf("%d of %d streams had everything after %v", n, a.due, f.timeout)
		}
	}
	at := slices.DeleteFunc(a.at, func(d time.Duration) bool { return d == 0 })
	slices.Sort(at)
	return at, nil
}

// concerned tells how many streams ask for what the changes are about: all of them, but for a fleet
// that asks for secrets, in which each stream asks for one.
func (f *fleet) concerned(changes []change) int {
	if len(f.secrets) == 0 {
		return f.streams
	}
	n := 0
	for i := range f.streams {
		if f.secrets[i%len(f.secrets)] == changes[0].Name {
			n++
		}
	}
	return n
}
