package render

import (
	"strings"
	"text/template/parse"

	template "github.com/DataDog/datadog-agent/pkg/template/text"
)

// prepare makes each round of a loop call the meter. If escapes is set, it makes \t and \n in the text of a template a
// tab and a line feed, as docker's list commands do. Within actions they are Go's own.
func prepare(list *parse.ListNode, escapes bool) {
	if list == nil {
		return
	}
	for _, node := range list.Nodes {
		if text, ok := node.(*parse.TextNode); ok && escapes {
			text.Text = []byte(unescape(string(text.Text)))
		}
		b := branchOf(node)
		if b == nil {
			continue
		}
		prepare(b.List, escapes)
		prepare(b.ElseList, escapes)
		if b.NodeType == parse.NodeRange && !writes(b.List) {
			b.List.Nodes = append([]parse.Node{call("meterRound")}, b.List.Nodes...)
		}
	}
}

// branchOf is the part that if, with and range have in common, or nil.
func branchOf(node parse.Node) *parse.BranchNode {
	switch n := node.(type) {
	case *parse.IfNode:
		return &n.BranchNode
	case *parse.WithNode:
		return &n.BranchNode
	case *parse.RangeNode:
		return &n.BranchNode
	}
	return nil
}

// unescape makes \t and \n a tab and a line feed.
func unescape(text string) string { return strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(text) }

// instrument makes a template and those that it defines ask the meter wherever they could run without end.
func instrument(text *template.Template, source string, escapes bool) {
	calls := strings.Contains(source, "template") || strings.Contains(source, "block")
	for _, t := range text.Templates() {
		if t.Tree == nil || t.Root == nil {
			continue
		}
		prepare(t.Root, escapes)
		if calls {
			t.Root.Nodes = surround(t.Root.Nodes)
		}
	}
}

// writes reports whether a loop's body begins by writing, so that the limited writer calls the meter.
func writes(list *parse.ListNode) bool {
	if len(list.Nodes) == 0 {
		return false
	}
	switch n := list.Nodes[0].(type) {
	case *parse.TextNode:
		return true
	case *parse.ActionNode:
		return len(n.Pipe.Decl) == 0
	}
	return false
}

// surround makes a template count how deep calls are.
func surround(nodes []parse.Node) []parse.Node {
	return append(append([]parse.Node{call("meterEnter")}, nodes...), call("meterLeave"))
}

// call is the action that calls a function of the meter.
func call(function string) parse.Node {
	t := template.Must(template.New("").Funcs((&meter{}).functions()).Parse("{{" + function + "}}"))
	return t.Root.Nodes[0]
}

// titles are the headers of "table TEMPLATE": for each action the field that it shows, with the text between as it is.
func (r *run) titles() []string {
	var b strings.Builder
	r.title(&b, r.text.Root)
	line, _, _ := strings.Cut(b.String(), "\n")
	return strings.Split(line, "\t")
}

// title writes the header of a list of nodes, and reports whether a field is in it.
func (r *run) title(b *strings.Builder, list *parse.ListNode) bool {
	found := false
	for _, node := range list.Nodes {
		switch n := node.(type) {
		case *parse.TextNode:
			b.Write(n.Text)
		case *parse.ActionNode:
			if len(n.Pipe.Decl) == 0 {
				h := fieldOf(n.Pipe)
				b.WriteString(h)
				found = found || h != ""
			}
		case *parse.IfNode:
			found = r.title(b, n.List) || found
		case *parse.WithNode, *parse.RangeNode:
			found = r.titleWithin(b, branchOf(node)) || found
		}
	}
	return found
}

// titleWithin heads a block about another value: with the fields that it shows, else with the value's own field.
func (r *run) titleWithin(b *strings.Builder, block *parse.BranchNode) bool {
	var within strings.Builder
	if r.title(&within, block.List) {
		b.WriteString(within.String())
		return within.Len() > 0
	}
	text := fieldOf(block.Pipe)
	b.WriteString(text)
	return text != ""
}

// fieldOf is the header of the first field that a pipeline names.
func fieldOf(pipe *parse.PipeNode) string {
	for _, cmd := range pipe.Cmds {
		for _, arg := range cmd.Args {
			switch n := arg.(type) {
			case *parse.FieldNode:
				return inWords(n.Ident[len(n.Ident)-1])
			case *parse.VariableNode:
				if len(n.Ident) > 1 {
					return inWords(n.Ident[len(n.Ident)-1])
				}
			case *parse.PipeNode:
				if h := fieldOf(n); h != "" {
					return h
				}
			}
		}
	}
	return ""
}

// inWords turns createdBy into CREATED BY.
func inWords(name string) string {
	var b strings.Builder
	for i := range len(name) {
		upper := name[i] >= 'A' && name[i] <= 'Z'
		if upper && i > 0 && (name[i-1] < 'A' || name[i-1] > 'Z') {
			b.WriteByte(' ')
		}
		b.WriteByte(name[i])
	}
	return strings.ToUpper(b.String())
}
