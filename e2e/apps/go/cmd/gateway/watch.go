package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"time"
)

const again = 500 * time.Millisecond

// watch tells all objects of a collection, at first and after each change; after an error it begins anew.
func watch[T any](ctx context.Context, api *apiClient, path string, changed func(map[string]T)) {
	for ctx.Err() == nil {
		if err := watchOnce(ctx, api, path, changed); err != nil && ctx.Err() == nil {
			log.Printf("a watch of %s begins anew: %v", path, err)
			time.Sleep(again)
		}
	}
}

func watchOnce[T any](ctx context.Context, api *apiClient, path string, changed func(map[string]T)) error {
	var list struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
		Items []json.RawMessage `json:"items"`
	}
	if err := api.get(ctx, path, &list); err != nil {
		return err
	}
	items := map[string]T{}
	for _, item := range list.Items {
		if err := put(items, item); err != nil {
			return err
		}
	}
	changed(items)
	response, err := api.send(ctx, http.MethodGet, path+"?watch=1&resourceVersion="+list.Metadata.ResourceVersion, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	events := json.NewDecoder(response.Body)
	for {
		var event struct {
			Type   string          `json:"type"`
			Object json.RawMessage `json:"object"`
		}
		if err := events.Decode(&event); err != nil {
			return err
		}
		switch event.Type {
		case "ADDED", "MODIFIED":
			if err := put(items, event.Object); err != nil {
				return err
			}
		case "DELETED":
			name, err := nameOf(event.Object)
			if err != nil {
				return err
			}
			delete(items, name)
		default:
			return errors.New("an event of type " + event.Type)
		}
		changed(items)
	}
}

func put[T any](items map[string]T, raw json.RawMessage) error {
	name, err := nameOf(raw)
	if err != nil {
		return err
	}
	var item T
	if err := json.Unmarshal(raw, &item); err != nil {
		return err
	}
	items[name] = item
	return nil
}

func nameOf(raw json.RawMessage) (string, error) {
	var object struct {
		Metadata metadata `json:"metadata"`
	}
	err := json.Unmarshal(raw, &object)
	return object.Metadata.Name, err
}
