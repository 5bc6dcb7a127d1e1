// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

// door is how a change reaches the server.
type door struct {
	client http.Client
}

func (d *door) write(c *change) error {
	if c.File != "" {
		return replaceFile(c.File, c.Body)
	}
	return d.put(c.URL, c.Body)
}

func (d *door) put(url, body string) error {
	request, err := http.NewRequest(http.MethodPut, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("content-type", "application/json")
	response, err := d.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err != nil {
		return err
	}
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("PUT %s: %s: %s", url, response.Status, answer)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

// replaceFile writes beside the file and renames, as careful programs do.
func replaceFile(name, body string) error {
	temporary := name + ".tmp"
	if err := os.WriteFile(temporary, []byte(body), 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, name)
}
