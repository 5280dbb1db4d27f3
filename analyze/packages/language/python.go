package language

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"layup/analyze/packages/record"
)

// IsPython reports whether a path is the metadata of an installed Python distribution: NAME.dist-info/METADATA,
// NAME.egg-info/PKG-INFO or NAME.egg-info.
func IsPython(name string) bool {
	dir, base := path.Split(name)
	switch base {
	case "METADATA":
		return strings.HasSuffix(dir, ".dist-info/")
	case "PKG-INFO":
		return strings.HasSuffix(dir, ".egg-info/") || strings.HasSuffix(dir, "/EGG-INFO/")
	}
	return strings.HasSuffix(base, ".egg-info")
}

// PythonRecord returns where the list of the distribution's files is; empty if it has none.
func PythonRecord(name string) string {
	if dir, ok := strings.CutSuffix(name, "/METADATA"); ok {
		return dir + "/RECORD"
	}
	return ""
}

// Python reads the metadata of a distribution: fields as in mail, up to the first empty line. The distribution owns the
// directory with the metadata, and the files of its record, if there is one.
func Python(name string, text, files []byte) ([]record.Package, error) {
	p := record.Package{Place: name}
	if dir, base := path.Split(name); base == "METADATA" || base == "PKG-INFO" {
		p.Tree = path.Clean(dir)
	} else {
		p.Files = []record.File{{Path: name}}
	}
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		field, value, _ := strings.Cut(string(line), ":")
		switch value = strings.TrimSpace(value); strings.ToLower(field) {
		case "name":
			p.Name = value
		case "version":
			p.Version = value
		case "license-expression":
			p.License = value
		case "license":
			if p.License == "" && len(value) <= record.MostText {
				p.License = value
			}
		}
	}
	if !p.Sound() {
		return nil, fmt.Errorf("%w: no name or no version", record.ErrDamaged)
	}
	listed, err := recorded(path.Dir(p.Tree), files)
	p.Files = append(p.Files, listed...)
	return []record.Package{p}, err
}

// recorded reads a RECORD: path, hash, size. Paths are relative to the directory of the distribution.
func recorded(dir string, text []byte) (list []record.File, err error) {
	rows := csv.NewReader(bytes.NewReader(text))
	rows.FieldsPerRecord, rows.LazyQuotes, rows.ReuseRecord = -1, true, true
	paths := 0
	for {
		row, err := rows.Read()
		if err == io.EOF {
			return list, nil
		}
		if err != nil || len(list) >= record.MostFiles || len(row[0]) > record.MostPath {
			return list, errors.Join(record.ErrDamaged, err)
		}
		if row[0] == "" {
			continue
		}
		f := record.File{Path: path.Join(dir, row[0])}
		if path.IsAbs(row[0]) {
			f.Path = path.Clean(row[0])
		}
		if paths += len(f.Path); paths > record.MostPaths || len(f.Path) > record.MostPath {
			return list, fmt.Errorf("%w: its files have paths that are too long", record.ErrDamaged)
		}
		if len(row) > 1 {
			if digest, ok := strings.CutPrefix(row[1], "sha256="); ok {
				raw, _ := base64.RawURLEncoding.DecodeString(strings.TrimRight(digest, "=")) // an odd digest says nothing
				f.Sum = string(raw)
			}
		}
		list = append(list, f)
	}
}
