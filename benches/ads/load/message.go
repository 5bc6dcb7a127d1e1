// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Field numbers of envoy.service.discovery.v3.DeltaDiscoveryResponse and Resource.
const (
	fieldResources    = 2
	fieldTypeURL      = 4
	fieldNonce        = 5
	fieldResourceAny  = 2
	fieldResourceName = 3
	wireBytes         = 2
	maxFieldBytes     = 64 << 20
)

// responseReader takes a stream of gRPC messages in pieces of any size and calls back for each
// resource and at the end of each message. It never holds more than one field of a message, so a
// response of 5 MB costs no 5 MB here, and a field that lies whole in its piece is not copied.
type responseReader struct {
	onResource func(name, value []byte) error
	onMessage  func(typeURL, nonce []byte)

	prefix  []byte // the part of the 5-byte gRPC prefix that has come
	left    int    // bytes of the current message still to come
	inside  bool   // a message is under way
	pending []byte // the part of a field that has come
	typeURL []byte
	nonce   []byte
}

// feed takes the next piece; it keeps no reference to it.
func (r *responseReader) feed(piece []byte) error {
	for len(piece) > 0 {
		if !r.inside {
			rest, err := r.feedPrefix(piece)
			if err != nil {
				return err
			}
			piece = rest
			continue
		}
		n := min(len(piece), r.left)
		if err := r.feedFields(piece[:n]); err != nil {
			return err
		}
		r.left -= n
		piece = piece[n:]
		if err := r.endIfComplete(); err != nil {
			return err
		}
	}
	return nil
}

func (r *responseReader) feedPrefix(piece []byte) ([]byte, error) {
	n := min(len(piece), 5-len(r.prefix))
	r.prefix = append(r.prefix, piece[:n]...)
	if len(r.prefix) < 5 {
		return nil, nil
	}
	if r.prefix[0] != 0 {
		return nil, fmt.Errorf("compressed message, which was not asked for")
	}
	r.left = int(binary.BigEndian.Uint32(r.prefix[1:]))
	r.prefix = r.prefix[:0]
	r.inside = true
	return piece[n:], r.endIfComplete()
}

func (r *responseReader) endIfComplete() error {
	if r.left > 0 {
		return nil
	}
	if len(r.pending) > 0 {
		return fmt.Errorf("message ends inside a field")
	}
	r.inside = false
	r.onMessage(r.typeURL, r.nonce)
	r.typeURL, r.nonce = r.typeURL[:0], r.nonce[:0]
	return nil
}

// feedFields takes whole fields from pending + piece and keeps what is left in pending.
func (r *responseReader) feedFields(piece []byte) error {
	for len(r.pending) > 0 && len(piece) > 0 {
		need, err := fieldLength(r.pending)
		if err != nil {
			return err
		}
		if need == 0 { // not even its length is known: go on by one byte
			need = len(r.pending) + 1
		}
		n := min(len(piece), need-len(r.pending))
		r.pending = append(r.pending, piece[:n]...)
		piece = piece[n:]
		if need, err = fieldLength(r.pending); err != nil {
			return err
		}
		if need == len(r.pending) {
			if err := r.field(r.pending); err != nil {
				return err
			}
			r.pending = r.pending[:0]
		}
	}
	for len(piece) > 0 {
		need, err := fieldLength(piece)
		if err != nil {
			return err
		}
		if need == 0 || need > len(piece) {
			r.pending = append(r.pending, piece...)
			return nil
		}
		if err := r.field(piece[:need]); err != nil {
			return err
		}
		piece = piece[need:]
	}
	return nil
}

// fieldLength tells how long the field at the start of b is, 0 when b is too short to tell.
func fieldLength(b []byte) (int, error) {
	tag, n := binary.Uvarint(b)
	if n == 0 {
		return 0, nil
	}
	if n < 0 || tag&7 != wireBytes {
		return 0, fmt.Errorf("field with tag %d, which no delta response has", tag)
	}
	size, m := binary.Uvarint(b[n:])
	if m == 0 {
		return 0, nil
	}
	if m < 0 || size > maxFieldBytes {
		return 0, fmt.Errorf("field of %d bytes", size)
	}
	return n + m + int(size), nil
}

// split takes the first length-delimited field of b apart.
func split(b []byte) (number int, value, rest []byte, err error) {
	need, err := fieldLength(b)
	if err != nil || need == 0 || need > len(b) {
		return 0, nil, nil, fmt.Errorf("message is cut off: %w", err)
	}
	tag, n := binary.Uvarint(b)
	_, m := binary.Uvarint(b[n:])
	return int(tag >> 3), b[n+m : need], b[need:], nil
}

func (r *responseReader) field(b []byte) error {
	number, value, _, err := split(b)
	if err != nil {
		return err
	}
	switch number {
	case fieldTypeURL:
		r.typeURL = append(r.typeURL[:0], value...)
	case fieldNonce:
		r.nonce = append(r.nonce[:0], value...)
	case fieldResources:
		return r.resource(value)
	}
	return nil
}

// resource reads the name and the Any; other fields of a Resource are length-delimited as well,
// but for those that a server of this bench never sets.
func (r *responseReader) resource(b []byte) error {
	var name, value []byte
	for len(b) > 0 {
		number, content, rest, err := split(b)
		if err != nil {
			return err
		}
		switch number {
		case fieldResourceName:
			name = content
		case fieldResourceAny:
			value = content
		}
		b = rest
	}
	return r.onResource(name, value)
}

// trailingNumber returns the decimal number at the end of a name, -1 when there is none.
func trailingNumber(name []byte) int {
	digits := bytes.TrimLeftFunc(name, func(c rune) bool { return c < '0' || c > '9' })
	if len(digits) == 0 || len(digits) > 9 {
		return -1
	}
	number := 0
	for _, c := range digits {
		if c < '0' || c > '9' {
			return -1
		}
		number = number*10 + int(c-'0')
	}
	return number
}

// request is a DeltaDiscoveryRequest, as far as this client needs one.
type request struct {
	nodeID    string
	typeURL   string
	subscribe []string
	nonce     []byte
	asEnvoy   bool // the node is as large as that of an Envoy, and has a cluster of its own
}

// Envoy 1.40 lists its extensions in the node: 61 KB.
const envoyExtensions = 516

var extension = appendField(appendField(nil, 1, bytes.Repeat([]byte("n"), 46)), 2, bytes.Repeat([]byte("c"), 66))

// append adds the request as a gRPC message (prefix and body) to out.
func (q request) append(out []byte) []byte {
	start := len(out)
	out = append(out, 0, 0, 0, 0, 0)
	if q.nodeID != "" {
		node := appendField(nil, 1, []byte(q.nodeID))
		cluster := "bench"
		if q.asEnvoy {
			cluster = q.nodeID
		}
		node = appendField(node, 2, []byte(cluster))
		for i := 0; q.asEnvoy && i < envoyExtensions; i++ {
			node = appendField(node, 9, extension)
		}
		out = appendField(out, 1, node)
	}
	out = appendField(out, 2, []byte(q.typeURL))
	for _, name := range q.subscribe {
		out = appendField(out, 3, []byte(name))
	}
	if len(q.nonce) > 0 {
		out = appendField(out, 6, q.nonce)
	}
	binary.BigEndian.PutUint32(out[start+1:], uint32(len(out)-start-5))
	return out
}

func appendField(out []byte, number int, value []byte) []byte {
	out = binary.AppendUvarint(out, uint64(number)<<3|wireBytes)
	out = binary.AppendUvarint(out, uint64(len(value)))
	return append(out, value...)
}
