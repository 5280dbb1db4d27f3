package catalogue

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"testing"

	"layup/analyze/catalogue/place"
)

// A shelter is a place in memory.
type shelter map[string][]byte

func (s shelter) List(_ context.Context, folder string) (list []place.Info, _ error) {
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if path.Dir(name) == folder {
			list = append(list, place.Info{Name: name, Size: int64(len(s[name]))})
		}
	}
	return list, nil
}

func (s shelter) Put(_ context.Context, name string, write func(io.Writer) error) error {
	var b bytes.Buffer
	err := write(&b)
	s[name] = b.Bytes()
	return err
}

func (s shelter) Open(_ context.Context, name string) (place.File, error) {
	data, ok := s[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return memory{bytes.NewReader(data)}, nil
}

func (s shelter) Remove(_ context.Context, name string) error {
	delete(s, name)
	return nil
}

func (shelter) String() string { return "memory" }

// forged returns a part with other bytes and sums that fit them: whoever writes a part can make those.
func forged(t testing.TB, part []byte, changes map[uint32]byte) []byte {
	c, err := newChecked(memory{bytes.NewReader(part)})
	if err != nil {
		t.Fatal(err)
	}
	all := slices.Concat(part[:c.body], c.note, c.end)
	for at, to := range changes {
		all[int(at)%len(all)] ^= to
	}
	body, note, end := all[:c.body], all[c.body:int(c.body)+len(c.note)], all[int(c.body)+len(c.note):]
	out := new(bytes.Buffer)
	s := &summer{w: out}
	if _, err := s.Write(body); err != nil {
		t.Fatal(err)
	}
	if s.size%block != 0 {
		s.sums = binary.LittleEndian.AppendUint32(s.sums, s.crc)
	}
	sums := append(append(s.sums, note...), mark...)
	sums = binary.LittleEndian.AppendUint64(sums, uint64(s.size))
	sums = binary.LittleEndian.AppendUint32(sums, uint32(len(note)))
	sums = binary.LittleEndian.AppendUint32(sums, crc32.Checksum(end, castagnoli))
	sums = binary.LittleEndian.AppendUint32(sums, crc32.Checksum(sums, castagnoli))
	return slices.Concat(body, sums, end)
}

// FuzzPart asks a catalogue with a part that somebody forged: it answers, or says that the part cannot be read.
func FuzzPart(f *testing.F) {
	good := shelter{}
	yes := true
	c, err := Create(f.Context(), good, &yes)
	if err != nil {
		f.Fatal(err)
	}
	rows := []FileRow{{Base: "a", Path: "/a", Layer: "k", Kind: "file", SHA256: digestOf(1), Xattrs: []string{"user.x"},
		XattrValues: [][]byte{{1}}}, {Base: "b", Path: "/b", Layer: "k", Kind: "symlink", Link: "a"},
		{Base: "c", Path: "/c", Layer: "k", Kind: "dir"}}
	names := []string{"files/part-1.parquet", "layers/part-1.parquet", "images/part-1.parquet"}
	err = errors.Join(put(f.Context(), c, names[0], slices.Values(rows)),
		putAll(f.Context(), c, names[1], []LayerRow{{Key: "k", Entries: 3, Part: names[0]}}),
		putAll(f.Context(), c, names[2], []ImageRow{{Source: "s", Reference: "s:1", Layers: []string{"k"}}}))
	if err != nil {
		f.Fatal(err)
	}
	for which := range names {
		f.Add(uint8(which), uint32(0), byte(0), uint32(4), byte(1), uint32(9), byte(255))
	}
	f.Fuzz(func(t *testing.T, which uint8, at uint32, to byte, at2 uint32, to2 byte, at3 uint32, to3 byte) {
		name := names[int(which)%len(names)]
		bad := maps.Clone(good)
		bad[name] = forged(t, good[name], map[uint32]byte{at: to, at2: to2, at3: to3})
		c := &Catalogue{Place: bad, Digests: true}
		for _, q := range []Query{{}, {Names: []string{"a", "/b"}}, {Sums: []string{digestOf(1)}}} {
			r, err := c.Read(t.Context())
			if err != nil {
				continue
			}
			if found, err := r.Find(t.Context(), q); err == nil {
				for i := range found.Len() {
					found.Image(i)
				}
			}
			r.Close() // only read from
		}
	})
}
