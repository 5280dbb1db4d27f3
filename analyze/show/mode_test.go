package show

import "testing"

func TestModesAreDrawnAsLsDrawsThem(t *testing.T) {
	for _, c := range []struct{ kind, mode, want string }{
		{"file", "0644", "-rw-r--r--"}, {"dir", "1777", "drwxrwxrwt"}, {"dir", "1770", "drwxrwx--T"}, {"file", "4755",
			"-rwsr-xr-x"}, {"file", "6644", "-rwSr-Sr--"},
		{"symlink", "0777", "lrwxrwxrwx"}, {"char", "0666", "crw-rw-rw-"}, {"block", "0660", "brw-rw----"}, {"fifo", "0000",
			"p---------"},
	} {
		if got := Mode(c.kind, c.mode); got != c.want {
			t.Errorf("%s %s: got %s want %s", c.kind, c.mode, got, c.want)
		}
	}
}
