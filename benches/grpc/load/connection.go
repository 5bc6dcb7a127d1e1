// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"
)

const (
	frameData         = 0
	frameHeaders      = 1
	frameReset        = 3
	frameSettings     = 4
	framePing         = 6
	frameGoaway       = 7
	frameWindowUpdate = 8

	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4

	// Large enough that no response of a run waits for a window of its stream.
	streamWindow = 1 << 30
	// The connection's window is filled up again when half of it is used.
	connectionWindow = 1 << 30
)

// connection is one connection and all its streams, run by one goroutine.
type connection struct {
	work     work
	conn     net.Conn
	in       *bufio.Reader
	out      *bufio.Writer
	nextID   uint32
	known    bool // whether the server's HPACK table holds our fields
	started  int
	streams  map[uint32]*stream
	took     []time.Duration
	received int64
	unread   uint32 // bytes since the connection's window was last filled up
	request  []byte
}

// stream is one open stream.
type stream struct {
	since    time.Time
	messages int // messages that were sent on it
	body     int // bytes of the body since the last answer
	whole    int // length of the message that comes in, with its prefix; 0 when not known
	left     int // messages that a push still owes
}

func dial(w work) (*connection, error) {
	conn, err := net.DialTimeout("tcp", w.Address, timeout)
	if err != nil {
		return nil, err
	}
	if w.TLS {
		// What is measured is the server; whom it proves to be does not matter here.
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	}
	c := &connection{
		work: w, conn: conn, nextID: 1,
		in: bufio.NewReaderSize(conn, 256<<10), out: bufio.NewWriterSize(conn, 256<<10),
		streams: map[uint32]*stream{},
	}
	return c, c.greet()
}

