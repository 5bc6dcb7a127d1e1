// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
)

// HTTP/2 frame types, flags and settings (RFC 9113, sections 6 and 6.5.2).
const (
	frameData         = 0
	frameHeaders      = 1
	frameRstStream    = 3
	frameSettings     = 4
	framePing         = 6
	frameGoAway       = 7
	frameWindowUpdate = 8

	flagAck        = 0x1
	flagEndStream  = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8

	settingInitialWindowSize = 4
	frameHeaderBytes         = 9
	maxFrameBytes            = 16384

	defaultWindow = 65535

	// Socket buffers that grow by themselves would hold gigabytes for a thousand connections on one
	// machine, until the kernel drops segments and connections stall until they are sent again.
	socketBuffer = 256 << 10

	aggregatedPath = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
	secretPath     = "/envoy.service.secret.v3.SecretDiscoveryService/DeltaSecrets"
)

// Read buffers are taken only while there is something to read, so that few of them serve a
// thousand connections and stay in the processor's cache.
var readBuffers = sync.Pool{New: func() any { buffer := make([]byte, 256<<10); return &buffer }}

// connection is the client end of one HTTP/2 connection. All of it runs in one goroutine.
type connection struct {
	net     net.Conn
	raw     syscall.RawConn
	streams map[uint32]*stream

	header     []byte // the part of a frame header that has come
	frame      frameHeader
	payload    []byte // the part of a frame, other than DATA, that has come
	left       int    // bytes of the frame still to come
	inFrame    bool
	received   int // bytes of DATA since the last WINDOW_UPDATE
	sendWindow int
	peerWindow int // what a stream may send at first
	windows    windows
	out        []byte
}

// windows is how much the server may send before it is told that something was read.
type windows struct {
	stream, connection int
}

type frameHeader struct {
	kind, flags byte
	streamID    uint32
}

