package packages_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"layup/analyze/packages/language"
	"layup/fixtures/harness"
)

// storedJar makes an archive of entries that are not compressed.
func storedJar(t testing.TB, count int, entry func(i int) (name string, content []byte)) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := range count {
		name, content := entry(i)
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// repeated names the only entry of an archive n times.
func repeated(archive []byte, n int) []byte {
	le, end := binary.LittleEndian, archive[len(archive)-22:]
	from := le.Uint32(end[16:])
	list := bytes.Repeat(archive[from:len(archive)-22], n)
	end = bytes.Clone(end)
	le.PutUint16(end[8:], uint16(n))
	le.PutUint16(end[10:], uint16(n))
	le.PutUint32(end[12:], uint32(len(list)))
	return slices.Concat(archive[:from], list, end)
}

// The lists of entries of archives within archives are read up to a limit of all, not of each.
func TestArchivesWithinArchivesAreBounded(t *testing.T) {
	inner := storedJar(t, 30_000, func(i int) (string, []byte) { return fmt.Sprintf("%050d", i), nil })
	outer := repeated(storedJar(t, 1, func(int) (string, []byte) { return "in.jar", inner }), 60_000)
	deep := storedJar(t, 70_000, func(i int) (string, []byte) { return fmt.Sprintf("%060d", i), nil })
	for range 3 {
		deep = storedJar(t, 50_001, func(i int) (string, []byte) {
			if i == 50_000 {
				return "in.jar", deep
			}
			return fmt.Sprintf("%060d", i), nil
		})
	}
	for name, file := range map[string][]byte{"many": outer, "deep": deep} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begin := time.Now()
		_, err := new(language.Jars).Read(t.Context(), "/x.jar", bytes.NewReader(file), int64(len(file)))
		runtime.ReadMemStats(&after)
		allocated := (after.TotalAlloc - before.TotalAlloc) >> 20
		t.Logf("%s: %v, %d MiB", name, time.Since(begin), allocated)
		if took := time.Since(begin); err == nil || allocated > 2000 || took > 10*time.Second && !harness.Raced {
			t.Errorf("%s: %v, %d MiB, %v", name, took, allocated, err)
		}
	}
}

// Whoever waits for an archive can stop.
func TestArchivesStopWithTheirContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	file := storedJar(t, 3, func(i int) (string, []byte) { return fmt.Sprint(i), nil })
	if _, err := new(language.Jars).Read(ctx, "/x.jar", bytes.NewReader(file), int64(len(file))); !errors.Is(err,
		context.Canceled) || strings.Contains(err.Error(), "damaged") {
		t.Error(err)
	}
}
