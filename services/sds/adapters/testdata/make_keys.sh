#!/bin/sh
# Makes the keys and certificates of this folder, which nothing but tests uses.
set -eu
cd "$(dirname "$0")"
pass=pass:swordfish

openssl ecparam -name prime256v1 -genkey -noout -out sec1.key
openssl pkcs8 -topk8 -nocrypt -in sec1.key -out pkcs8.key
openssl ecparam -name prime256v1 -genkey -out with_parameters.key
openssl ecparam -name prime256v1 -genkey -noout -param_enc explicit -out explicit_curve.key
openssl ecparam -name secp521r1 -genkey -noout -out p521.key
openssl genpkey -algorithm ed25519 -out ed25519.key
openssl genrsa -traditional -out pkcs1.key 2048
openssl ec -in sec1.key -aes256 -passout $pass -out sec1_aes.key
openssl rsa -traditional -in pkcs1.key -des3 -passout $pass -out pkcs1_3des.key
openssl pkcs8 -topk8 -in sec1.key -passout $pass -out pkcs8_aes.key
openssl pkcs8 -topk8 -in sec1.key -passout $pass -v2 aes256 -v2prf hmacWithSHA1 -out pkcs8_sha1.key
openssl pkcs8 -topk8 -in sec1.key -passout $pass -v2 des3 -out pkcs8_3des.key
openssl pkcs8 -topk8 -in sec1.key -passout $pass -v1 PBE-SHA1-3DES -out pkcs8_pbe.key
openssl pkcs8 -topk8 -in sec1.key -passout $pass -scrypt -out pkcs8_scrypt.key

openssl genrsa -traditional -out rsa1024.key 1024
openssl req -x509 -new -key rsa1024.key -days 36500 -subj /CN=weak -addext subjectAltName=DNS:weak -out rsa1024.pem
openssl req -x509 -new -key pkcs1.key -sha1 -days 36500 -subj /CN=sha1 -addext subjectAltName=DNS:sha1 -out sha1.pem

for kind in p521 ed25519; do
  openssl req -x509 -new -key $kind.key -days 36500 -subj /CN=$kind -addext subjectAltName=DNS:$kind -out $kind.pem
done
openssl req -new -key sec1.key -subj /CN=under_p521 -out under.csr
printf 'subjectAltName=DNS:under.test\nbasicConstraints=CA:FALSE\n' > leaf.cnf
openssl x509 -req -in under.csr -CA p521.pem -CAkey p521.key -set_serial 8 -days 36500 -extfile leaf.cnf -out under_p521.pem
rm under.csr

openssl req -x509 -new -key pkcs1.key -days 36500 -subj /CN=root -out root.pem
openssl req -new -key sec1.key -subj /CN=leaf -out leaf.csr
printf 'subjectAltName=DNS:leaf.test\nbasicConstraints=CA:FALSE\n' > leaf.cnf
openssl x509 -req -in leaf.csr -CA root.pem -CAkey pkcs1.key -set_serial 7 -days 36500 -extfile leaf.cnf -out leaf.pem
openssl pkcs12 -export -in leaf.pem -inkey sec1.key -certfile root.pem -passout $pass -out leaf.p12
openssl pkcs12 -export -legacy -in leaf.pem -inkey sec1.key -passout $pass -out legacy.p12
openssl pkcs12 -export -in leaf.pem -inkey sec1.key -passout pass: -out empty_passphrase.p12
openssl pkcs12 -export -in root.pem -inkey pkcs1.key -passout $pass -out rsa.p12
openssl pkcs12 -export -nokeys -in root.pem -passout $pass -out no_key.p12
rm leaf.cnf
