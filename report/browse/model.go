package browse

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"layup/analyze"
	"layup/analyze/packages"
	"layup/analyze/show"
	"layup/analyze/space"
	"layup/tarfs"
)

// A browser is the state of the screen. Update changes it, View draws it, and neither reads the image: what may take
// long is a command, which sends a message when it is done.
type browser struct {
	ctx        context.Context
	image      *analyze.Image // the only one, or B
	difference *analyze.Comparison
	layers     []layer

	width, height int
	inLayers      bool // the keys move in the layers, not in the tree
	layer         cursor
	tree          forest
	at            cursor         // in the rows of the tree
	next          *draft         // whose rows are being made; nil if none is
	stages        map[int]*stage // of all layers, and of the one that is shown

	packages known // nil until they are read

	found  *finding // what a search found, in place of the tree
	page   *page    // a text over the whole screen: a file, the help
	prompt *prompt  // a question in the last line
	note   string   // the last line
}

// A layer is a row of the list on the left.
type layer struct {
	name        string // its number, or what it is of two images
	size        int64
	hidden      int64
	instruction string
	stage       int // the layer after which the tree is shown; analyze.Last for all
}

// A cursor is the selected row of a list, and the first row on the screen.
type cursor struct{ row, top int }

// move selects a row, and scrolls so that it is among height rows on the screen.
func (c *cursor) move(row, rows, height int) {
	c.row = max(0, min(row, rows-1))
	c.top = max(0, min(c.top, c.row))
	if c.row >= c.top+height {
		c.top = c.row - height + 1
	}
}

// newBrowser shows one image.
func newBrowser(ctx context.Context, img *analyze.Image) *browser {
	b := &browser{ctx: ctx, image: img, stages: map[int]*stage{}}
	b.layers = []layer{{name: "all", instruction: "the image", stage: analyze.Last}}
	for _, l := range img.LayerFacts() {
		b.layers[0].size += max(l.Unpacked, 0)
		b.layers[0].hidden += l.HiddenBytes
		b.layers = append(b.layers, layer{fmt.Sprint(l.Index), max(l.Unpacked, l.Size), l.HiddenBytes,
			l.Instruction.Short(), l.Index})
	}
	return b.begin()
}

// newDifference shows what differs between two images.
func newDifference(ctx context.Context, c *analyze.Comparison) *browser {
	b := &browser{ctx: ctx, image: c.B.Image, difference: c, stages: map[int]*stage{}}
	for _, m := range c.Layers {
		side, n := c.B, m.B
		if m.B == tarfs.NoLayer {
			side, n = c.A, m.A
		}
		b.layers = append(b.layers, layer{fmt.Sprintf("%s %d", m.Status, n), side.Image.Layers[n].Size, 0,
			side.Image.Instruction(n).Short(), analyze.Last})
	}
	return b.begin()
}

// begin shows the root.
func (b *browser) begin() *browser {
	b.tree.stage = b.stage(analyze.Last)
	b.tree.grow(onlyRoot, nil)
	return b
}

// stage is the tree after a layer.
func (b *browser) stage(n int) *stage {
	// Sizes and marks need as much memory as the tree has nodes: those of other layers go.
	maps.DeleteFunc(b.stages, func(k int, _ *stage) bool { return k != n && k != analyze.Last })
	s := b.stages[n]
	if s == nil {
		s = &stage{after: b.image.After(n)}
		switch {
		case b.difference != nil:
			s.before = b.difference.A
		case n != analyze.Last:
			s.before = b.image.After(n - 1)
		}
		b.stages[n] = s
	}
	return s
}

// A draft is a forest that a key changed, and what is to become of its rows.
type draft struct {
	forest
	open   opening
	reveal *tarfs.Node // what to select; nil keeps the selection if it is still there
}

// draft is what is shown, or will be soon: for a key to change.
func (b *browser) draft() draft {
	if b.next != nil {
		return *b.next
	}
	return draft{forest: b.tree}
}

// A crop is the rows of a draft.
type crop struct {
	of   *draft
	rows []row
}

// regrow makes the rows of a draft and shows them when they are there: a million rows take long.
func (b *browser) regrow(next draft) tea.Cmd {
	b.next = &next
	of, old, fixed := &next, b.tree.rows, *next.stage
	return func() tea.Msg {
		made := of.forest
		made.stage = &fixed // sizes and marks may come meanwhile
		made.grow(of.open, old)
		return crop{of, made.rows}
	}
}

// take shows the rows of the last draft.
func (b *browser) take(c crop) tea.Cmd {
	if c.of != b.next {
		return nil
	}
	selected := b.tree.rows[b.at.row].place
	b.tree, b.next = c.of.forest, nil
	b.tree.rows = c.rows
	at := slices.IndexFunc(c.rows, func(r row) bool { return r.place == selected })
	if c.of.reveal != nil {
		at = max(at, b.tree.find(*c.of.reveal))
	}
	b.at.move(max(at, 0), len(b.tree.rows), b.paneHeight())
	return b.compute()
}

// Init adds up the sizes of the first stage, then reads the packages.
func (b *browser) Init() tea.Cmd {
	first := b.compute()
	return func() tea.Msg { return began{first(), b.readPackages} }
}

// began is what is known first, and what to find out then.
type began struct {
	known tea.Msg
	then  tea.Cmd
}

// known are the packages of the images.
type known map[*analyze.Image]*packages.Set

// readPackages reads the packages. What cannot be read of them is not shown: layup packages says it.
func (b *browser) readPackages() tea.Msg {
	sets := known{}
	images := []*analyze.Image{b.image}
	if b.difference != nil {
		images = append(images, b.difference.A.Image)
	}
	for _, img := range images {
		if set, err := packages.Read(b.ctx, img); err == nil {
			sets[img] = set
		}
	}
	return sets
}

