package render

import (
	"bufio"
	"bytes"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// writeSmall writes a table of few rows by way of tablewriter, in the plain style of the streamed ones: no lines, two
// spaces between columns, nothing wrapped or reformatted.
func (sh *sheet) writeSmall(w *bufio.Writer, rows [][]string) error {
	l := sh.lay(rows)
	var drawn bytes.Buffer
	table := newPlainTable(&drawn, sh.right)
	table.Header(l.shortened(sh.titles))
	for _, row := range rows {
		if err := table.Append(l.shortened(row)); err != nil {
			return err
		}
	}
	if err := table.Render(); err != nil {
		return err
	}
	for i := 0; drawn.Len() > 0; i++ {
		line, _ := drawn.ReadBytes('\n')
		l.buf = bytes.TrimRight(line, " \n")
		if err := l.flush(w, l.bold && i == 0); err != nil {
			return err
		}
	}
	return nil
}

// shortened is a row of as many cells as the table has columns, each cut to its column's limit.
func (l *lineWriter) shortened(row []string) []string {
	cells := make([]string, len(l.titles))
	for i := range cells {
		if i < len(row) {
			cells[i], _ = l.shorten(i, row[i])
		}
	}
	return cells
}

func newPlainTable(w *bytes.Buffer, right []bool) *tablewriter.Table {
	align := make([]tw.Align, len(right))
	gaps := make([]tw.Padding, len(right))
	for i, r := range right {
		align[i] = tw.AlignLeft
		if r {
			align[i] = tw.AlignRight
		}
		gaps[i] = tw.Padding{Right: gap, Overwrite: true}
	}
	cell := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone, AutoFormat: tw.Off},
		Alignment:  tw.CellAlignment{PerColumn: align},
		Padding:    tw.CellPadding{PerColumn: gaps, Global: tw.PaddingNone},
	}
	return tablewriter.NewTable(w,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{Borders: tw.BorderNone, Settings: tw.Settings{Lines: tw.LinesNone, Separators: tw.SeparatorsNone}})),
		tablewriter.WithHeaderConfig(cell),
		tablewriter.WithRowConfig(cell),
		tablewriter.WithTrimSpace(tw.Off),
		tablewriter.WithEastAsian(tw.Off), // the same widths in every environment
	)
}