// greet exchanges SETTINGS, so that the run starts on a connection that stands.
func (c *connection) greet() error {
	c.conn.SetDeadline(time.Now().Add(timeout))
	c.out.WriteString("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	settings := binary.BigEndian.AppendUint16(nil, 4)
	c.frame(frameSettings, 0, 0, binary.BigEndian.AppendUint32(settings, streamWindow))
	c.number(frameWindowUpdate, 0, connectionWindow)
	if err := c.out.Flush(); err != nil {
		return err
	}
	kind, _, _, err := c.next()
	if err == nil && kind != frameSettings {
		err = fmt.Errorf("server began with frame %d", kind)
	}
	return err
}

func (c *connection) run(w work) error {
	c.work, c.request, c.started, c.received, c.took = w, makeRequest(w), 0, 0, c.took[:0]
	if err := c.conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	for range min(c.work.InFlight, c.total()) {
		c.open()
	}
	for len(c.streams) > 0 {
		// All that was answered goes out before the next wait, in one write.
		if c.in.Buffered() == 0 {
			if err := c.out.Flush(); err != nil {
				return err
			}
		}
		kind, flags, id, err := c.next()
		if err != nil {
			return err
		}
		if flags&flagEndStream != 0 && (kind == frameHeaders || kind == frameData) {
			if err := c.ended(id); err != nil {
				return err
			}
		}
	}
	return c.out.Flush()
}

// total is the number of streams that a run opens on this connection.
func (c *connection) total() int {
	if c.work.Kind == "unary" {
		return c.work.Calls
	}
	return c.work.InFlight
}

func (c *connection) open() {
	c.started++
	s := &stream{since: time.Now(), left: c.work.Push}
	id := c.nextID
	c.nextID += 2
	c.streams[id] = s
	c.frame(frameHeaders, flagEndHeaders, id, c.headers())
	c.send(id, s)
}

// send sends the next message of a stream, and with the last one its end.
func (c *connection) send(id uint32, s *stream) {
	s.messages++
	s.since = time.Now()
	flags := byte(flagEndStream)
	if c.work.Kind == "bidi" && s.messages < c.perStream() {
		flags = 0
	}
	c.frame(frameData, flags, id, c.request)
}

func (c *connection) perStream() int { return max(1, c.work.Calls/c.work.InFlight) }

// answered notes that a whole message has come.
func (c *connection) answered(id uint32, s *stream) {
	switch c.work.Kind {
	case "bidi":
		c.took = append(c.took, time.Since(s.since))
		if s.messages < c.perStream() {
			c.send(id, s)
		}
	case "push":
		s.left--
	}
}

// ended notes that the server has ended a stream.
func (c *connection) ended(id uint32) error {
	s := c.streams[id]
	if s == nil {
		return fmt.Errorf("stream %d ended twice", id)
	}
	delete(c.streams, id)
	switch c.work.Kind {
	case "unary":
		if s.whole == 0 {
			return errors.New("a call failed: it has no answer")
		}
		c.took = append(c.took, time.Since(s.since))
		if c.started < c.work.Calls {
			c.open()
		}
	case "bidi":
		if s.messages < c.perStream() {
			return errors.New("a stream ended early")
		}
	case "push":
		if s.left != 0 {
			return fmt.Errorf("a stream ended with %d messages missing", s.left)
		}
		c.took = append(c.took, time.Since(s.since))
	}
	return nil
}

// next reads one frame and does what every client must do with it.
func (c *connection) next() (kind, flags byte, id uint32, err error) {
	head, err := c.in.Peek(9)
	if err != nil {
		return 0, 0, 0, err
	}
	length := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
	kind, flags, id = head[3], head[4], binary.BigEndian.Uint32(head[5:])&0x7fffffff
	c.in.Discard(9)
	payload, err := c.in.Peek(length)
	if err != nil {
		return 0, 0, 0, err
	}
	err = c.take(kind, flags, id, payload)
	if _, discardErr := c.in.Discard(length); err == nil {
		err = discardErr
	}
	return kind, flags, id, err
}

func (c *connection) take(kind, flags byte, id uint32, payload []byte) error {
	switch kind {
	case frameData:
		return c.data(id, payload)
	case frameSettings:
		if flags&flagAck == 0 {
			c.frame(frameSettings, flagAck, 0, nil)
		}
	case framePing:
		if flags&flagAck == 0 {
			c.frame(framePing, flagAck, 0, payload)
		}
	case frameReset:
		return fmt.Errorf("stream %d was reset with code %d", id, binary.BigEndian.Uint32(payload))
	case frameGoaway:
		return fmt.Errorf("connection ended with %q", payload)
	}
	return nil
}

func (c *connection) data(id uint32, payload []byte) error {
	c.received += int64(len(payload))
	c.unread += uint32(len(payload))
	if c.unread > connectionWindow/2 {
		c.number(frameWindowUpdate, 0, c.unread)
		c.unread = 0
	}
	s := c.streams[id]
	for s != nil && len(payload) > 0 {
		if s.body == 0 {
			if len(payload) < 5 {
				return errors.New("a message's prefix came in parts")
			}
			s.whole = 5 + int(binary.BigEndian.Uint32(payload[1:5]))
		}
		size := min(len(payload), s.whole-s.body)
		s.body += size
		payload = payload[size:]
		if s.body == s.whole {
			s.body = 0
			c.answered(id, s)
		}
	}
	return nil
}

func (c *connection) frame(kind, flags byte, id uint32, payload []byte) {
	var head [9]byte
	head[0], head[1], head[2] = byte(len(payload)>>16), byte(len(payload)>>8), byte(len(payload))
	head[3], head[4] = kind, flags
	binary.BigEndian.PutUint32(head[5:], id)
	c.out.Write(head[:])
	c.out.Write(payload)
}

func (c *connection) number(kind byte, id, value uint32) {
	c.frame(kind, 0, id, binary.BigEndian.AppendUint32(nil, value))
}

// headers is the block of a request. The first one of a connection puts its fields into the HPACK
// table, as clients do; the others refer to them.
func (c *connection) headers() []byte {
	scheme := byte(0x86)
	if c.work.TLS {
		scheme = 0x87
	}
	if c.known {
		return []byte{0x83, scheme, 0xc1, 0xc0, 0xbf, 0xbe}
	}
	c.known = true
	block := []byte{0x83, scheme, 0x44}
	block = appendText(block, "/denvoy.bench.Bench/"+c.work.Kind)
	block = appendText(append(block, 0x41), "localhost")
	block = appendText(append(block, 0x5f), "application/grpc")
	block = appendText(append(block, 0x40), "te")
	return appendText(block, "trailers")
}

func appendText(block []byte, text string) []byte {
	return append(append(block, byte(len(text))), text...)
}

// makeRequest is the message of each request with its prefix. That of a push says how many messages
// are wanted.
func makeRequest(w work) []byte {
	message := make([]byte, max(w.Request, 4))
	if w.Kind == "push" {
		binary.BigEndian.PutUint32(message, uint32(w.Push))
	}
	framed := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))
	return append(framed, message...)
}
