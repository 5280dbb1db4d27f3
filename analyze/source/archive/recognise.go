package archive

import (
	"context"
	"errors"
	"fmt"

	"layup/analyze/source"
	"layup/analyze/source/decode"
	"layup/tarfs"
)

// recogniseFile decides by its members whether a tar is an image archive or a layer, and reads the list of members.
func (a *Archive) recogniseFile(ctx context.Context) error {
	table, tail, broken := scanOuter(ctx, a.in, a.opt.Limits)
	if table == nil {
		return broken
	}
	a.end, a.tail = table.Size(), tail
	seen := survey(a.in.Data, table)
	if seen.listed() || seen.likely() || seen.unnamed() {
		if is, err := a.archive(seen, table, broken); is || err != nil {
			return err
		}
	}
	if table.Len() == 0 && broken != nil {
		return broken
	}
	if seen.empty && !a.endsAsWritten(table) {
		return errors.New("damaged, or not an archive: it holds nothing, and goes on with zeros or other data")
	}
	if mark, ok := storeTop(table); ok {
		return mark.named(a.name)
	}
	if tail > 0 && remainsAfter(ctx, a.in.Data, tail, &a.opt.Limits) {
		a.root = true
		return fmt.Errorf("an image archive goes on after the end of a layer, at offset %d: "+
			"its beginning is missing or damaged", tail)
	}
	return a.below(ctx, table, broken, seen.root)
}

// archive lists the members of a tar that may be an image archive, and tells the kinds of those apart. It reports
// whether the tar is one.
func (a *Archive) archive(seen sight, table *tarfs.Layer, broken error) (is bool, err error) {
	index, err := newTarIndex(a.in, table, broken, "")
	dir := err == nil && seen.manifest && !seen.index && !seen.root && isDirForm(index)
	unnamed := seen.unnamed() && broken == nil && table.EndMark() && a.endsAsWritten(table)
	switch {
	case !dir && !unnamed && !seen.likely():
		return false, nil
	case err != nil:
	case dir:
		a.kind = Dir
	case seen.manifest, seen.named(), unnamed:
		a.kind = Docker
	case seen.index:
		a.kind = OCIArchive
	default:
		err = noManifest(table, broken, a.in.Data.Size())
	}
	a.members, a.root = index, seen.root
	return true, err
}

// endsAsWritten reports whether nothing follows the end mark of a tar but zeros that fill the last record of 10 KiB.
// Zeros of another number may stand for lost members.
func (a *Archive) endsAsWritten(table *tarfs.Layer) bool {
	const mark, record = 2 * decode.HeadSize, 20 * decode.HeadSize
	end, size := int64(0), a.in.Data.Size()
	for e := range table.Raw() {
		end = max(end, e.Offset+(e.Size+decode.HeadSize-1)/decode.HeadSize*decode.HeadSize)
	}
	return a.tail == 0 && (size-end <= mark || size%record == 0 && size-end < mark+record)
}

// noManifest says that a tar holds parts of an image archive, but not the document that lists its images.
func noManifest(table *tarfs.Layer, broken error, size int64) error {
	if cut, ok := broken.(truncatedMember); ok && (cut.name == manifestName || cut.name == indexName) {
		return fmt.Errorf("%s: %w", cut.name, broken)
	}
	if broken == nil && !table.EndMark() {
		broken = fmt.Errorf("the archive has no end mark and looks truncated at offset %d", size)
	}
	const message = "manifest.json not found; not a docker save archive or OCI layout, " +
		"though it looks like the remains of one"
	if broken != nil {
		return fmt.Errorf("%s: %w", message, broken)
	}
	return errors.New(message)
}

// recogniseDirectory decides by its files what a directory holds.
func (a *Archive) recogniseDirectory() error {
	a.members = newDirectory(a.in.Dir, "")
	switch {
	case a.members.has(indexName):
		a.kind = OCI
	case a.members.has(manifestName) && isDirForm(a.members):
		a.kind = Dir
	case a.members.has(manifestName), a.members.has(repositoriesName):
		a.kind = Docker
	case a.members.has(layoutName), a.members.has("blobs"):
		return errors.New("index.json not found; not an OCI layout")
	default:
		if mark, ok := storeIn(a.in.Dir.Root); ok {
			return &source.NoArchiveError{Err: mark.named(a.name)}
		}
		return a.belowDirectory()
	}
	return nil
}
