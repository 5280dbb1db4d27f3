package browse

import (
	"iter"
	"strings"

	tea "charm.land/bubbletea/v2"

	"layup/analyze"
	"layup/analyze/filter"
	"layup/tarfs"
)

// A key is a row of the help.
type key struct {
	keys  []string
	names string // as the help shows them
	about string
	do    func(*browser) tea.Cmd
}

func by(rows int) func(*browser) tea.Cmd {
	return func(b *browser) tea.Cmd { return b.scroll(rows) }
}

// pages moves by screens.
func pages(n int) func(*browser) tea.Cmd {
	return func(b *browser) tea.Cmd { return b.scroll(n * b.paneHeight()) }
}

// far is more rows than any list has.
const far = 1 << 30

// keys are all keys, in the order of the help. Those of dive are among them.
func keys() []key {
	return []key{
		{[]string{"up", "k"}, "↑ k", "one row up", by(-1)},
		{[]string{"down", "j"}, "↓ j", "one row down", by(1)},
		{[]string{"pgup", "u", "ctrl+b"}, "page up, u", "one screen up", pages(-1)},
		{[]string{"pgdown", "ctrl+f"}, "page down", "one screen down", pages(1)},
		{[]string{"home", "g"}, "home g", "the first row", by(-far)},
		{[]string{"end", "G"}, "end G", "the last row", by(far)},
		{[]string{"tab", "shift+tab"}, "tab", "layers or tree", (*browser).switchSide},
		{[]string{"right", "l"}, "→ l", "open a directory", (*browser).right},
		{[]string{"left", "h"}, "← h", "close a directory, or go to the one above", (*browser).left},
		{[]string{"enter"}, "enter", "open a directory, read a file", (*browser).enter},
		{[]string{"space"}, "space", "open or close a directory", (*browser).fold},
		{[]string{"E"}, "E", "open every directory", opened(all)},
		{[]string{"C", "ctrl+space", "ctrl+@"}, "C ctrl-space", "close every directory", opened(onlyRoot)},
		{[]string{"/"}, "/", "find a name in all layers, live or hidden", (*browser).find},
		{[]string{"esc"}, "esc", "leave what was found, or a filter", (*browser).leave},
		{[]string{"a", "ctrl+a"}, "a ctrl-a", "only what the layer added", filtered(added)},
		{[]string{"m"}, "m", "only what it modified", filtered(modified)},
		{[]string{"d", "ctrl+r"}, "d ctrl-r", "only what it deleted", filtered(deleted)},
		{[]string{"ctrl+u"}, "ctrl-u", "only what it changed", filtered(changes)},
		{[]string{"H"}, "H", "also what older layers had and is hidden", (*browser).showOld},
		{[]string{"s", "ctrl+o"}, "s ctrl-o", "sort by size or by name", (*browser).order},
		{[]string{"o"}, "o", "select the layer that owns the path", (*browser).owner},
		{[]string{"v"}, "v", "read the file", (*browser).read},
		{[]string{"i"}, "i", "all that is known of the path", (*browser).explain},
		{[]string{"e", "ctrl+e"}, "e ctrl-e", "extract the path into a new directory", (*browser).extract},
		{[]string{"y"}, "y", "copy the path to the clipboard", (*browser).yank},
		{[]string{"?"}, "?", "this help", (*browser).help},
		{[]string{"q"}, "q ctrl-c", "quit", func(*browser) tea.Cmd { return tea.Quit }},
	}
}

// filtered turns a filter of the tree on or off.
func filtered(bits mark) func(*browser) tea.Cmd {
	return func(b *browser) tea.Cmd {
		next := b.draft()
		if !next.compared() {
			b.note = "select a layer on the left first: all layers together changed nothing"
			return nil
		}
		next.filter ^= bits
		return b.regrow(next)
	}
}

func (b *browser) switchSide() tea.Cmd {
	b.inLayers = !b.inLayers
	return nil
}

// enter opens or closes a directory, shows a file or a hit, or goes from the layers to the tree.
func (b *browser) enter() tea.Cmd {
	switch {
	case b.inLayers:
		return b.switchSide()
	case b.found != nil:
		return b.showHit()
	}
	if v, _ := b.selected(); v.Type() != tarfs.Dir {
		return b.read()
	}
	return b.fold()
}

// fold opens or closes a directory.
func (b *browser) fold() tea.Cmd {
	if !b.inLayers && b.found == nil {
		b.toggle()
	}
	return nil
}

// toggle opens or closes the selected directory, unless all rows are being made anew.
func (b *browser) toggle() {
	if b.next == nil {
		b.tree.toggle(b.at.row)
	}
}

