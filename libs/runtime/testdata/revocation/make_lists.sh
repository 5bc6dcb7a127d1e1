#!/bin/sh
# Makes the CAs and revocation lists of this folder anew. The keys are thrown away.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

ca() { # NAME SUBJECT [ISSUER]
  key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
  signed=""
  if [ $# = 3 ]; then signed="-CA $3.pem -CAkey $work/$3.key"; fi
  # shellcheck disable=SC2086
  openssl req -x509 $key $signed -keyout "$work/$1.key" -out "$1.pem" -subj "/CN=$2" -days 36500 \
    -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
}

list() { # FILE CA SERIAL [EXTENSIONS]
  printf 'R\t21260101000000Z\t260101000000Z,keyCompromise\t%s\tunknown\t/CN=x\n' "$3" >"$work/index"
  printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s\ncrlnumber=%s\ndefault_md=%s\n[e]\n%b\n' \
    "$work/index" "$work/number" "${DIGEST:-sha256}" "${4:-authorityKeyIdentifier=keyid}" >"$work/ca.cnf"
  echo 01 >"$work/number"
  openssl ca -config "$work/ca.cnf" -gencrl -keyfile "$work/$2.key" -cert "$2.pem" \
    -crl_lastupdate 20260101000000Z -crl_nextupdate 21260101000000Z -crlexts e -out "$1" 2>/dev/null
}

ca root "list root"
ca between "list intermediate" root
ca stranger "stranger root"
ca forger "list root" # the name of the root, with another key
list root_list.pem root 0A1B
openssl crl -in root_list.pem -outform DER -out root_list.der
list between_list.pem between 0C2D
list stranger_list.pem stranger 0E3F
list forged_list.pem forger 0A1B
DIGEST=sha1 list sha1_list.pem root 0A1B
list delta_list.pem root 0A1B '2.5.29.27=critical,DER:020101'
list indirect_list.pem root 0A1B 'issuingDistributionPoint=critical,@i\n[i]\nindirectCRL=TRUE'
list partial_list.pem root 0A1B 'issuingDistributionPoint=critical,@i\n[i]\nfullname=URI:http://ca.example/crl\nonlyuser=TRUE'
rm forger.pem
