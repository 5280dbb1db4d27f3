package pattern

import (
	"encoding/binary"
	"math"
	"regexp/syntax"
	"slices"
	"unicode"
	"unicode/utf8"
)

// An automaton runs a regular expression over a text and says whether it may match. It never misses a match, but
// boundaries of words and beginnings of lines count as there, so only the expression itself proves one. It makes its
// states as it needs them. One goroutine uses it.
type automaton struct {
	prog   *syntax.Prog
	loop   bool // a match may begin anywhere
	sets   []runes
	set    []uint16   // of each instruction: its index in sets
	text   [256]uint8 // the class of each byte; other is the class of every rune that is not ASCII
	strand [256]uint8 // the class of each byte in content that is not text: what is not printable ends a line
	sample []byte     // a byte of each class, except the last two
	other  uint8      // the class before the last; the last is the end of the text

	next   []int32 // by state and class: the number of the state that follows, times width; below zero if it accepts
	width  int32   // classes
	states []state
	known  map[string]int32
	work   int // steps of the expression's instructions since the automaton was made

	visited []uint32 // by instruction: the pass that last saw it
	pass    uint32
	stack   []uint32
	key     []byte
}

// A state is the instructions that wait for a rune.
type state struct {
	wait   []uint32
	accept bool
}

// The first states of every automaton.
const (
	unknown int32 = iota
	dead
	start
)

// mostStates is how many states an automaton keeps before it forgets them.
const mostStates = 4096

// runes are the runes that an instruction takes: those of ASCII by bits, and whether it takes any other.
type runes struct {
	ascii [2]uint64
	other bool
}

func (r *runes) has(b byte) bool { return r.ascii[b>>6]>>(b&63)&1 != 0 }

func newAutomaton(re *syntax.Regexp, loop bool) (*automaton, error) {
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return nil, err
	}
	a := &automaton{prog: prog, loop: loop, set: make([]uint16, len(prog.Inst)), visited: make([]uint32, len(prog.Inst))}
	a.classify()
	a.forget()
	return a, nil
}

// classify divides the bytes into classes that no instruction tells apart.
func (a *automaton) classify() {
	index := map[runes]uint16{}
	for pc := range a.prog.Inst {
		one := runesOf(&a.prog.Inst[pc])
		i, ok := index[one]
		if !ok {
			i = uint16(len(a.sets))
			index[one] = i
			a.sets = append(a.sets, one)
		}
		a.set[pc] = i
	}
	classes := map[string]uint8{}
	for b := range byte(utf8.RuneSelf) {
		a.key = a.key[:0]
		for i := range a.sets {
			if a.sets[i].has(b) {
				a.key = binary.LittleEndian.AppendUint16(a.key, uint16(i))
			}
		}
		class, ok := classes[string(a.key)]
		if !ok {
			class = uint8(len(a.sample))
			classes[string(a.key)] = class
			a.sample = append(a.sample, b)
		}
		a.text[b] = class
	}
	a.other = uint8(len(a.sample))
	for b := range 256 {
		if b >= utf8.RuneSelf {
			a.text[b] = a.other
		}
		a.strand[b] = a.text[b]
		if !printable[b] {
			a.strand[b] = a.text['\n']
		}
	}
}

// printable are the bytes that content other than text holds in its strings.
var printable = func() (table [256]bool) {
	for b := byte(' '); b <= '~'; b++ {
		table[b] = true
	}
	table['\t'], table['\r'], table['\n'] = true, true, true
	return table
}()

// Two signs are other spellings of s and k. No program writes keys with them: they do not count.
const (
	longS  = '\u017f'
	kelvin = '\u212a'
)

func runesOf(i *syntax.Inst) (r runes) {
	switch i.Op {
	case syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		r = runes{[2]uint64{math.MaxUint64, math.MaxUint64}, true}
		if i.Op == syntax.InstRuneAnyNotNL {
			r.ascii[0] &^= 1 << '\n'
		}
	case syntax.InstRune, syntax.InstRune1:
		if len(i.Rune) == 1 {
			r.add(i.Rune[0], i.Rune[0])
			for f := unicode.SimpleFold(i.Rune[0]); syntax.Flags(i.Arg)&syntax.FoldCase != 0 && f != i.Rune[0]; {
				r.add(f, f)
				f = unicode.SimpleFold(f)
			}
		}
		for n := 1; n < len(i.Rune); n += 2 {
			r.add(i.Rune[n-1], i.Rune[n])
		}
	}
	return r
}

// add adds a range of runes.
func (r *runes) add(low, high rune) {
	for b := low; b <= min(high, utf8.RuneSelf-1); b++ {
		r.ascii[b>>6] |= 1 << (b & 63)
	}
	r.other = r.other || high >= utf8.RuneSelf && !(low == high && (low == longS || low == kelvin))
}

