package document

import (
	"reflect"
	"strings"
	"testing"
)

func TestEveryLimitCanBeSetByItsName(t *testing.T) {
	for _, name := range new(Limits).Names() {
		l := DefaultLimits()
		if err := l.Set(name, "7"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if l == DefaultLimits() {
			t.Errorf("%s: nothing changed", name)
		}
		before := l
		if err := l.Set(name, "none"); err != nil || l == before {
			t.Errorf("%s=none: changed %v, error %v", name, l != before, err)
		}
	}
}

func TestDefaultLimitsRefuseEverythingHostile(t *testing.T) {
	d := DefaultLimits()
	for _, row := range d.table() {
		if reflect.ValueOf(row.field).Elem().Int() <= 0 {
			t.Errorf("%s has no default", row.name)
		}
	}
}

func TestLimitValues(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		want        int64
	}{
		{"window", "12", 12},
		{"window", "3KiB", 3 << 10},
		{"window", "256MiB", 256 << 20},
		{"window", "2GiB", 2 << 30},
		{"window", "5KB", 5000},
		{"window", "5MB", 5_000_000},
		{"window", "5GB", 5_000_000_000},
		{"window", "none", 0},
	} {
		var l Limits
		if err := l.Set(tt.name, tt.value); err != nil || l.Window != tt.want {
			t.Errorf("%s=%s: got %d, %v, want %d", tt.name, tt.value, l.Window, err, tt.want)
		}
	}
}

func TestUnusableLimitsAreRefused(t *testing.T) {
	for _, tt := range []struct{ name, value, says string }{
		{"layers", "5KiB", "not a number"},
		{"layers", "many", `"many"`},
		{"layers", "0", "none"},
		{"layers", "-1", "not a number"},
		{"layers", "", "not a number"},
		{"window", "1.5GiB", "not a number of bytes"},
		{"window", "10M", "MiB"},
		{"window", "9999999999GiB", "too large"},
		{"window", "99999999999999999999", "not a number of bytes"},
		{"windw", "1", "did you mean window?"},
		{"layer_bytes", "1", "did you mean layer-bytes?"},
		{"json", "1", "did you mean json-depth?"},
		{"colour", "1", "one of"},
		{"", "1", "one of"},
	} {
		l := DefaultLimits()
		err := l.Set(tt.name, tt.value)
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s=%s: got %v, want an error that says %q", tt.name, tt.value, err, tt.says)
		}
		if l != DefaultLimits() {
			t.Errorf("%s=%s: changed a limit all the same", tt.name, tt.value)
		}
	}
}
