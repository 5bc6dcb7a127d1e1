module denvoy.dev/benches/grpc/load

go 1.24
