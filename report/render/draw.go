package render

import (
	"bufio"
	"bytes"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// draw writes a whole table with tablewriter, in the plain style of the streamed ones: no lines, two spaces between
// columns, nothing reformatted. Only the cuts and the further lines for a narrow terminal are made here.
func (l *lineWriter) draw(w *bufio.Writer, rows [][]string) error {
	var drawn bytes.Buffer
	table := newPlainTable(&drawn, l.columns)
	table.Header(l.shortTitles())
	styles := []string{headerStyle}
	for _, row := range rows {
		parts := l.parts(row)
		if parts == nil {
			parts = [][]string{row}
		}
		for _, part := range parts {
			styles = append(styles, l.style(row))
			if err := table.Append(l.shortened(part)); err != nil {
				return err
			}
		}
	}
	if err := table.Render(); err != nil {
		return err
	}
	for line := range bytes.Lines(drawn.Bytes()) {
		style := ""
		if len(styles) > 0 {
			style, styles = styles[0], styles[1:]
		}
		l.writeLine(w, bytes.TrimSuffix(line, []byte("\n")), style)
	}
	return nil
}

// shortTitles are the titles, each cut at its end.
func (l *lineWriter) shortTitles() []string {
	titles := l.titles()
	for i, title := range titles {
		if l.most[i] > 0 {
			titles[i] = cutTo(title, l.most[i])
		}
	}
	return titles
}

// shortened is a row of as many cells as the table has columns, each cut to its column's limit.
func (l *lineWriter) shortened(row []string) []string {
	cells := make([]string, len(l.columns))
	for i := range min(len(row), len(cells)) {
		cells[i], _ = l.shorten(i, row[i])
	}
	return cells
}

func newPlainTable(w *bytes.Buffer, columns []Column) *tablewriter.Table {
	align := make([]tw.Align, len(columns))
	gaps := make([]tw.Padding, len(columns))
	for i, c := range columns {
		align[i] = tw.AlignLeft
		if c.Right {
			align[i] = tw.AlignRight
		}
		gaps[i] = tw.Padding{Right: gap, Overwrite: true}
	}
	cell := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone, AutoFormat: tw.Off},
		Alignment:  tw.CellAlignment{PerColumn: align},
		Padding:    tw.CellPadding{PerColumn: gaps, Global: tw.PaddingNone},
	}
	plain := tw.Settings{Lines: tw.LinesNone, Separators: tw.SeparatorsNone}
	return tablewriter.NewTable(w,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{Borders: tw.BorderNone, Settings: plain})),
		tablewriter.WithHeaderConfig(cell),
		tablewriter.WithRowConfig(cell),
		tablewriter.WithTrimSpace(tw.Off),
		tablewriter.WithEastAsian(tw.Off), // the widths do not depend on the environment
	)
}
