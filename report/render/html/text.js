// Texts for people: names that cannot mislead, sizes, times. The rules are those of the program's own tables.

const odd = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Variation_Selector}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/u;
const combining = /[\p{Mn}\p{Me}]/u;
const plain = /^[!-~](?:[ -~]*[!-~])?$/;
const mostMarks = 8;

// safe shows exact bytes, or a text: printable as it is, anything else in the $'…' form of shells.
export function safe(name) {
  const runes = typeof name === "string" ? Array.from(name) : decode(name);
  if (typeof name === "string" && plain.test(name) && !name.startsWith("$'")) return name;
  let escaped = "", changed = false, marks = mostMarks;
  for (const r of runes) {
    const code = typeof r === "number" ? r : r.codePointAt(0);
    if (typeof r === "number") {
      escaped += "\\x" + hex(code, 2);
      changed = true;
      marks = mostMarks;
    } else if (odd.test(r) || combining.test(r) && code >= 0x300 && marks >= mostMarks) {
      escaped += escapeOf(code);
      changed = true;
      marks = mostMarks;
    } else if (combining.test(r) && code >= 0x300) {
      escaped += r;
      marks++;
    } else {
      escaped += r === "\\" || r === "'" ? "\\" + r : r;
      marks = 0;
    }
  }
  const text = runes.map(r => typeof r === "number" ? "?" : r).join("");
  if (!changed && !text.startsWith("$'") && !text.startsWith(" ") && !text.endsWith(" ")) return text;
  return "$'" + escaped + "'";
}

// line escapes what is odd in a message and leaves the rest.
export function line(text) {
  return Array.from(String(text)).map(r => odd.test(r) ? escapeOf(r.codePointAt(0)) : r).join("");
}

function hex(n, digits) { return n.toString(16).padStart(digits, "0"); }

function escapeOf(code) {
  const short = { 10: "\\n", 9: "\\t", 13: "\\r" }[code];
  if (short) return short;
  if (code < 0x80) return "\\x" + hex(code, 2);
  return code <= 0xffff ? "\\u" + hex(code, 4) : "\\U" + hex(code, 8);
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

// decode turns bytes into characters; a byte that is not UTF-8 stays a number.
function decode(bytes) {
  try {
    return Array.from(strict.decode(bytes));
  } catch {
    const list = [];
    for (let i = 0; i < bytes.length;) {
      const n = sequence(bytes, i);
      if (n > 0) list.push(strict.decode(bytes.subarray(i, i + n)));
      else list.push(bytes[i]);
      i += Math.max(n, 1);
    }
    return list;
  }
}

// sequence returns the length of the character at a place, or 0.
function sequence(bytes, at) {
  for (let n = 1; n <= 4 && at + n <= bytes.length; n++) {
    try {
      strict.decode(bytes.subarray(at, at + n));
      return n;
    } catch {
      continue;
    }
  }
  return 0;
}

// sized is n bytes with three digits and a decimal unit.
export function sized(n) {
  const units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
  const sign = n < 0 ? "-" : "";
  let value = Math.abs(n), unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  value = Number(value.toPrecision(3));
  if (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return sign + value + units[unit];
}

// delta is a number of bytes with its sign.
export function delta(n) { return n === 0 ? "0B" : (n > 0 ? "+" : "") + sized(n); }

// shell is a word of a command line, of a text that safe or line made.
export function shell(word) {
  return /^[\w@%+=:,.\/-]+$/.test(word) || word.startsWith("$'") ? word : "'" + word.replaceAll("'", "'\\''") + "'";
}

// grouped is a number with commas between thousands.
export function grouped(n) { return String(n).replace(/\B(?=(\d{3})+$)/g, ","); }

export function count(n, one, many = one + "s") { return grouped(n) + " " + (n === 1 ? one : many); }

// percent is a part of a whole with two digits, rounded down.
export function percent(part, whole) {
  if (!whole || !part) return "0%";
  const p = Math.floor(part * 10000 / whole) / 100;
  return (p === 0 ? "<0.01" : p.toFixed(2)) + "%";
}

// moment is a time in UTC, from seconds since 1970 of a year with four digits.
export function moment(seconds) {
  return new Date(seconds * 1000).toISOString().replace("T", " ").replace(".000Z", "Z");
}

// drawnMode draws 04755 of a file as -rwsr-xr-x.
export function drawnMode(type, mode) {
  const drawn = ["-dlcbp"[type] || "?"];
  for (let i = 0; i < 9; i++) drawn.push(mode >> (8 - i) & 1 ? "rwx"[i % 3] : "-");
  ["s", "s", "t"].forEach((special, i) => {
    if (!(mode >> (11 - i) & 1)) return;
    const x = 3 + 3 * i;
    drawn[x] = drawn[x] === "-" ? special.toUpperCase() : special;
  });
  return drawn.join("");
}

// shortDigest is the beginning of a digest, as engines print IDs.
export function shortDigest(digest) { return (digest || "").replace(/^[a-z0-9]+:/, "").slice(0, 12); }

// baseOf says on which image another was built, how many layers it has, and what tells that.
export function baseOf(base) {
  const layers = base.layers === undefined ? "layers unknown" : base.layers === 1 ? "1 layer" : base.layers + " layers";
  return line(`${base.name || base.digest || "unnamed"} (${layers}, by ${base.from})`);
}

// encodePath writes the bytes of a path for a link.
export function encodePath(bytes) {
  let s = "";
  for (const b of bytes) {
    const c = String.fromCharCode(b);
    s += /[A-Za-z0-9\/._~-]/.test(c) ? c : "%" + hex(b, 2).toUpperCase();
  }
  return s;
}

// decodePath reads what encodePath wrote, or what a person typed.
export function decodePath(text) {
  const bytes = [];
  for (let i = 0; i < text.length; i++) {
    const code = text.slice(i + 1, i + 3);
    if (text[i] === "%" && /^[0-9a-fA-F]{2}$/.test(code)) {
      bytes.push(parseInt(code, 16));
      i += 2;
    } else {
      const r = String.fromCodePoint(text.codePointAt(i));
      bytes.push(...new TextEncoder().encode(r));
      i += r.length - 1;
    }
  }
  return Uint8Array.from(bytes);
}
