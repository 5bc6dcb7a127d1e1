// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
	"testing"
)

func sampleMessage(resources int) []byte {
	var body []byte
	body = appendField(body, 1, []byte("version"))
	for i := range resources {
		any := appendField(nil, 1, []byte("type"))
		any = appendField(any, 2, bytes.Repeat([]byte{byte(i)}, 50*i))
		resource := appendField(nil, 1, []byte("v"))
		resource = appendField(resource, 3, fmt.Appendf(nil, "cluster-%05d", i))
		body = appendField(body, 2, appendField(resource, 2, any))
	}
	body = appendField(body, 4, []byte("type"))
	body = appendField(body, 5, []byte("nonce"))
	message := make([]byte, 5, 5+len(body))
	binary.BigEndian.PutUint32(message[1:], uint32(len(body)))
	return append(message, body...)
}

func TestResponseReaderReadsTheSameInPiecesOfAnySize(t *testing.T) {
	stream := append(append(sampleMessage(30), make([]byte, 5)...), sampleMessage(3)...)
	want := read(t, stream, len(stream))
	if len(want) != 30+1+1+3+1 {
		t.Fatalf("read %d events", len(want))
	}
	for _, size := range []int{1, 2, 3, 7, 100, 1000, 16384} {
		if got := read(t, stream, size); !reflect.DeepEqual(got, want) {
			t.Errorf("pieces of %d bytes read as %v", size, got)
		}
	}
}

func read(t *testing.T, stream []byte, size int) []string {
	t.Helper()
	var events []string
	reader := responseReader{
		onResource: func(name, value []byte) error {
			events = append(events, fmt.Sprintf("%s %x", name, value))
			return nil
		},
		onMessage: func(typeURL, nonce []byte) { events = append(events, fmt.Sprintf("%s/%s", typeURL, nonce)) },
	}
	for len(stream) > 0 {
		n := min(size, len(stream))
		piece := bytes.Clone(stream[:n])
		if err := reader.feed(piece); err != nil {
			t.Fatal(err)
		}
		clear(piece)
		stream = stream[n:]
	}
	return events
}

func TestTrailingNumber(t *testing.T) {
	for name, want := range map[string]int{"cluster-00042": 42, "0": 0, "cluster": -1, "a-1b": -1, "": -1} {
		if got := trailingNumber([]byte(name)); got != want {
			t.Errorf("trailingNumber(%q) = %d, want %d", name, got, want)
		}
	}
}
