// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
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

	// Bytes before each message.
	prefix = 5

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
	known   string // the path of which the server's HPACK table holds the fields
	streams map[uint32]*stream
	unread  uint32 // bytes since the connection's window was last filled up

	// What belongs to one run.
	work     work
	plan     plan
	request  []byte
	took     []time.Duration
	messages int
	received int64
}

// plan is when calls are begun.
type plan struct {
	deadline time.Time     // none is begun afterwards
	pause    time.Duration // from one to the next; 0 means whenever one has ended
	due      time.Time     // when the next one is, with a pause
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
func (c *connection) run(w work, p plan) error {
	c.work, c.plan, c.request = w, p, makeRequest(w)
	c.took, c.messages, c.received = nil, 0, 0
	if p.pause > 0 {
		return c.pace()
	}
	for range w.InFlight {
		c.open(time.Now())
	}
	for len(c.streams) > 0 {
		// All that was answered goes out before the next wait, in one write.
		if c.in.Buffered() == 0 {
			if err := c.out.Flush(); err != nil {
				return err
			}
		}
		if err := c.step(); err != nil {
			return err
		}
	}
	return c.out.Flush()
}

// pace begins calls when they are due, and reads in between.
func (c *connection) pace() error {
	defer c.conn.SetReadDeadline(time.Now().Add(timeout))
	for len(c.streams) > 0 || c.plan.due.Before(c.plan.deadline) {
		now := time.Now()
		for !c.plan.due.After(now) && c.plan.due.Before(c.plan.deadline) {
			c.open(c.plan.due)
			c.plan.due = c.plan.due.Add(c.plan.pause)
		}
		if err := c.out.Flush(); err != nil {
			return err
		}
		until := c.plan.due
		if !until.Before(c.plan.deadline) {
			until = now.Add(timeout)
		}
		c.conn.SetReadDeadline(until)
		err := c.step()
		if err == nil {
			for c.in.Buffered() > 0 && err == nil {
				err = c.step()
			}
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
	return c.out.Flush()
}

// step takes one frame.
func (c *connection) step() error {
	kind, flags, id, err := c.next()
	if err != nil {
		return err
	}
	if flags&flagEndStream != 0 && (kind == frameHeaders || kind == frameData) {
		return c.finish(id)
	}
	return nil
}

// open begins a call whose time counts from since.
func (c *connection) open(since time.Time) {
	s := &stream{owed: 1, since: since}
	if c.work.Kind == "push" {
		s.owed = c.work.Push
	}
	id := c.nextID
	c.nextID += 2
	c.streams[id] = s
	c.frame(frameHeaders, flagEndHeaders, id, c.headers())
	c.send(id, s, since)
}

// send sends the next message of a stream; that of a bidi is the last one once time is up.
func (c *connection) send(id uint32, s *stream, now time.Time) {
	var flags byte
	if c.work.Kind != "bidi" || now.After(c.plan.deadline) {
		flags = flagEndStream
		s.ended = true
	}
	if len(c.work.Digits) > 0 {
		c.writeDigits(rand.IntN(c.work.Numbers))
	}
	c.frame(frameData, flags, id, c.request)
}

// writeDigits puts a number into the request.
func (c *connection) writeDigits(number int) {
	for at := c.work.Width - 1; at >= 0; at-- {
		for _, start := range c.work.Digits {
			c.request[prefix+start+at] = byte('0' + number%10)
		}
		number /= 10
	}
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
	if c.plan.pause == 0 && now.Before(c.plan.deadline) {
		c.open(now)
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
	// Nothing is taken before all of it is there: a read may end at its deadline.
	whole, err := c.in.Peek(9 + length)
	if err != nil {
		return 0, 0, 0, err
	}
	err = c.take(kind, flags, id, whole[9:])
	if _, discardErr := c.in.Discard(9 + length); err == nil {
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
		// A server that has answered may say that it wants no more (RFC 9113, section 8.1).
		code := binary.BigEndian.Uint32(payload)
		if code == 0 && c.streams[id] == nil {
			return nil
		}
		return fmt.Errorf("stream %d was reset with code %d", id, code)
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
			if len(payload) < prefix {
				return errors.New("a message's prefix came in parts")
			}
			s.whole = prefix + int(binary.BigEndian.Uint32(payload[1:5]))
			if !bytes.HasPrefix(payload[prefix:], c.work.Expect) {
				return fmt.Errorf("a response begins with %x instead of %x", payload, c.work.Expect)
			}
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
	path := c.work.Path
	if path == "" {
		path = "/denvoy.bench.Bench/" + c.work.Kind
	}
	if c.known == path {
		return []byte{0x83, c.scheme, 0xc3, 0xc2, 0xc1, 0xc0, 0xbf, 0xbe}
	}
	c.known = path
	block := []byte{0x83, c.scheme, 0x44}
	block = appendText(block, path)
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
	if len(w.Template) > 0 {
		message = bytes.Clone(w.Template)
	}
	if w.Kind == "push" {
		binary.BigEndian.PutUint32(message, uint32(w.Push))
	}
	framed := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))
	return append(framed, message...)
}