// computed are the sizes and marks of a stage.
type computed struct {
	stage *stage
	sizes *space.Directories
	marks *marks
}

// compute adds up what the stage does not know yet.
func (b *browser) compute() tea.Cmd {
	s, difference := b.tree.stage, b.difference
	if s.sizes != nil {
		return nil
	}
	return func() tea.Msg {
		done := computed{stage: s, sizes: space.Visible(s.after.Image.Tree(), s.after.View(), nil)}
		switch {
		case difference != nil:
			done.marks = s.markImages(difference)
		case s.compared():
			done.marks = s.markLayer()
		}
		return done
	}
}

// Update takes a message.
func (b *browser) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		b.width, b.height = msg.Width, msg.Height
		b.selectRow(b.at.row)
		b.layer.move(b.layer.row, len(b.layers), b.paneHeight())
	case computed:
		msg.stage.sizes, msg.stage.marks = msg.sizes, msg.marks
		if next := b.draft(); msg.stage == next.stage && (next.bySize || next.filter != 0) {
			return b, b.regrow(next)
		}
	case began:
		_, cmd := b.Update(msg.known)
		return b, tea.Batch(cmd, msg.then)
	case known:
		b.packages = msg
	case crop:
		return b, b.take(msg)
	case *finding:
		b.found, b.note = msg, msg.summary()
	case *page:
		b.page, b.note = msg, ""
	case told:
		b.note = string(msg)
	case tea.MouseWheelMsg:
		b.scroll(map[tea.MouseButton]int{tea.MouseWheelUp: -3, tea.MouseWheelDown: 3}[msg.Button])
	case tea.MouseClickMsg:
		return b, b.click(msg.X, msg.Y)
	case tea.PasteMsg:
		if b.prompt != nil {
			b.prompt.text += msg.Content
		}
	case tea.KeyPressMsg:
		return b, b.press(msg)
	}
	return b, nil
}

// told is a line for the user.
type told string

// press does what a key says.
func (b *browser) press(msg tea.KeyPressMsg) tea.Cmd {
	key := msg.String()
	if key == "ctrl+c" {
		return tea.Quit
	}
	b.note = ""
	switch {
	case b.prompt != nil:
		return b.answer(key, msg.Text)
	case b.page != nil:
		b.turn(key)
		return nil
	}
	for _, k := range keys() {
		if slices.Contains(k.keys, key) {
			return k.do(b)
		}
	}
	return nil
}

// click selects the row under the mouse; a second click opens it.
func (b *browser) click(x, y int) tea.Cmd {
	row := y - 1 - headers
	if b.page != nil || b.prompt != nil || row < 0 || row >= b.paneHeight() {
		return nil
	}
	if b.inLayers = x < b.layersWidth(); b.inLayers {
		return b.selectLayer(b.layer.top+row, b.draft())
	}
	if at := b.cursor().top + row; at == b.cursor().row {
		return b.enter()
	} else if at < b.listed() {
		b.selectRow(at)
	}
	return nil
}

// cursor is that of the right side.
func (b *browser) cursor() *cursor {
	if b.found != nil {
		return &b.found.at
	}
	return &b.at
}

// listed is how many rows the right side has.
func (b *browser) listed() int {
	if b.found != nil {
		return len(b.found.hits)
	}
	return len(b.tree.rows)
}

// selectRow selects a row of the right side.
func (b *browser) selectRow(row int) { b.cursor().move(row, b.listed(), b.paneHeight()) }

// selectLayer selects a layer, and shows a draft after it.
func (b *browser) selectLayer(row int, next draft) tea.Cmd {
	b.layer.move(row, len(b.layers), b.paneHeight())
	if len(b.layers) == 0 || b.difference != nil {
		return nil
	}
	b.found, next.stage = nil, b.stage(b.layers[b.layer.row].stage)
	return b.regrow(next)
}

// scroll moves the selection by some rows.
func (b *browser) scroll(rows int) tea.Cmd {
	switch {
	case b.page != nil:
		b.page.top = b.page.limited(b.page.top+rows, b.height)
	case b.inLayers:
		return b.selectLayer(b.layer.row+rows, b.draft())
	default:
		b.selectRow(b.cursor().row + rows)
	}
	return nil
}

// selected is what the row shows, and what became of it.
func (b *browser) selected() (tarfs.Version, state) {
	if b.found != nil {
		if len(b.found.hits) == 0 {
			return tarfs.Version{}, absent
		}
		h := b.found.hits[b.found.at.row]
		if h.Status == analyze.Live {
			return h.Version, visible
		}
		return h.Version, hidden
	}
	return b.tree.shown(b.tree.rows[b.at.row].place)
}

// A finding is what a search found.
type finding struct {
	text string
	hits []analyze.Hit
	more bool
	at   cursor
	err  error
}

// mostFound is how many hits a search lists: more cannot be read.
const mostFound = 10_000

func (f *finding) summary() string {
	switch {
	case f.err != nil:
		return f.err.Error()
	case len(f.hits) == 0:
		return fmt.Sprintf("nothing matches %q in any layer", f.text)
	case f.more:
		return fmt.Sprintf("the first %d that match %q; enter shows one in the tree, esc leaves", len(f.hits), f.text)
	}
	return fmt.Sprintf("%s of %q; enter shows one in the tree, esc leaves", show.Count(len(f.hits), "version"), f.text)
}

// glob is the pattern for a text that somebody looks for.
func glob(text string) string {
	if strings.ContainsAny(text, "*?[{") {
		return text
	}
	if strings.Contains(text, "/") {
		return "**" + text + "*"
	}
	return "*" + text + "*"
}
