package source

import "layup/analyze/source/document"

// A shelf is where blobs are found by their digests: the blobs of a layout, or a repository of a registry. What it has not is fs.ErrNotExist.
type shelf interface {
	// document returns an index, a manifest or a config, as what says, of a size that the limit allows, compared with its descriptor if asked to verify.
	document(d document.Descriptor, what, limitName string, limit int64) ([]byte, error)
	// layer finds the stored bytes of a layer, and a check whether they changed since, which may be nil.
	layer(d document.Descriptor) (blob, func() error, error)
	// has reports whether there is such a blob, as far as that can be known without asking for it.
	has(digest string) bool
	// far reports whether a document costs a request: then only those are read that the question needs.
	far() bool
}

// A layoutShelf is the folder blobs of an OCI layout.
type layoutShelf struct {
	store  members
	verify bool
}

func (s layoutShelf) document(d document.Descriptor, _, limitName string, limit int64) ([]byte, error) {
	doc, err := readMember(s.store, document.BlobName(d.Digest), limitName, limit)
	if err != nil || !s.verify {
		return doc, err
	}
	return doc, d.Match(doc)
}

func (s layoutShelf) layer(d document.Descriptor) (blob, func() error, error) {
	m, err := s.store.open(document.BlobName(d.Digest))
	if err != nil {
		return nil, nil, err
	}
	return m.data, m.check, nil
}

func (s layoutShelf) has(digest string) bool { return s.store.has(document.BlobName(digest)) }

func (layoutShelf) far() bool { return false }
