package render

import (
	"fmt"
	"slices"
	"strings"
	"text/template/parse"
)

// fieldNames are the names that an item may have, as JSON spells them.
func fieldNames(s Section, many bool) []string {
	var names []string
	if many {
		names = append(names, "source", "image")
	}
	for _, f := range s.Fields {
		names = append(names, f.Name)
		if other := f.Kind.besides(); other != "" {
			names = append(names, f.Name+other)
		}
	}
	return names
}

// capital is a name with its first letter as Go and docker spell it.
func capital(name string) string {
	if name == "" {
		return ""
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// A fieldCheck walks through a template and compares the fields that it asks of an item with those that there are.
type fieldCheck struct {
	program *program
	names   []string
	seen    map[string]bool // templates called with an item
	unknown string
}

// check returns an error for a field that no item has. It does not look at what a template does with other values.
func (p *program) check(names []string) error {
	c := &fieldCheck{program: p, names: names, seen: map[string]bool{}}
	c.list(p.text.Root, true, true)
	if c.unknown == "" {
		return nil
	}
	return fmt.Errorf("template: unknown field %q; the fields are %s", c.unknown, strings.Join(names, ", "))
}

func (c *fieldCheck) name(name string) {
	known := slices.ContainsFunc(c.names, func(n string) bool { return n == name || capital(n) == name })
	if !known && c.unknown == "" {
		c.unknown = name
	}
}

// list looks at nodes; dot and dollar say whether . and $ are the item there.
func (c *fieldCheck) list(list *parse.ListNode, dot, dollar bool) {
	if list == nil {
		return
	}
	for _, node := range list.Nodes {
		switch n := node.(type) {
		case *parse.ActionNode:
			c.pipe(n.Pipe, dot, dollar)
		case *parse.TemplateNode:
			c.called(n, dot, dollar)
		}
		if b := branchOf(node); b != nil {
			c.pipe(b.Pipe, dot, dollar)
			within := b.NodeType == parse.NodeIf && dot || b.NodeType == parse.NodeWith && isItem(b.Pipe, dot, dollar)
			c.list(b.List, within, dollar)
			c.list(b.ElseList, dot, dollar)
		}
	}
}

// called looks into a template that is given the item.
func (c *fieldCheck) called(n *parse.TemplateNode, dot, dollar bool) {
	c.pipe(n.Pipe, dot, dollar)
	t := c.program.text.Lookup(n.Name)
	if t == nil || t.Tree == nil || c.seen[n.Name] || !isItem(n.Pipe, dot, dollar) {
		return
	}
	c.seen[n.Name] = true
	c.list(t.Root, true, true)
}

func (c *fieldCheck) pipe(pipe *parse.PipeNode, dot, dollar bool) {
	if pipe == nil {
		return
	}
	for _, cmd := range pipe.Cmds {
		for _, arg := range cmd.Args {
			switch n := arg.(type) {
			case *parse.FieldNode:
				if dot {
					c.name(n.Ident[0])
				}
			case *parse.VariableNode:
				if dollar && n.Ident[0] == "$" && len(n.Ident) > 1 {
					c.name(n.Ident[1])
				}
			case *parse.PipeNode:
				c.pipe(n, dot, dollar)
			}
		}
	}
}

// isItem reports whether a pipeline is . or $ and that is the item.
func isItem(pipe *parse.PipeNode, dot, dollar bool) bool {
	if pipe == nil || len(pipe.Cmds) != 1 || len(pipe.Cmds[0].Args) != 1 {
		return false
	}
	switch n := pipe.Cmds[0].Args[0].(type) {
	case *parse.DotNode:
		return dot
	case *parse.VariableNode:
		return dollar && len(n.Ident) == 1 && n.Ident[0] == "$"
	}
	return false
}
