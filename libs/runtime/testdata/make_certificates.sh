#!/bin/sh
# Makes the certificates of the runtime's tests anew. Needs openssl 3; run it in this folder.
set -eu

authority() { # file, common name
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 \
    -keyout "$1.key" -out "$1.pem" -subj "/CN=$2"
}

leaf() { # file, authority, subject
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout "$1.key" -out "$1.csr" -subj "$3"
  printf 'subjectAltName=DNS:localhost,IP:127.0.0.1' > "$1.cnf"
  openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -days 36500 \
    -extfile "$1.cnf" -out "$1.pem"
  rm "$1.csr" "$1.cnf"
}

authority ca 'Denvoy test authority'
authority other_ca 'Another test authority'
leaf server ca '/CN=server-1'
leaf server_2 ca '/CN=server-2'
leaf client ca '/CN=operator-1'
leaf nameless ca '/'
leaf intruder other_ca '/CN=operator-1'
rm -f ca.key other_ca.key ca.srl other_ca.srl
