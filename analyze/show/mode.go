package show

// Mode draws permissions in octal as ls does: 4755 of a file as -rwsr-xr-x. The types are those of tarfs.
func Mode(kind, octal string) string {
	drawn := []byte("?rwxrwxrwx")
	drawn[0] = map[string]byte{"file": '-', "dir": 'd', "symlink": 'l', "char": 'c', "block": 'b', "fifo": 'p'}[kind]
	mode := 0
	for _, digit := range octal {
		mode = mode*8 + int(digit-'0')
	}
	for i := range 9 {
		if mode>>(8-i)&1 == 0 {
			drawn[1+i] = '-'
		}
	}
	for i, special := range []byte("sst") { // setuid, setgid, sticky stand in the places of the three x
		if mode>>(11-i)&1 == 0 {
			continue
		}
		if x := &drawn[3+3*i]; *x == '-' {
			*x = special - 'a' + 'A'
		} else {
			*x = special
		}
	}
	return string(drawn)
}
