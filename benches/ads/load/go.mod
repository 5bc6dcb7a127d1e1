module denvoy.dev/benches/ads/load

go 1.24
