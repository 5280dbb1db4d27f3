package analyze

// An Aspect is something in which two images can differ, or a set of these.
type Aspect uint32

// The aspects of a path, then those of an image as a whole.
const (
	Content    Aspect = 1 << iota // the bytes of a file
	Mode                          // permissions, setuid, setgid, sticky; of symlinks they mean nothing
	OwnerIDs                      // user and group
	MTime                         // if both sides have one: an implied directory has none
	DirMTime                      // the time of a directory: making something in it changes it
	Link                          // the target of a symlink
	Xattrs                        // extended attributes
	Type                          // what the path is
	Device                        // the numbers of a device
	Hardlinks                     // which names that both sides have are one file
	LayerStack                    // the layers, by diffID
	Order                         // the order of equal layers, and of equal environment variables
	ConfigUser
	ConfigEnv
	ConfigEntrypoint
	ConfigCmd
	ConfigWorkdir
	ConfigLabels
	ConfigPorts
	ConfigVolumes
	ConfigStopSignal
	ConfigHealthcheck
	ConfigShell
	ConfigOnBuild
	ConfigPlatform
	endOfAspects
)

// Config is everything that an engine takes from an image's config.
const Config = endOfAspects - ConfigUser

// aspects are the names that people write, in the order of listings.
var aspects = []struct {
	name   string
	aspect Aspect
}{
	{"content", Content}, {"mode", Mode}, {"owner", OwnerIDs}, {"mtime", MTime | DirMTime}, {"dir-mtime", DirMTime},
	{"link", Link}, {"xattrs", Xattrs}, {"type", Type}, {"device", Device}, {"hardlinks", Hardlinks},
	{"layers", LayerStack}, {"order", Order}, {"config", Config}, {"user", ConfigUser}, {"env", ConfigEnv},
	{"entrypoint", ConfigEntrypoint}, {"cmd", ConfigCmd}, {"workdir", ConfigWorkdir}, {"labels", ConfigLabels},
	{"ports", ConfigPorts}, {"volumes", ConfigVolumes}, {"stopsignal", ConfigStopSignal},
	{"healthcheck", ConfigHealthcheck}, {"shell", ConfigShell}, {"onbuild", ConfigOnBuild}, {"platform", ConfigPlatform},
}

// AspectNames lists the names that AspectNamed knows.
func AspectNames() []string {
	names := make([]string, len(aspects))
	for i, a := range aspects {
		names[i] = a.name
	}
	return names
}

// AspectNamed returns the aspects of a name, and false for an unknown name.
func AspectNamed(name string) (Aspect, bool) {
	for _, a := range aspects {
		if a.name == name {
			return a.aspect, true
		}
	}
	return 0, false
}

// Names lists the set's aspects of a path. DirMTime and MTime have one name.
func (a Aspect) Names() []string {
	var names []string
	for _, one := range aspects {
		if a&one.aspect != 0 && one.aspect < LayerStack && one.aspect != DirMTime {
			names = append(names, one.name)
		}
	}
	return names
}

// A DiffStat counts what differs.
type DiffStat struct {
	Added, Removed, Changed int
	By                      map[Aspect]int // the part of Changed by single aspect; a path may count in several
	BytesAdded              int64          // sizes of files that only B has
	BytesRemoved            int64          // sizes of files that only A has
	BytesBefore, BytesAfter int64          // sizes of files that changed
	DirTimes                int            // directories that differ only in their time
	Times                   int            // all paths that differ only in their time
}

// Paths is how many paths differ.
func (s *DiffStat) Paths() int { return s.Added + s.Removed + s.Changed }

// Count adds a difference.
func (s *DiffStat) Count(d Difference) {
	switch d.Change {
	case Added:
		s.Added++
		s.BytesAdded += d.B.Size()
		return
	case Removed:
		s.Removed++
		s.BytesRemoved += d.A.Size()
		return
	}
	s.Changed++
	s.BytesBefore += d.A.Size()
	s.BytesAfter += d.B.Size()
	if d.What == DirMTime {
		s.DirTimes++
	}
	if d.OnlyTime() {
		s.Times++
	}
	if s.By == nil {
		s.By = map[Aspect]int{}
	}
	for bit := Content; bit < LayerStack; bit <<= 1 {
		if d.What&bit != 0 {
			s.By[bit]++
		}
	}
}

// Stat counts the paths that differ.
func (c *Comparison) Stat() *DiffStat {
	s := &DiffStat{}
	for d := range c.Paths() {
		s.Count(d)
	}
	return s
}
