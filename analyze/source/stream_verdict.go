package source

import (
	"cmp"
	"errors"
	"fmt"

	"layup/analyze/digest"
	"layup/analyze/source/decode"
	"layup/analyze/source/disk"
	"layup/tarfs"
)

// verdict compares digests and chooses the cause among what went wrong: a blob that is not the one named explains a
// decoder's error, a tar that is not the one named explains a bad header.
func (p *pass) verdict() error { return p.explained(p.cause()) }

func (p *pass) cause() error {
	if err := cmp.Or(p.ctx.Err(), p.blob.err, p.limit(), p.verifyBlob()); err != nil {
		return err
	}
	if p.noTar != nil {
		return p.notTar()
	}
	damage := p.located(p.tar.damage())
	l := p.layer
	if damage == nil || decode.IsTrailer(p.tar.err) { // all content came out
		if err := joined(damage, p.verifyTar()); err != nil || l.Verify && l.DiffID != "" {
			return cmp.Or(p.unproven(err), p.notTar())
		}
		return p.unproven(p.notTar())
	}
	if l.Verify && l.DiffID != "" {
		got := p.hashes.Sum(digest.Algorithm(l.DiffID))
		const format = "want diffID %s, got %s of the %d bytes before the damage"
		damage = joined(damage, fmt.Errorf(format, l.DiffID, got, p.tar.count))
	}
	return p.unproven(damage)
}

// A DamagedError says that the stored bytes may not be those that were written: their digest differs, or they are not
// sound and no digest proves them.
type DamagedError struct{ Err error }

// Error says what is wrong.
func (e *DamagedError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *DamagedError) Unwrap() error { return e.Err }

// unproven makes an error a DamagedError, unless the blob has the digest that names it.
func (p *pass) unproven(err error) error {
	if l := p.layer; err == nil || l.Verify && l.Digest != "" && p.from.Outer == "" {
		return err
	}
	return &DamagedError{err}
}

// located adds to the damage of a stream the entry that it cuts, if there is one.
func (p *pass) located(damage error) error {
	var at *tarfs.ScanError
	if damage != nil && errors.As(p.scanErr, &at) && at.Name != "" && errors.Is(at, damage) {
		return p.scanErr
	}
	return damage
}

// explained returns the change of the input instead of the error, if the input changed. A pass without an error stands
// if digests prove it or nobody asked for proof. A file may also grow while it is read.
func (p *pass) explained(err error) error {
	l := p.layer
	if p.ctx.Err() != nil || p.from.Check == nil {
		return err
	}
	proven := !l.Verify || l.Digest != "" || l.DiffID != ""
	if err == nil && proven {
		return nil
	}
	changed := p.from.Check()
	if err == nil && errors.Is(changed, disk.ErrGrown) {
		return nil
	}
	return cmp.Or(changed, err)
}

// verifyBlob compares the number of the stored bytes, and their digest if one is named.
func (p *pass) verifyBlob() error {
	l := p.layer
	if !l.Verify || p.from.Outer != "" {
		return nil
	}
	d := p.blob.digests
	if d == nil {
		d = p.hashes
	}
	p.out.Digest = d.Sum(digest.Algorithm(l.Digest))
	p.out.FoundDigest = p.out.Digest
	var err error
	if l.Digest != "" && l.Digest != p.out.Digest {
		err = fmt.Errorf("content does not match its digest: want %s, got %s", l.Digest, p.out.Digest)
	}
	if size := p.from.Bytes.Size(); size != l.Size {
		err = joined(err, fmt.Errorf("size is %d bytes, its descriptor says %d", size, l.Size))
	}
	if err != nil {
		err = &DamagedError{err}
	}
	return err
}

// joined makes one line of two errors.
func joined(err, more error) error {
	switch {
	case err == nil:
		return more
	case more == nil:
		return err
	}
	return fmt.Errorf("%w; %w", err, more)
}

// verifyTar compares the digest of the tar, if one is named. The tar may lack the padding that its writer dropped.
func (p *pass) verifyTar() error {
	l := p.layer
	if !l.Verify {
		return nil
	}
	name := digest.Algorithm(l.DiffID)
	p.out.DiffID = p.hashes.Sum(name)
	p.out.FoundDiffID = p.out.DiffID
	if l.DiffID == "" || l.DiffID == p.out.DiffID {
		return nil
	}
	if p.scanErr == nil && p.out.Table.EndMark() && p.hashes.Pad(p.tar.count, l.DiffID) > 0 {
		p.out.DiffID, p.out.FoundDiffID = l.DiffID, l.DiffID
		p.warn(PaddingDropped)
		return nil
	}
	p.warn(DiffIDMismatch)
	const format = "content does not match its diffID: want %s, got %s"
	if l.DiffID == p.out.Digest {
		return fmt.Errorf(format+": the diffID is the digest of the compressed layer, a mistake of its builder", l.DiffID,
			p.out.DiffID)
	}
	return fmt.Errorf(format, l.DiffID, p.out.DiffID)
}
