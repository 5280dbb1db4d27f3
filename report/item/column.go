package item

import (
	"layup/analyze"
	"layup/analyze/provenance"
	"layup/analyze/show"
	"layup/report/render"
)

// At returns the index of a field, which must exist.
func At(fields []render.Field, name string) int {
	for i, f := range fields {
		if f.Name == name {
			return i
		}
	}
	panic("no field " + name)
}

// Column shows a field, by default as it is; numbers are aligned right.
func Column(fields []render.Field, title, name string, shown ...func(render.Value) string) render.Column {
	i, show := At(fields, name), render.Value.String
	for _, show = range shown {
	}
	cell := func(row []render.Value) string { return show(row[i]) }
	return render.Column{Title: title, Right: fields[i].Kind == render.Int, Cell: cell}
}

// PathColumn shows the path, and where a symlink points. A narrow terminal leaves out others first.
func PathColumn(fields []render.Field) render.Column {
	path, link := At(fields, "path"), At(fields, "link")
	return render.Column{Title: "PATH", Cut: true, Path: true, Cell: func(row []render.Value) string {
		if row[link].Absent() {
			return row[path].String()
		}
		name, to := row[path].String(), row[link].String()
		if show.Safe(name) == name {
			to = show.Safe(to) // so that a name stays plain beside an odd target
		}
		return name + " -> " + to
	}}
}

// InstructionColumn shows what made a layer; the last column, cut to the terminal.
func InstructionColumn(fields []render.Field) render.Column {
	i, dockerfile := At(fields, "instruction"), At(fields, LineField[0].Name)
	cell := func(row []render.Value) string {
		line, _ := row[dockerfile].Object().(*provenance.Line)
		return analyze.Instruction{Readable: row[i].String(), Line: line}.Short()
	}
	return render.Column{Title: "INSTRUCTION", Cut: true, Cell: cell}
}

// DigestColumn shows the digest of a file's content.
func DigestColumn(fields []render.Field) render.Column {
	c := Column(fields, "SHA256", "sha256")
	c.Hex = true
	return c
}

// ModeColumn shows type and permissions as ls does.
func ModeColumn(fields []render.Field) render.Column {
	kind, mode := At(fields, "type"), At(fields, "mode")
	return render.Column{Title: "MODE", Cell: func(row []render.Value) string {
		if row[mode].Absent() {
			return "-"
		}
		return show.Mode(row[kind].String(), row[mode].String())
	}}
}

// IDsColumn shows the owner's and the group's number.
func IDsColumn(fields []render.Field) render.Column {
	uid, gid := At(fields, "uid"), At(fields, "gid")
	return render.Column{Title: "UID:GID", Cell: func(row []render.Value) string {
		if row[uid].Absent() {
			return "-"
		}
		return row[uid].String() + ":" + row[gid].String()
	}}
}

// Spare lets a column be left out on a narrow terminal.
func Spare(c render.Column) render.Column {
	c.Spare = true
	return c
}
