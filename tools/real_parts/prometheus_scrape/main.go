// SPDX-License-Identifier: Apache-2.0

// Command prometheus_scrape reads metrics from standard input as Prometheus does when it scrapes, by the Content-Type of the
// first argument, and text 0.0.4 also with expfmt, as `promtool check metrics` does. Prints counts as
// JSON.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

type counts struct {
	Families int            `json:"families"`
	Samples  int            `json:"samples"`
	Kinds    map[string]int `json:"kinds"`
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(contentType string) error {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	found, err := scrape(text, contentType)
	if err != nil {
		return err
	}
	if strings.HasPrefix(contentType, "text/plain") {
		if err := checkFamilies(text, found.Families); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

func scrape(text []byte, contentType string) (*counts, error) {
	// No fallback: a Content-Type that Prometheus does not know is an error.
	parser, err := textparse.New(text, contentType, "", false, false, false, labels.NewSymbolTable())
	if err != nil {
		return nil, err
	}
	found := &counts{Kinds: map[string]int{}}
	seen := map[string]bool{}
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		switch entry {
		case textparse.EntryType:
			_, kind := parser.Type()
			found.Families++
			found.Kinds[string(kind)]++
		case textparse.EntrySeries:
			series, _, _ := parser.Series()
			if seen[string(series)] {
				return nil, fmt.Errorf("%s is there twice", series)
			}
			seen[string(series)] = true
			found.Samples++
		}
	}
}

func checkFamilies(text []byte, wanted int) error {
	var parser expfmt.TextParser
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		return err
	}
	if len(families) != wanted {
		return fmt.Errorf("expfmt finds %d families, the scraper %d", len(families), wanted)
	}
	return nil
}
