// Paths are numbers in path order; 0 is the root. What lies below a path has the numbers from the next one to its end.

export class Paths {
  // count paths have a parent, a depth, an end, and a name from nameAt of the next; all are filled by who makes them.
  allot(count) {
    this.count = count;
    this.parent = new Int32Array(count);
    this.depth = new Uint16Array(count);
    this.end = new Uint32Array(count).fill(count);
    this.nameAt = new Uint32Array(count + 1);
    this.parent[0] = -1;
  }

  nameOf(i) { return this.name.subarray(this.nameAt[i], this.nameAt[i + 1]); }

  // bytesOf is the exact path.
  bytesOf(i) {
    if (i === 0) return Uint8Array.of(47);
    const parts = [];
    let length = 0;
    for (let at = i; at > 0; at = this.parent[at]) {
      parts.push(at);
      length += 1 + this.nameAt[at + 1] - this.nameAt[at];
    }
    const path = new Uint8Array(length);
    let at = 0;
    for (const part of parts.reverse()) {
      path[at++] = 47;
      path.set(this.nameOf(part), at);
      at += this.nameAt[part + 1] - this.nameAt[part];
    }
    return path;
  }

  // isParent reports whether any layer put something below a path.
  isParent(i) { return this.end[i] > i + 1; }

  // children calls a function with each path one level below.
  children(i, each) {
    for (let c = i + 1; c < this.end[i]; c = this.end[c]) each(c);
  }

  // find returns the number of a path by its exact bytes, or -1.
  find(path) {
    let at = 0, from = 0;
    while (from < path.length) {
      if (path[from] === 47) {
        from++;
        continue;
      }
      let to = path.indexOf(47, from);
      if (to < 0) to = path.length;
      const wanted = path.subarray(from, to);
      let found = -1;
      this.children(at, c => {
        if (found < 0 && compare(this.nameOf(c), wanted) === 0) found = c;
      });
      if (found < 0) return -1;
      at = found;
      from = to;
    }
    return at;
  }
}

// compare orders names by their bytes.
export function compare(a, b) {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}
