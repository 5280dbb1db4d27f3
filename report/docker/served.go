package docker

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"layup/analyze"
	"layup/analyze/show"
	"layup/report/call"
	"layup/report/engineapi"
)

// A served list is the images that serve answers for: no ID twice, no tag twice.
type served struct {
	c      *call.Call
	images []engineapi.Image
	origin []origin // by image
}

// An origin is where an image came from.
type origin struct{ name, platform string }

// load loads the images of one argument after the other, and keeps only their documents.
func (s *served) load(ctx context.Context) (int, error) {
	for _, name := range s.c.Args {
		list, err := s.c.LoadAll(ctx, []string{name}, analyze.Needs{})
		if err != nil {
			return call.Failed, err
		}
		for i := range list {
			list[i].Many = list[i].Many || len(s.c.Args) > 1
		}
		status := list.Refused(s.c)
		if status == call.Answered {
			err = s.takeAll(list)
			list.Complain(s.c)
		}
		list.Close()
		if status != call.Answered || err != nil {
			return max(status, call.Failed), err
		}
	}
	if len(s.images) == 0 {
		return call.Failed, errors.New("serve: no image")
	}
	return call.Answered, nil
}

// takeAll takes the images of a list. An engine's containers are not served.
func (s *served) takeAll(list call.Images) error {
	for _, l := range list {
		if l.Err != nil {
			continue // with --keep-going
		}
		if l.Image.Container != nil { // its layers are not only those of its image
			if len(list) == 1 {
				return call.Usage("layup inspect "+show.Shell(l.Name)+"  prints docker's document of it",
					"%s: is a container; only images are served", l.Where())
			}
			continue
		}
		if l.Image.ID == "" {
			return call.Usage("layup ls "+show.Shell(l.Name)+"  reads it",
				"%s: a bare layer, or an archive from before Docker 1.10, has no config, and so no ID for an engine",
				l.Where())
		}
		s.take(l.Image)
	}
	return nil
}

// take adds an image. If it is there already, from elsewhere, it gets more names.
func (s *served) take(img *analyze.Image) {
	d, from := img.Docker(), origin{img.Name, img.Platform}
	at := slices.IndexFunc(s.images, func(other engineapi.Image) bool { return other.Inspect.ID == d.ID })
	if at < 0 {
		at = len(s.images)
		s.images = append(s.images, engineapi.Describe(img, d))
		s.origin = append(s.origin, from)
		tags := d.RepoTags
		d.RepoTags = []string{}
		s.name(at, from, tags)
	} else {
		s.name(at, from, d.RepoTags)
	}
	known := s.images[at].Inspect
	for _, digest := range d.RepoDigests {
		if !slices.Contains(known.RepoDigests, digest) {
			known.RepoDigests = append(known.RepoDigests, digest)
		}
	}
	if rows := s.images[at].History; len(rows) > 0 {
		rows[0].Tags = known.RepoTags
	}
}

// name gives an image its tags. It takes a tag from another image if the tag of a later file, or this machine's
// platform, goes first.
func (s *served) name(at int, from origin, tags []string) {
	for _, tag := range tags {
		has := slices.IndexFunc(s.images, func(other engineapi.Image) bool {
			return slices.Contains(other.Inspect.RepoTags, tag)
		})
		switch {
		case has == at:
			continue
		case has >= 0 && s.origin[has].name == from.name && !from.better(s.origin[has]):
			continue
		case has >= 0:
			s.unname(has, tag)
			if s.origin[has].name != from.name {
				s.c.Note(fmt.Sprintf("%s is now the image of %s, the later file, and no longer that of %s", tag, from.name,
					s.origin[has].name))
			}
		}
		d := s.images[at].Inspect
		d.RepoTags = append(d.RepoTags, tag)
	}
}

// unname takes a tag from an image.
func (s *served) unname(at int, tag string) {
	d := s.images[at].Inspect
	d.RepoTags = slices.DeleteFunc(slices.Clone(d.RepoTags), func(other string) bool { return other == tag })
	if rows := s.images[at].History; len(rows) > 0 {
		rows[0].Tags = d.RepoTags
	}
}

// better reports whether a tag of a file with several platforms means this image: only this one is for this machine.
func (o origin) better(than origin) bool {
	ours := func(platform string) bool { return strings.HasPrefix(platform+"/", "linux/"+runtime.GOARCH+"/") }
	return ours(o.platform) && !ours(than.platform)
}
