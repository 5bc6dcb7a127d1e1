// SPDX-License-Identifier: Apache-2.0

// Command peer issues workload certificates with Go's crypto/x509, which SPIRE and step-ca stand on:
// a key, a certificate that an intermediate signs, and both as PEM. It keeps no record of them.
package main

import (
	"bufio"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"time"
)

type request struct {
	Count   int    `json:"count"`
	KeyType string `json:"keyType"`
}

type answer struct {
	Ms float64 `json:"ms"`
}

type issuer struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	root, err := makeIssuer("root", nil)
	if err != nil {
		return err
	}
	signer, err := makeIssuer("signer", root)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var wanted request
		if err := json.Unmarshal(lines.Bytes(), &wanted); err != nil {
			return err
		}
		ms, err := issueAll(signer, wanted)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(os.Stdout).Encode(answer{Ms: ms}); err != nil {
			return err
		}
	}
	return lines.Err()
}

// issueAll issues as many certificates as wanted; RSA keys are made before the clock starts.
func issueAll(signer *issuer, wanted request) (float64, error) {
	var pool []crypto.Signer
	if wanted.KeyType == "rsa-2048" {
		for range wanted.Count {
			key, err := rsa.GenerateKey(rand.Reader, 2048)
			if err != nil {
				return 0, err
			}
			pool = append(pool, key)
		}
	}
	start := time.Now()
	for number := range wanted.Count {
		var key crypto.Signer
		if pool != nil {
			key = pool[number]
		} else {
			made, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			if err != nil {
				return 0, err
			}
			key = made
		}
		if err := signer.issue(number, key); err != nil {
			return 0, err
		}
	}
	return float64(time.Since(start).Microseconds()) / 1000, nil
}

func makeIssuer(name string, parent *issuer) (*issuer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Minute),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	if parent == nil {
		parent = &issuer{certificate: template, key: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.certificate, key.Public(), parent.key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return &issuer{certificate: certificate, key: key}, err
}

func (s *issuer) issue(number int, key crypto.Signer) error {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return err
	}
	id := &url.URL{Scheme: "spiffe", Host: "denvoy.local", Path: fmt.Sprintf("/workload/%d", number)}
	template := &x509.Certificate{
		SerialNumber: serial,
		NotBefore:    time.Now().Add(-time.Minute),
		NotAfter:     time.Now().Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		URIs:         []*url.URL{id},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, s.certificate, key.Public(), s.key)
	if err != nil {
		return err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	if len(chain) == 0 || len(private) == 0 {
		return fmt.Errorf("cannot encode certificate %d", number)
	}
	return nil
}