// forget drops all states but the first.
func (a *automaton) forget() {
	a.width = int32(a.other) + 2
	a.states = append(a.states[:0], state{}, state{})
	a.next = append(slices.Repeat([]int32{unknown}, int(a.width)), slices.Repeat([]int32{dead * a.width}, int(a.width))...)
	a.known = map[string]int32{"": dead}
	a.begin()
	a.follow(uint32(a.prog.Start), false)
	a.add()
}

// begin starts a pass over instructions.
func (a *automaton) begin() {
	a.pass++
	a.states = append(a.states, state{})
}

// follow adds the instructions that an instruction leads to without a rune to the newest state.
func (a *automaton) follow(pc uint32, end bool) {
	s := &a.states[len(a.states)-1]
	a.stack = append(a.stack[:0], pc)
	for len(a.stack) > 0 {
		pc, a.stack = a.stack[len(a.stack)-1], a.stack[:len(a.stack)-1]
		if a.visited[pc] == a.pass {
			continue
		}
		a.visited[pc] = a.pass
		a.work++
		switch i := &a.prog.Inst[pc]; i.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			a.stack = append(a.stack, i.Out, i.Arg)
		case syntax.InstCapture, syntax.InstNop:
			a.stack = append(a.stack, i.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(i.Arg)&syntax.EmptyEndText == 0 || end {
				a.stack = append(a.stack, i.Out)
			} else {
				s.wait = append(s.wait, pc)
			}
		case syntax.InstMatch:
			s.accept = true
		case syntax.InstFail:
		default:
			s.wait = append(s.wait, pc)
		}
	}
}

// add keeps the newest state unless it is known, and returns its number.
func (a *automaton) add() int32 {
	last := len(a.states) - 1
	s := &a.states[last]
	slices.Sort(s.wait)
	a.key = a.key[:0]
	if s.accept {
		a.key = append(a.key, 1)
	}
	for _, pc := range s.wait {
		a.key = binary.LittleEndian.AppendUint32(a.key, pc)
	}
	if n, ok := a.known[string(a.key)]; ok && last != int(start) {
		a.states = a.states[:last]
		return n
	}
	a.next = append(a.next, make([]int32, a.width)...)
	a.known[string(a.key)] = int32(last)
	return int32(last)
}

// step returns the state after a class.
func (a *automaton) step(from int32, class uint8) int32 {
	if to := a.next[from*a.width+int32(class)]; to != unknown {
		return max(to, -to) / a.width
	}
	wait := a.states[from].wait
	full := len(a.states) >= mostStates
	if full {
		a.forget()
	}
	a.begin()
	for _, pc := range wait {
		i := &a.prog.Inst[pc]
		switch set := &a.sets[a.set[pc]]; {
		case class > a.other:
			if i.Op == syntax.InstEmptyWidth {
				a.follow(i.Out, true)
			}
		case i.Op == syntax.InstEmptyWidth:
		case class == a.other && set.other, class < a.other && set.has(a.sample[class]):
			a.follow(i.Out, false)
		}
	}
	if a.loop && class <= a.other {
		a.follow(uint32(a.prog.Start), false)
	}
	to := a.add()
	if full {
		return to
	}
	value := to * a.width
	if a.states[to].accept {
		value = -value
	}
	a.next[from*a.width+int32(class)] = value
	return to
}

// mostSteps is how many bytes of a text an automaton reads to decide about one place: a match is not longer.
const mostSteps = 64 << 10

// run reads a text from a place on, until no match that begins there can go on. It returns the place where it stopped,
// and whether there may be a match. If the text is not whole, what lies beyond its end may be a match.
func (a *automaton) run(t *Text, at int) (end int, may bool) {
	class := &a.text
	if t.Strings {
		class = &a.strand
	}
	data := t.Data[:min(len(t.Data), at+mostSteps)]
	may = a.states[start].accept
	s, i, next := start*a.width, at, a.next
	for s != dead*a.width {
		if i >= len(data) {
			more := !t.Whole || len(data) < len(t.Data)
			return i, may || more || a.states[a.step(s/a.width, a.other+1)].accept
		}
		c := class[data[i]]
		i++
		if c == a.other {
			_, n := utf8.DecodeRune(data[i-1:])
			i += n - 1
		}
		to := next[s+int32(c)]
		switch {
		case to > unknown:
			s = to
		case to < unknown:
			s, may = -to, true
		default:
			n := a.step(s/a.width, c)
			next, may = a.next, may || a.states[n].accept
			s = n * a.width
		}
	}
	return i, may
}

// Printable reports whether a byte may stand in a string of content that is not text.
func Printable(b byte) bool { return printable[b] }
