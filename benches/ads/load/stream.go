// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"time"
)

// Type URLs that the fleet asks for.
const (
	clusterType  = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	endpointType = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
	secretType   = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
)

// stream is one Delta ADS stream that behaves as an Envoy does: all clusters by wildcard, then the
// endpoints of each cluster that it was told of; each response is acknowledged at once. In a fleet
// that asks for secrets it is a stream for one of them, as an Envoy opens.
type stream struct {
	id         uint32
	index      int
	sendWindow int
	received   int
	out        []byte
	reader     responseReader

	fleet     *fleet
	clusters  nameSet
	endpoints nameSet
	fresh     []string // clusters of the current response, not yet asked for endpoints
	complete  bool
	secret    string // the only name that it asks for; empty in a fleet that asks for clusters

	wave *wave  // the changes that seen belongs to
	seen []bool // by index of the change in its wave
	due  int    // changes of the wave that have not arrived
}

func newStream(f *fleet, index int) *stream {
	s := &stream{index: index, fleet: f, clusters: newNameSet(f.resources), endpoints: newNameSet(f.resources)}
	s.reader.onResource = s.onResource
	s.reader.onMessage = s.onMessage
	first := request{nodeID: fmt.Sprintf("node-%05d", index/f.perConn), typeURL: clusterType}
	if len(f.secrets) > 0 {
		s.secret = f.secrets[index%len(f.secrets)]
		first.typeURL, first.subscribe = secretType, []string{s.secret}
		first.asEnvoy = true
	}
	s.out = first.append(s.out)
	return s
}

func (s *stream) path() string {
	if s.secret == "" {
		return aggregatedPath
	}
	return secretPath
}

var clusterTypeBytes, endpointTypeBytes = []byte(clusterType), []byte(endpointType)
var secretTypeBytes = []byte(secretType)

// onResource gets the Any, whose first field is its type URL.
func (s *stream) onResource(name, value []byte) error {
	_, typeURL, _, err := split(value)
	if err != nil {
		return err
	}
	switch {
	case bytes.Equal(typeURL, secretTypeBytes):
		if !s.complete {
			s.complete = true
			s.fleet.started.done(s.index)
		}
		s.arrived(name, value)
	case bytes.Equal(typeURL, endpointTypeBytes):
		s.endpoints.add(name)
		s.arrived(name, value)
	case bytes.Equal(typeURL, clusterTypeBytes):
		if s.clusters.add(name) {
			s.fresh = append(s.fresh, string(name))
		}
	}
	return nil
}

func (s *stream) onMessage(typeURL, nonce []byte) {
	s.fleet.responses.Add(1)
	s.out = request{typeURL: string(typeURL), nonce: nonce}.append(s.out)
	if len(s.fresh) > 0 {
		s.out = request{typeURL: endpointType, subscribe: s.fresh}.append(s.out)
		s.fresh = nil
	}
	if s.secret == "" && !s.complete && s.clusters.full() && s.endpoints.full() {
		s.complete = true
		s.fleet.started.done(s.index)
	}
}

// arrived notes each change of the current wave that this content of the resource shows.
func (s *stream) arrived(name, value []byte) {
	w := s.fleet.wave.Load()
	if w == nil {
		return
	}
	if s.wave != w {
		s.wave, s.seen, s.due = w, make([]bool, len(w.changes)), len(w.changes)
	}
	for i := range w.changes {
		c := &w.changes[i]
		if s.seen[i] || c.Name != string(name) || !bytes.Contains(value, c.marker) {
			continue
		}
		s.seen[i] = true
		s.due--
		if s.due == 0 {
			w.done(s.index)
		}
	}
}

// nameSet counts distinct names that end in a number below its size.
type nameSet struct {
	has   []bool
	count int
}

func newNameSet(size int) nameSet {
	return nameSet{has: make([]bool, size)}
}

func (n *nameSet) add(name []byte) bool {
	i := trailingNumber(name)
	if i < 0 || i >= len(n.has) || n.has[i] {
		return false
	}
	n.has[i] = true
	n.count++
	return true
}

func (n *nameSet) full() bool {
	return n.count == len(n.has)
}

// arrivals notes when each stream was done.
type arrivals struct {
	begin time.Time
	due   int // streams that there will be
	at    []time.Duration
	each  chan int
}

func newArrivals(streams, due int) *arrivals {
	return &arrivals{begin: time.Now(), due: due, at: make([]time.Duration, streams), each: make(chan int, streams)}
}

func (a *arrivals) done(stream int) {
	a.at[stream] = time.Since(a.begin)
	a.each <- stream
}
