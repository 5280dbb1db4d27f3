package decode

import (
	"bytes"
	"encoding/binary"

	"layup/tarfs"
)

// A Format is something that people take for a tar.
type Format struct {
	Name string // with its article
	Next string // what to do with it; empty if there is nothing to say
}

// FormatHead is how many bytes FormatOf looks at. The superblock of btrfs is the farthest from the beginning.
const FormatHead = 68 << 10

const (
	mounted  = "mount it read-only (mount -o loop,ro FILE DIR), then tar -C DIR -c . | layup COMMAND -"
	unpacked = "unpack it, and read what is inside"
)

// formats are known by their magic bytes. The first row that fits counts. Sources: the formats' own documents; for file
// systems the headers of the Linux kernel.
var formats = []struct {
	at    int
	magic string
	Format
}{
	{0, "hsqs", Format{"a squashfs file system image", mounted}},
	{0, "sqsh", Format{"a squashfs file system image", mounted}},
	{0, "XFSB", Format{"an XFS file system image", mounted}},
	{0, "LUKS\xba\xbe", Format{"an encrypted disk (LUKS)", ""}},
	{0, "QFI\xfb", Format{"a qcow2 disk image", "qemu-img convert -O raw makes a raw disk of it"}},
	{0, "KDMV", Format{"a VMDK disk image", "qemu-img convert -O raw makes a raw disk of it"}},
	{0, "conectix", Format{"a VHD disk image", "qemu-img convert -O raw makes a raw disk of it"}},
	{0, "vhdxfile", Format{"a VHDX disk image", "qemu-img convert -O raw makes a raw disk of it"}},
	{0x40, "\x7f\x10\xda\xbe", Format{"a VDI disk image", "qemu-img convert -O raw makes a raw disk of it"}},
	{32, "SIF_MAGIC", Format{"a Singularity image (SIF)",
		"apptainer build --sandbox DIR FILE, then tar -C DIR -c . | layup COMMAND -"}},
	{0, "PK\x03\x04", Format{"a zip archive", unpacked}},
	{0, "PK\x05\x06", Format{"an empty zip archive", ""}},
	{0, "7z\xbc\xaf\x27\x1c", Format{"a 7z archive", unpacked}},
	{0, "Rar!\x1a\x07", Format{"a RAR archive", unpacked}},
	{0, "\x04\x22\x4d\x18", Format{"compressed with lz4", "lz4 -dc FILE | layup COMMAND -"}},
	{0, "LZIP", Format{"compressed with lzip", "lzip -dc FILE | layup COMMAND -"}},
	{0, "\x1f\x9d", Format{"compressed with compress", "gzip -dc FILE | layup COMMAND -"}},
	{0, "070701", Format{"a cpio archive", unpacked}},
	{0, "070702", Format{"a cpio archive", unpacked}},
	{0, "070707", Format{"a cpio archive", unpacked}},
	{0, "!<arch>\ndebian-binary", Format{"a Debian package", "dpkg-deb --fsys-tarfile FILE | layup COMMAND -"}},
	{0, "!<arch>\n", Format{"an ar archive", unpacked}},
	{0, "\xed\xab\xee\xdb", Format{"an RPM package", "rpm2archive FILE makes a tar of it"}},
	{0, "\x7fELF", Format{"a program", ""}},
	{0, "MZ", Format{"a program of Windows", ""}},
	{0, "%PDF-", Format{"a PDF document", ""}},
	{0, "age-encryption.org/", Format{"an encrypted file (age)", ""}},
	{0, "Salted__", Format{"an encrypted file (openssl enc)", ""}},
	{0, "version https://git-lfs.github.com/spec/", Format{"a git-lfs pointer, in place of the file", "git lfs pull"}},
	{0, "ZFile\x00", Format{"an overlaybd layer", ""}},
	{0, "LSMT\x00", Format{"an overlaybd layer", ""}},
	{0, "\xff\xfe", utf16},
	{0, "\xfe\xff", utf16},
	{0x400, "\xe2\xe1\xf5\xe0", Format{"an EROFS file system image", mounted}},
	{0x400, "\x10\x20\xf5\xf2", Format{"an F2FS file system image", mounted}},
	{0x8001, "CD001", Format{"an ISO 9660 image", mounted}},
	{0x8001, "BEA01", Format{"a UDF image", mounted}},
	{0x10040, "_BHRfS_M", Format{"a btrfs file system image", mounted}},
	{3, "NTFS    ", Format{"an NTFS file system image", mounted}},
	{0x36, "FAT1", Format{"a FAT file system image", mounted}},
	{0x52, "FAT32", Format{"a FAT file system image", mounted}},
	{512, "EFI PART", partitioned},
	{510, "\x55\xaa", partitioned},
}

