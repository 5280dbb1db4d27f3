package extract

import (
	"os"
	"strings"

	"layup/tarfs"
)

// mostOpen bounds how many directories are open at once: a path may have thousands of components.
const mostOpen = 128

// How many directories at the end of a long way are opened one by one: on the way back they are open. Whoever goes only
// upwards needs all of them.
const (
	singly  = 16
	upwards = mostOpen / 2
)

// mostRecent is how many directories at the end of a long way stay open after the climber left: the files of a layer
// may alternate between directories.
const mostRecent = 64

// A folder is an open directory of the target.
type folder struct {
	node tarfs.Node
	root *os.Root // nil after it was closed
	file *os.File // the directory for system calls that os.Root does not make; nil before the first one
	used bool     // the end of a way
}

func (f *folder) close() {
	if f.root != nil {
		f.root.Close() // nothing was written through it
	}
	if f.file != nil {
		f.file.Close()
	}
	f.root, f.file = nil, nil
}

// A climber goes from directory to directory of the target. It opens each in its parent, and follows no symlink
// that leads out.
type climber struct {
	plan   *Plan
	chain  []folder // the target and the directories on the way down
	open   int      // how many of the chain are open
	ahead  int      // singly or upwards
	recent []folder // ends of long ways, open
	oldest int      // of recent, the next to close
	path   []tarfs.Node
}

// to returns the directory that holds a node. It stays open until the next call.
func (c *climber) to(n tarfs.Node) (*folder, error) {
	dir := n.Parent()
	if last := &c.chain[len(c.chain)-1]; last.node == dir && last.root != nil {
		return last, nil
	}
	for i := range c.recent {
		if c.recent[i].node == dir {
			return &c.recent[i], nil
		}
	}
	if err := c.climb(dir); err != nil {
		return nil, err
	}
	last := &c.chain[len(c.chain)-1]
	last.used = true
	return last, nil
}

// climb makes a directory the end of the chain, open.
func (c *climber) climb(dir tarfs.Node) error {
	switch k := len(c.chain); {
	case k > 1 && c.chain[k-1].root != nil && !dir.IsRoot() && c.chain[k-1].node == dir.Parent():
		return c.enter(k, dir)
	case k > 2 && c.chain[k-2].root != nil && c.chain[k-2].node == dir:
		c.pop()
		return nil
	}
	c.path = c.path[:0]
	for at := dir; !at.IsRoot(); at = at.Parent() {
		c.path = append(c.path, at)
	}
	depth := max(0, len(c.path)-c.plan.strip) // stripped directories do not exist
	same := 0
	for same < depth && same+1 < len(c.chain) && c.chain[same+1].node == c.path[depth-1-same] {
		same++
	}
	for len(c.chain) > same+1 {
		c.pop()
	}
	from := same
	for from > 0 && c.chain[from].root == nil {
		from--
	}
	if far := depth - c.ahead; far > from+c.ahead {
		if err := c.jump(from, far, depth); err != nil {
			return err
		}
		if len(c.chain) > far && c.chain[far].root != nil {
			from = far
		}
	}
	for i := from + 1; i <= depth; i++ {
		if err := c.enter(i, c.path[depth-i]); err != nil {
			return err
		}
	}
	return nil
}

// enter opens the directory at a depth. Its parent is open.
func (c *climber) enter(i int, n tarfs.Node) error {
	root, err := c.chain[i-1].root.OpenRoot(n.Name())
	if err != nil {
		return err
	}
	if i == len(c.chain) {
		c.chain = append(c.chain, folder{})
	}
	c.chain[i] = folder{node: n, root: root}
	c.opened(i)
	return nil
}

// opened counts a directory of the chain, and closes another if there are too many.
func (c *climber) opened(i int) {
	if c.open++; c.open <= mostOpen {
		return
	}
	for k := 1; k < i; k++ {
		if c.chain[k].root != nil {
			c.chain[k].close()
			c.open--
			return
		}
	}
}

// jump opens the directory at a depth in that at another, which is open, in one step: many files in directories of
// thousands of components would need millions of steps. Those between are noted as closed. If this system cannot do
// that, it does nothing.
func (c *climber) jump(from, far, depth int) error {
	names := make([]string, 0, far-from)
	for i := from + 1; i <= far; i++ {
		names = append(names, c.path[depth-i].Name())
	}
	root, err := c.chain[from].beneath(strings.Join(names, "/"))
	if root == nil {
		return err
	}
	for i := from + 1; i <= far; i++ {
		if i == len(c.chain) {
			c.chain = append(c.chain, folder{})
		}
		c.chain[i].node = c.path[depth-i]
	}
	c.chain[far].root = root
	c.opened(far)
	return nil
}

func (c *climber) pop() {
	last := &c.chain[len(c.chain)-1]
	if last.root != nil {
		c.open--
	}
	if last.root != nil && last.used && len(c.chain) > singly {
		c.keep(*last)
	} else {
		last.close()
	}
	c.chain = c.chain[:len(c.chain)-1]
}

// keep keeps an open directory that is no longer in the chain.
func (c *climber) keep(f folder) {
	if len(c.recent) < mostRecent {
		c.recent = append(c.recent, f)
		return
	}
	c.recent[c.oldest].close()
	c.recent[c.oldest] = f
	c.oldest = (c.oldest + 1) % mostRecent
}

// close closes everything except the target itself.
func (c *climber) close() {
	for i := range c.recent {
		c.recent[i].close()
	}
	c.recent, c.oldest = nil, 0
	for len(c.chain) > 1 {
		c.pop()
	}
	if top := &c.chain[0]; top.file != nil {
		top.file.Close()
		top.file = nil
	}
}
