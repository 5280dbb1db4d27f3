package engine

import (
	"context"
	"path"
	"slices"
	"strings"

	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/store"
)

// Loose returns the directories that no image and no container uses, and the volumes: build cache, what a removed
// container left, layers of an image with a damaged record.
func (s *Store) Loose(ctx context.Context) ([]*source.Entry, error) {
	if s.loose != nil {
		return s.loose, nil
	}
	var list []store.Place
	for _, directories := range s.directories {
		some, err := directories(ctx)
		if err != nil {
			return nil, privileged(err)
		}
		list = append(list, some...)
	}
	used, mounted, err := s.used(ctx)
	if err != nil {
		return nil, err
	}
	s.loose = []*source.Entry{}
	for _, d := range list {
		name := d.Name
		if d.Layer.Files != nil {
			name = path.Join(s.containerd, name)
		}
		e := &source.Entry{Kind: source.KindDirectory, Number: -1, References: []string{name}, Of: d.Of}
		if d.Volume {
			e.Kind, e.Of = source.KindVolume, strings.Join(mounted[d.Name], ", ")
		} else if used[s.shown(d.Layer)] {
			continue
		}
		e.Choice = show.Shell(s.kind + ":" + s.path + ":" + e.Kind + "=" + name)
		e.Form = looseForm{form{load: s.alone(d.Layer)}, d.Layer.Directory}
		s.loose = append(s.loose, e)
	}
	return s.loose, nil
}

// used returns the directories of all images and containers that can be read, and for each volume the containers that
// mount it.
func (s *Store) used(ctx context.Context) (used map[string]bool, mounted map[string][]string, err error) {
	used, mounted = map[string]bool{}, map[string][]string{}
	for _, e := range s.entries {
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		img, err := s.Load(ctx, e)
		if e.Container != nil {
			for volume := range e.Container.Volumes {
				mounted[volume] = append(mounted[volume], "container "+e.Container.Name)
			}
		}
		if err != nil {
			continue // its directories belong to nobody
		}
		for _, l := range img.Layers {
			used[l.Directory] = true
		}
	}
	for _, boxes := range mounted {
		slices.Sort(boxes)
	}
	return used, mounted, nil
}

// Unreferenced lists the directories that no image and no container uses, and the volumes.
func (s *Store) Unreferenced(ctx context.Context) ([]source.Listed, error) {
	entries, err := s.Loose(ctx)
	var list []source.Listed
	for _, e := range entries {
		list = append(list, source.Listed{Kind: e.Kind, Number: -1, Reference: e.References[0], Size: -1, Of: e.Of,
			Directory: e.Form.(looseForm).directory})
	}
	return list, err
}

// A looseForm is the form of a directory or a volume.
type looseForm struct {
	form
	directory string
}

// alone loads an image of one layer, which nothing describes.
func (s *Store) alone(layer store.Layer) func(*source.Image) error {
	return func(out *source.Image) error {
		out.Engine = &source.Engine{GraphDriver: layer.Driver, Size: -1}
		out.Layers = []*source.Layer{s.newLayer(0, layer)}
		return nil
	}
}