var (
	utf16 = Format{"UTF-16 text, as > of PowerShell writes it",
		"docker save -o FILE IMAGE writes the file itself, cmd /c \"docker save IMAGE > FILE\" also"}
	partitioned = Format{"a disk image with partitions",
		"losetup -r -P -f --show FILE, mount a partition read-only, then tar -C DIR -c . | layup COMMAND -"}
)

// FormatOf returns what the first bytes of something are that is not a tar and not compressed; false if that is
// unknown. Head has up to FormatHead bytes, or the whole input.
func FormatOf(head []byte) (Format, bool) {
	at := func(i int, magic string) bool { return len(head) >= i && bytes.HasPrefix(head[i:], []byte(magic)) }
	if at(extMagicAt, "\x53\xef") {
		return Format{"an " + extOf(head) + " file system image", mounted}, true
	}
	for _, f := range formats {
		if at(f.at, f.magic) {
			return f.Format, true
		}
	}
	return textOf(head)
}

// IsEROFS reports whether head begins an EROFS file system image.
func IsEROFS(head []byte) bool {
	f, _ := FormatOf(head)
	return f.Name == "an EROFS file system image"
}

// The fields of the superblock of ext2 and its successors that tell them apart.
// Source: Linux, Documentation/filesystems/ext4/super.rst.
const (
	extMagicAt  = 0x438
	extCompatAt = 0x45c // feature_compat, then feature_incompat
	hasJournal  = 0x4
	ext4Only    = 0x40 | 0x80 | 0x200 | 0x400 // extents, 64bit, flex_bg, ea_inode
)

// extOf returns the name of the file system that a superblock of ext belongs to.
func extOf(head []byte) string {
	if len(head) < extCompatAt+8 {
		return "ext2"
	}
	compat, incompat := binary.LittleEndian.Uint32(head[extCompatAt:]), binary.LittleEndian.Uint32(head[extCompatAt+4:])
	switch {
	case incompat&ext4Only != 0:
		return "ext4"
	case compat&hasJournal != 0:
		return "ext3"
	}
	return "ext2"
}

// textOf names documents.
func textOf(head []byte) (Format, bool) {
	text := bytes.TrimLeft(head, " \t\r\n\uFEFF")
	switch {
	case bytes.HasPrefix(text, []byte("<")):
		return Format{"an HTML or XML page", ""}, true
	case bytes.HasPrefix(text, []byte("{")), bytes.HasPrefix(text, []byte("[")):
		return Format{"JSON", ""}, true
	}
	return Format{}, false
}

// AfterText finds a tar, or a compressed stream, that begins after text: the greeting of a server, or an error.
func AfterText(head []byte) (offset int, found bool) {
	end := bytes.IndexFunc(head, func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != 0x1b })
	if end <= 0 {
		return 0, false
	}
	for _, magic := range [][]byte{GzipMagic, zstdMagic, xzMagic} {
		if i := bytes.Index(head, magic); i > 0 && i <= end {
			return i, true
		}
	}
	const magicAt = 257
	for from := 0; ; {
		i := bytes.Index(head[from:], ustarMagic)
		if i < 0 {
			return 0, false
		}
		from += i + len(ustarMagic)
		if start := from - len(ustarMagic) - magicAt; start > 0 && start <= end && tarfs.IsHeader(head[start:]) {
			return start, true
		}
	}
}
