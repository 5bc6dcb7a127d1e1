module denvoy.dev/benches/sds/peer

go 1.24
