// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
)

// store is one of the two forms in which go-control-plane is used.
type store interface {
	cache() cache.Cache
	put(name string, assignment *endpoint.ClusterLoadAssignment) error
}

func newStore(form string, set resourceSet) (store, error) {
	switch form {
	case "snapshot":
		return newSnapshotStore(set)
	case "linear":
		return newLinearStore(set), nil
	default:
		return nil, fmt.Errorf("cache must be snapshot or linear: current value is %q", form)
	}
}

// oneGroup puts all nodes in one group, as a fleet of equal Envoys is served best: a change costs
// one snapshot, not one for each node.
type oneGroup struct{}

func (oneGroup) ID(*core.Node) string { return "all" }

// snapshotStore is the snapshot cache: every change makes a new snapshot of everything.
type snapshotStore struct {
	mu      sync.Mutex
	set     resourceSet
	version int
	served  cache.SnapshotCache
}

func newSnapshotStore(set resourceSet) (*snapshotStore, error) {
	s := &snapshotStore{set: set, served: cache.NewSnapshotCache(true, oneGroup{}, nil)}
	return s, s.publish()
}

func (s *snapshotStore) cache() cache.Cache { return s.served }

func (s *snapshotStore) put(name string, assignment *endpoint.ClusterLoadAssignment) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set.endpoints[name] = assignment
	return s.publish()
}

func (s *snapshotStore) publish() error {
	s.version++
	snapshot, err := cache.NewSnapshot(strconv.Itoa(s.version), map[resource.Type][]types.Resource{
		resource.ClusterType:  values(s.set.clusters),
		resource.EndpointType: values(s.set.endpoints),
	})
	if err != nil {
		return err
	}
	return s.served.SetSnapshot(context.Background(), "all", snapshot)
}

// linearStore is one LinearCache for each type behind a MuxCache.
type linearStore struct {
	mux       *cache.MuxCache
	endpoints *cache.LinearCache
}

func newLinearStore(set resourceSet) *linearStore {
	clusters := cache.NewLinearCache(resource.ClusterType, cache.WithInitialResources(named(set.clusters)))
	endpoints := cache.NewLinearCache(resource.EndpointType, cache.WithInitialResources(named(set.endpoints)))
	return &linearStore{
		endpoints: endpoints,
		mux: &cache.MuxCache{
			Classify:      func(r *cache.Request) string { return r.GetTypeUrl() },
			ClassifyDelta: func(r *cache.DeltaRequest) string { return r.GetTypeUrl() },
			Caches:        map[string]cache.Cache{resource.ClusterType: clusters, resource.EndpointType: endpoints},
		},
	}
}

func (s *linearStore) cache() cache.Cache { return s.mux }

func (s *linearStore) put(name string, assignment *endpoint.ClusterLoadAssignment) error {
	return s.endpoints.UpdateResource(name, assignment)
}

func values[T types.Resource](resources map[string]T) []types.Resource {
	list := make([]types.Resource, 0, len(resources))
	for _, r := range resources {
		list = append(list, r)
	}
	return list
}

func named[T types.Resource](resources map[string]T) map[string]types.Resource {
	all := make(map[string]types.Resource, len(resources))
	for name, r := range resources {
		all[name] = r
	}
	return all
}
