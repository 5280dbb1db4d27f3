// Searching names: one text of all names in small letters, one character a byte, each after a slash.

export class Index {
  constructor(tree) {
    this.tree = tree;
    const { name, nameAt, count } = tree;
    const bytes = new Uint8Array(name.length + count);
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

  // inNames finds paths by their names.
  inNames(wanted, keep) {
    const { tree, text } = this, found = [];
    let i = 0, next = 2; // of path i, where the name after it begins
    for (let at = text.indexOf(wanted, 2); at >= 0; at = text.indexOf(wanted, Math.max(at + 1, next - 1))) {
      i = this.pathAt(at, i);
      next = tree.nameAt[i + 1] + i + 2;
      if (keep(i)) found.push(i);
    }
    return Uint32Array.from(found);
  }

  // pathAt is the path to whose slash or name a place of the text belongs.
  pathAt(place, from) {
    const { tree } = this;
    let low = from, high = tree.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (tree.nameAt[middle] + middle <= place) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  // inPaths finds paths by a text with a slash: what follows the last slash begins the name.
  inPaths(wanted, cut) {
    const parts = wanted.slice(0, cut).split("/"), tree = this.tree;
    const anchored = parts[0] === "";
    const above = i => {
      let at = tree.parent[i];
      for (let k = parts.length - 1; k >= 0; k--) {
        if (k === 0 && anchored) return parts.length === 1 || at >= 0;
        if (at <= 0) return false;
        const name = this.nameOf(at);
        if (k > 0 ? name !== parts[k] : !name.endsWith(parts[k])) return false;
        at = tree.parent[at];
      }
      return true;
    };
    return this.inNames(wanted.slice(cut), above);
  }

  nameOf(i) {
    const at = this.tree.nameAt[i] + i + 1;
    return this.text.slice(at, at + this.tree.nameLength[i]);
  }
}

// latin makes a text with one character for each byte.
function latin(bytes) {
  const parts = [];
  for (let i = 0; i < bytes.length; i += 8192) parts.push(String.fromCharCode.apply(null, bytes.subarray(i, i + 8192)));
  return parts.join("");
}
