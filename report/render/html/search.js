// Searching names: one text of all names in small letters, one character a byte, each after a slash.

export class Index {
  constructor(paths) {
    this.paths = paths;
    const { name, nameAt, count } = paths;
    const bytes = new Uint8Array(nameAt[count] + count);
    let at = 0;
    for (let i = 0; i < count; i++) {
      bytes[at++] = 47;
      for (let k = nameAt[i]; k < nameAt[i + 1]; k++) {
        const c = name[k];
        bytes[at++] = c > 64 && c < 91 ? c + 32 : c;
      }
    }
    bytes[1] = 47; // the root's name
    this.text = latin(bytes);
  }

  // find lists the paths that hold a text in their name, or in the end of their path if the text has a slash.
  find(query) {
    const wanted = latin(new TextEncoder().encode(query.replace(/[A-Z]/g, c => c.toLowerCase())));
    if (!wanted) return new Uint32Array(0);
    const cut = wanted.lastIndexOf("/");
    return cut < 0 ? this.inNames(wanted, () => true) : this.inPaths(wanted, cut);
  }

  // inNames finds paths by their names. It looks on from each name that is found: none is found twice.
  inNames(wanted, keep) {
    const { nameAt, count } = this.paths, { text } = this, found = new Uint32Array(count);
    let i = 0, n = 0;
    for (let at = text.indexOf(wanted, 2); at >= 0; at = text.indexOf(wanted, at)) {
      i = this.pathAt(at, i);
      if (keep(i)) found[n++] = i;
      at = nameAt[i + 1] + i + 1; // the slash before the next name
    }
    return found.slice(0, n);
  }

  // pathAt is the path to whose slash or name a place of the text belongs; it is not before path from.
  pathAt(place, from) {
    const { nameAt, count } = this.paths, begin = i => nameAt[i] + i;
    let step = 1;
    while (from + step < count && begin(from + step) <= place) step *= 2; // mostly it is near
    let low = from + (step >> 1), high = Math.min(from + step, count) - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (begin(middle) <= place) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  // inPaths finds paths by a text with a slash: what follows the last slash begins the name.
  inPaths(wanted, cut) {
    const parts = wanted.slice(0, cut).split("/"), { parent } = this.paths;
    const anchored = parts[0] === "";
    const above = i => {
      let at = parent[i];
      for (let k = parts.length - 1; k >= 0; k--) {
        if (k === 0 && anchored) return parts.length === 1 || at >= 0;
        if (at <= 0) return false;
        const name = this.nameOf(at);
        if (k > 0 ? name !== parts[k] : !name.endsWith(parts[k])) return false;
        at = parent[at];
      }
      return true;
    };
    return this.inNames(wanted.slice(cut), above);
  }

  nameOf(i) {
    const { nameAt } = this.paths;
    return this.text.slice(nameAt[i] + i + 1, nameAt[i + 1] + i + 1);
  }
}

// latin makes a text with one character for each byte.
function latin(bytes) {
  const parts = [];
  for (let i = 0; i < bytes.length; i += 8192) parts.push(String.fromCharCode.apply(null, bytes.subarray(i, i + 8192)));
  return parts.join("");
}
