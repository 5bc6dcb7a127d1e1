#!/bin/sh
# Makes the certificates of the gRPC tests anew. Needs openssl 3; run it in this folder.
set -eu

authority() { # file, common name
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 \
    -keyout "$1.key" -out "$1.pem" -subj "/CN=$2"
}

leaf() { # file, authority, subject, alternative names (section of an openssl config)
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout "$1.key" -out "$1.csr" -subj "$3"
  printf '[v3]\nsubjectAltName=@names\n[names]\n%s\n' "$4" > "$1.cnf"
  openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -days 36500 \
    -extfile "$1.cnf" -extensions v3 -out "$1.pem"
  rm "$1.csr" "$1.cnf"
}

server_names='DNS.1=localhost
DNS.2=denvoy.test
IP.1=127.0.0.1
IP.2=::1'

authority ca 'Denvoy test authority'
authority other_ca 'Another test authority'
leaf server ca '/CN=server-1' "$server_names"
leaf server_2 ca '/CN=server-2' "$server_names"
leaf client ca '/O=Denvoy/CN=envoy-1' 'URI.1=spiffe://denvoy.test/node/envoy-1
DNS.1=envoy-1.denvoy.test
DNS.2=envoy.denvoy.test'
leaf intruder other_ca '/O=Denvoy/CN=envoy-1' 'URI.1=spiffe://denvoy.test/node/envoy-1'
# A name that reads like two names in OpenSSL's text form.
leaf two_faced ca '/CN=a\,b\+c' 'URI.1=spiffe://denvoy.test/a, URI:spiffe://denvoy.test/admin'
rm -f ca.key other_ca.key ca.srl other_ca.srl two_faced.key