// right opens a directory, or goes to its first row.
func (b *browser) right() tea.Cmd {
	switch {
	case b.inLayers:
		return b.switchSide()
	case b.found != nil:
		return nil
	}
	if r := b.tree.rows[b.at.row]; r.open {
		b.selectRow(b.at.row + 1)
	} else if v, _ := b.selected(); v.Type() == tarfs.Dir {
		b.toggle()
	}
	return nil
}

// left closes a directory, or goes to the one above.
func (b *browser) left() tea.Cmd {
	switch {
	case b.inLayers:
		return nil
	case b.found != nil:
		b.found = nil
		return nil
	}
	if i := b.at.row; b.tree.rows[i].open && i > 0 {
		b.toggle()
	} else if i == 0 {
		return b.switchSide()
	} else {
		b.selectRow(b.tree.parent(i))
	}
	return nil
}

// opened opens or closes every directory.
func opened(how opening) func(*browser) tea.Cmd {
	return func(b *browser) tea.Cmd {
		next := b.draft()
		next.open = how
		return b.regrow(next)
	}
}

// showOld shows or leaves out what is hidden.
func (b *browser) showOld() tea.Cmd {
	next := b.draft()
	next.old = !next.old
	return b.regrow(next)
}

func (b *browser) order() tea.Cmd {
	next := b.draft()
	next.bySize = !next.bySize
	return b.regrow(next)
}

// owner selects the layer that wrote what is selected.
func (b *browser) owner() tea.Cmd {
	v, _ := b.selected()
	if b.difference != nil || v.Layer() == tarfs.NoLayer {
		b.note = "no layer of the list owns it"
		return nil
	}
	next, node := b.draft(), v.Node()
	next.reveal = &node
	return b.selectLayer(v.Layer()+1, next)
}

// showHit shows what a search found in the tree: of all layers if it is live, else of the layer that wrote it.
func (b *browser) showHit() tea.Cmd {
	if len(b.found.hits) == 0 {
		return nil
	}
	h := b.found.hits[b.found.at.row]
	b.found = nil
	next, node := b.draft(), h.Version.Node()
	next.filter, next.reveal = 0, &node
	switch {
	case b.difference != nil:
		next.old = next.old || h.Status != analyze.Live
		return b.regrow(next)
	case h.Status == analyze.Live:
		return b.selectLayer(0, next)
	}
	return b.selectLayer(1+h.Version.Layer(), next)
}

// find asks for a text and searches for it in all layers.
func (b *browser) find() tea.Cmd {
	b.prompt = &prompt{label: "find: ", do: func(text string) tea.Cmd {
		if text == "" {
			return nil
		}
		return func() tea.Msg { return b.search(text) }
	}}
	return nil
}

// search looks for a text in all layers; of two images also in what only A ever had.
func (b *browser) search(text string) *finding {
	f := &finding{text: text}
	p, err := filter.Glob(glob(text), true)
	if f.err = err; err != nil {
		return f
	}
	wanted := filter.Match(filter.Patterns{p})
	f.take(b.image.Find(false, wanted))
	if b.difference != nil {
		f.take(b.difference.A.Image.Find(false, func(h analyze.Hit) bool {
			_, inB := b.image.Tree().Lookup(h.Version.Node().Path())
			return !inB && wanted(h)
		}))
	}
	return f
}

// take adds hits, as many as a search lists.
func (f *finding) take(hits iter.Seq[analyze.Hit]) {
	for h := range hits {
		if f.more = len(f.hits) == mostFound; f.more {
			return
		}
		f.hits = append(f.hits, h)
	}
}

// leave goes back from what a search found, or from a filter.
func (b *browser) leave() tea.Cmd {
	if b.found != nil {
		b.found = nil
		return nil
	}
	if next := b.draft(); next.filter != 0 {
		next.filter = 0
		return b.regrow(next)
	}
	return nil
}

// yank copies the path to the terminal's clipboard.
func (b *browser) yank() tea.Cmd {
	v, state := b.selected()
	if state == absent {
		return nil
	}
	b.note = "copied, if the terminal takes OSC 52"
	return tea.SetClipboard(v.Node().Path())
}

// A prompt is a question in the last line.
type prompt struct {
	label, text string
	do          func(text string) tea.Cmd
}

// answer edits the answer to the prompt.
func (b *browser) answer(key, text string) tea.Cmd {
	p := b.prompt
	switch key {
	case "esc":
		b.prompt = nil
	case "enter":
		b.prompt = nil
		return p.do(p.text)
	case "backspace":
		r := []rune(p.text)
		p.text = string(r[:max(0, len(r)-1)])
	case "ctrl+u":
		p.text = ""
	default:
		p.text += strings.ToValidUTF8(text, "")
	}
	return nil
}
