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
	conn    net.Conn
	in      *bufio.Reader
	out     *bufio.Writer
	scheme  byte // of HPACK's static table
	nextID  uint32
	known   string // the kind of which the server's HPACK table holds the fields
	streams map[uint32]*stream
	unread  uint32 // bytes since the connection's window was last filled up

	// What belongs to one run.
	work     work
	deadline time.Time
	request  []byte
	took     []time.Duration
	messages int
	received int64
}

// stream is one open stream.
type stream struct {
	since time.Time
	ended bool // whether nothing more is sent on it
	owed  int  // messages that the server has yet to send
	body  int  // bytes of the message that comes in, with its prefix
	whole int  // length of that message
}

func dial(address string, secure bool) (*connection, error) {
	conn, err := net.DialTimeout("tcp", address, timeout)
	if err != nil {
		return nil, err
	}
	scheme := byte(0x86)
	if secure {
		// What is measured is the server; whom it proves to be does not matter here.
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
		scheme = 0x87
	}
	c := &connection{
		conn: conn, scheme: scheme, nextID: 1, streams: map[uint32]*stream{},
		in: bufio.NewReaderSize(conn, 64<<10), out: bufio.NewWriterSize(conn, 64<<10),
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

// run works until the deadline has passed and everything is answered.
func (c *connection) run(w work, deadline time.Time) error {
	c.work, c.deadline, c.request = w, deadline, makeRequest(w)
	c.took, c.messages, c.received = nil, 0, 0
	for range w.InFlight {
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
			if err := c.finish(id); err != nil {
				return err
			}
		}
	}
	return c.out.Flush()
}

// open begins a call.
func (c *connection) open() {
	s := &stream{owed: 1}
	if c.work.Kind == "push" {
		s.owed = c.work.Push
	}
	id := c.nextID
	c.nextID += 2
	c.streams[id] = s
	c.frame(frameHeaders, flagEndHeaders, id, c.headers())
	s.since = time.Now()
	c.send(id, s, s.since)
}

// send sends the next message of a stream; that of a bidi is the last one once time is up.
func (c *connection) send(id uint32, s *stream, now time.Time) {
	var flags byte
	if c.work.Kind != "bidi" || now.After(c.deadline) {
		flags = flagEndStream
		s.ended = true
	}
	c.frame(frameData, flags, id, c.request)
}

// answered notes that a whole message has come.
func (c *connection) answered(id uint32, s *stream) {
	c.messages++
	s.owed--
	if c.work.Kind != "bidi" {
		return
	}
	now := time.Now()
	c.took = append(c.took, now.Sub(s.since))
	if !s.ended {
		s.since = now
		s.owed++
		c.send(id, s, now)
	}
}

// finish notes that the server has ended a stream.
func (c *connection) finish(id uint32) error {
	s := c.streams[id]
	if s == nil {
		return fmt.Errorf("stream %d ended twice", id)
	}
	delete(c.streams, id)
	if s.owed != 0 || !s.ended || s.body != 0 {
		return fmt.Errorf("stream %d ended with %d messages missing", id, s.owed)
	}
	if c.work.Kind == "bidi" {
		return nil
	}
	now := time.Now()
	c.took = append(c.took, now.Sub(s.since))
	if now.Before(c.deadline) {
		c.open()
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

// headers is the block of a request. The first one of a kind puts its fields into the HPACK table,
// as clients do; the others refer to them. A deadline is set, as Envoy and most clients do.
func (c *connection) headers() []byte {
	if c.known == c.work.Kind {
		return []byte{0x83, c.scheme, 0xc3, 0xc2, 0xc1, 0xc0, 0xbf, 0xbe}
	}
	c.known = c.work.Kind
	block := []byte{0x83, c.scheme, 0x44}
	block = appendText(block, "/denvoy.bench.Bench/"+c.work.Kind)
	block = appendText(append(block, 0x41), "localhost")
	block = appendText(append(block, 0x5f), "application/grpc")
	block = appendText(append(block, 0x7a), "denvoy-bench") // user-agent
	block = appendText(appendText(append(block, 0x40), "te"), "trailers")
	return appendText(appendText(append(block, 0x40), "grpc-timeout"), "600S")
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
