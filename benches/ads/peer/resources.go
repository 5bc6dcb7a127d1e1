// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// resourceSet is all that is served, by name.
type resourceSet struct {
	clusters  map[string]*cluster.Cluster
	endpoints map[string]*endpoint.ClusterLoadAssignment
}

func loadFolder(folder string) (resourceSet, error) {
	set := resourceSet{
		clusters:  map[string]*cluster.Cluster{},
		endpoints: map[string]*endpoint.ClusterLoadAssignment{},
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return set, err
	}
	for _, file := range files {
		if err := set.loadFile(file); err != nil {
			return set, fmt.Errorf("load %s: %w", file, err)
		}
	}
	return set, nil
}

func (s resourceSet) loadFile(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var content discovery.DiscoveryResponse
	if err := protojson.Unmarshal(text, &content); err != nil {
		return err
	}
	for _, packed := range content.GetResources() {
		message, err := packed.UnmarshalNew()
		if err != nil {
			return err
		}
		if err := s.add(message); err != nil {
			return err
		}
	}
	return nil
}

func (s resourceSet) add(message proto.Message) error {
	switch resource := message.(type) {
	case *cluster.Cluster:
		s.clusters[resource.GetName()] = resource
	case *endpoint.ClusterLoadAssignment:
		s.endpoints[resource.GetClusterName()] = resource
	default:
		return fmt.Errorf("resource of type %T, which this bench does not serve", message)
	}
	return nil
}

func putEndpoints(store store, name string, body []byte) error {
	var packed anypb.Any
	if err := protojson.Unmarshal(body, &packed); err != nil {
		return err
	}
	var assignment endpoint.ClusterLoadAssignment
	if err := packed.UnmarshalTo(&assignment); err != nil {
		return err
	}
	return store.put(name, &assignment)
}