// openConnection dials and queues what opens the connection; run sends it.
func openConnection(address string, w windows) (*connection, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	tcp := conn.(*net.TCPConn)
	if err := tcp.SetReadBuffer(socketBuffer); err != nil {
		return nil, err
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, err
	}
	c := &connection{
		net: conn, raw: raw, streams: map[uint32]*stream{},
		sendWindow: defaultWindow, peerWindow: defaultWindow, windows: w,
	}
	c.out = append(c.out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"...)
	settings := binary.BigEndian.AppendUint16(nil, settingInitialWindowSize)
	settings = binary.BigEndian.AppendUint32(settings, uint32(w.stream))
	c.writeFrame(frameHeader{kind: frameSettings}, settings)
	if w.connection > defaultWindow {
		c.writeWindowUpdate(0, w.connection-defaultWindow)
	}
	return c, nil
}

// addStream queues the request headers of a new stream.
func (c *connection) addStream(s *stream, authority string) {
	s.id = uint32(2*len(c.streams) + 1)
	s.sendWindow = c.peerWindow
	c.streams[s.id] = s
	c.writeFrame(frameHeader{kind: frameHeaders, flags: flagEndHeaders, streamID: s.id}, requestHeaders(authority, s.path()))
}

// requestHeaders is an HPACK block without Huffman coding and without entries in the dynamic table.
func requestHeaders(authority, path string) []byte {
	block := []byte{0x83, 0x86} // :method POST, :scheme http
	literal := func(name []byte, value string) {
		block = append(append(block, name...), byte(len(value)))
		block = append(block, value...)
	}
	literal([]byte{0x04}, path)
	literal([]byte{0x01}, authority)
	literal([]byte{0x0f, 0x10}, "application/grpc") // content-type
	literal([]byte{0x00, 2, 't', 'e'}, "trailers")
	return block
}

// run serves the connection until it fails; it always returns an error.
func (c *connection) run() error {
	for {
		if err := c.flush(); err != nil {
			return err
		}
		if err := c.readOnce(); err != nil {
			return err
		}
	}
}

func (c *connection) readOnce() error {
	var buffer *[]byte
	var n int
	var readErr error
	err := c.raw.Read(func(fd uintptr) bool {
		buffer = readBuffers.Get().(*[]byte)
		n, readErr = syscall.Read(int(fd), *buffer)
		if errors.Is(readErr, syscall.EAGAIN) || errors.Is(readErr, syscall.EINTR) {
			readBuffers.Put(buffer)
			buffer = nil
			return false
		}
		return true
	})
	if buffer != nil {
		defer readBuffers.Put(buffer)
	}
	if err = errors.Join(err, readErr); err != nil {
		return err
	}
	if n <= 0 {
		return errors.New("server closed the connection")
	}
	return c.take((*buffer)[:n])
}

// take handles bytes of the connection; frames may begin and end anywhere in them.
func (c *connection) take(b []byte) error {
	for len(b) > 0 {
		if !c.inFrame {
			n := min(len(b), frameHeaderBytes-len(c.header))
			c.header = append(c.header, b[:n]...)
			b = b[n:]
			if len(c.header) < frameHeaderBytes {
				return nil
			}
			if err := c.beginFrame(); err != nil {
				return err
			}
		}
		n := min(len(b), c.left)
		if err := c.takePayload(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func (c *connection) beginFrame() error {
	h := c.header
	c.left = int(h[0])<<16 | int(h[1])<<8 | int(h[2])
	c.frame = frameHeader{kind: h[3], flags: h[4], streamID: binary.BigEndian.Uint32(h[5:]) & 0x7fffffff}
	c.header = c.header[:0]
	c.payload = c.payload[:0]
	c.inFrame = true
	if c.left > maxFrameBytes {
		return fmt.Errorf("frame of %d bytes, more than was allowed", c.left)
	}
	if c.frame.kind == frameData && c.frame.flags&flagPadded != 0 {
		return errors.New("padded DATA, which this client does not read")
	}
	return nil
}

func (c *connection) takePayload(b []byte) error {
	c.left -= len(b)
	if c.frame.kind == frameData {
		s := c.streams[c.frame.streamID]
		if s == nil {
			return fmt.Errorf("DATA on stream %d, which does not exist", c.frame.streamID)
		}
		if err := c.takeData(s, b); err != nil {
			return err
		}
	} else {
		c.payload = append(c.payload, b...)
	}
	if c.left > 0 {
		return nil
	}
	c.inFrame = false
	return c.endFrame()
}

func (c *connection) takeData(s *stream, b []byte) error {
	s.received += len(b)
	c.received += len(b)
	if s.received > c.windows.stream/2 {
		c.writeWindowUpdate(s.id, s.received)
		s.received = 0
	}
	if c.received > c.windows.connection/2 {
		c.writeWindowUpdate(0, c.received)
		c.received = 0
	}
	return s.reader.feed(b)
}

func (c *connection) endFrame() error {
	ended := c.frame.flags&flagEndStream != 0
	switch c.frame.kind {
	case frameData, frameHeaders:
		if ended {
			return fmt.Errorf("server ended stream %d", c.frame.streamID)
		}
	case frameRstStream:
		return fmt.Errorf("server reset stream %d: code %x", c.frame.streamID, c.payload)
	case frameGoAway:
		return fmt.Errorf("server sent GOAWAY: %q", c.payload)
	case frameSettings:
		return c.endSettings()
	case framePing:
		if c.frame.flags&flagAck == 0 {
			c.writeFrame(frameHeader{kind: framePing, flags: flagAck}, c.payload)
		}
	case frameWindowUpdate:
		return c.endWindowUpdate()
	}
	return nil
}

func (c *connection) endSettings() error {
	if c.frame.flags&flagAck != 0 {
		return nil
	}
	for p := c.payload; len(p) >= 6; p = p[6:] {
		if binary.BigEndian.Uint16(p) != settingInitialWindowSize {
			continue
		}
		window := int(binary.BigEndian.Uint32(p[2:]))
		for _, s := range c.streams {
			s.sendWindow += window - c.peerWindow
		}
		c.peerWindow = window
	}
	c.writeFrame(frameHeader{kind: frameSettings, flags: flagAck}, nil)
	return nil
}

func (c *connection) endWindowUpdate() error {
	if len(c.payload) != 4 {
		return fmt.Errorf("WINDOW_UPDATE of %d bytes", len(c.payload))
	}
	increment := int(binary.BigEndian.Uint32(c.payload) & 0x7fffffff)
	if c.frame.streamID == 0 {
		c.sendWindow += increment
	} else if s := c.streams[c.frame.streamID]; s != nil {
		s.sendWindow += increment
	}
	return nil
}

// flush frames what the streams queued, as far as the peer's windows allow, and writes it.
func (c *connection) flush() error {
	for _, s := range c.streams {
		for len(s.out) > 0 {
			n := min(len(s.out), s.sendWindow, c.sendWindow, maxFrameBytes)
			if n <= 0 {
				break
			}
			c.writeFrame(frameHeader{kind: frameData, streamID: s.id}, s.out[:n])
			s.out = append(s.out[:0], s.out[n:]...)
			s.sendWindow -= n
			c.sendWindow -= n
		}
	}
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.net.Write(c.out)
	c.out = c.out[:0]
	return err
}

func (c *connection) writeFrame(h frameHeader, payload []byte) {
	n := len(payload)
	c.out = append(c.out, byte(n>>16), byte(n>>8), byte(n), h.kind, h.flags)
	c.out = binary.BigEndian.AppendUint32(c.out, h.streamID)
	c.out = append(c.out, payload...)
}

func (c *connection) writeWindowUpdate(streamID uint32, increment int) {
	c.writeFrame(frameHeader{kind: frameWindowUpdate, streamID: streamID}, binary.BigEndian.AppendUint32(nil, uint32(increment)))
}
