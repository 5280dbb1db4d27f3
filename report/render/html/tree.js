// The tree of all paths that any layer ever held. A change is a row of what a layer did to a path.
import { Paths } from "./paths.js";

export const types = ["file", "dir", "symlink", "char", "block", "fifo"];
export const kinds = ["add", "modify", "metadata", "delete", "opaque", "replace"];
export const hows = ["", "whiteout", "opaque", "replaced", "replaced-by-other-type", "replaced-in-layer",
  "whiteout-content", "ignored"];
export const fates = ["live", "overwritten", "deleted", "metadata-only", ""];
export const fateLive = 0;
export const fateNone = 4;
export const flagImplied = 1;
export const flagTimed = 2;
export const flagSameKnown = 4;
export const flagSame = 8;
export const extraNames = ["link", "device", "hardlinks", "xattr", "xattrValue", "sensitive", "seconds", "sha256"];

export class Tree extends Paths {
  // left is how many of the oldest layers findings leave out. The table counts none of their bytes.
  constructor(table, left = 0) {
    super();
    Object.assign(this, table, { left });
    const n = this.climb.length;
    this.allot(n);
    this.first = new Uint32Array(n + 1);
    const open = [];
    for (let i = 0; i < n; i++) {
      for (let up = this.climb[i]; up > 0; up--) this.end[open.pop()] = i;
      if (open.length) this.parent[i] = open[open.length - 1];
      this.depth[i] = open.length;
      open.push(i);
      this.nameAt[i + 1] = this.nameAt[i] + this.nameLength[i];
      this.first[i + 1] = this.first[i] + this.changes[i];
    }
    this.rows();
    this.extras();
    this.add();
  }

  // rows finds of each path the change that is visible in the final tree, and completes times.
  rows() {
    const n = this.count;
    this.live = new Int32Array(n).fill(-1);
    this.pathOf = new Uint32Array(this.layer.length);
    let time = 0;
    if (!(this.mtime instanceof Float64Array)) this.mtime = Float64Array.from(this.mtime);
    for (let i = 0; i < n; i++) {
      for (let row = this.first[i]; row < this.first[i + 1]; row++) {
        this.pathOf[row] = i;
        if (this.fate[row] === fateLive) this.live[i] = row;
        time += this.mtime[row];
        this.mtime[row] = time;
      }
    }
  }

  extras() {
    this.extraRow = new Uint32Array(this.extraAt.length);
    this.extraStart = new Uint32Array(this.extraAt.length + 1);
    let row = 0;
    for (let i = 0; i < this.extraAt.length; i++) {
      row += this.extraAt[i];
      this.extraRow[i] = row;
      this.extraStart[i + 1] = this.extraStart[i] + this.extraValueLength[i];
    }
  }

  // add adds up the bytes of each directory, of the final tree and of what is hidden, each file once.
  add() {
    const n = this.count;
    this.liveBytes = new Float64Array(n);
    this.hiddenBytes = new Float64Array(n);
    this.files = new Uint32Array(n);
    for (let i = n - 1; i >= 0; i--) {
      for (let row = this.first[i]; row < this.first[i + 1]; row++) {
        (this.fate[row] === fateLive ? this.liveBytes : this.hiddenBytes)[i] += this.bytes(row);
      }
      if (this.live[i] >= 0 && this.type[this.live[i]] !== 1) this.files[i]++;
      const up = this.parent[i];
      if (up < 0) continue;
      this.liveBytes[up] += this.liveBytes[i];
      this.hiddenBytes[up] += this.hiddenBytes[i];
      this.files[up] += this.files[i];
    }
  }

  // bytes are what a change accounts for: the content that its layer stores, each file once.
  bytes(row) {
    const c = this.counted[row];
    return c === 0 ? this.size[row] : c === 1 ? 0 : c - 2;
  }

  // layerOf is the layer that made a change.
  layerOf(row) { return this.layer[row] - 1; }
  // ownerOf is the layer that owns the version.
  ownerOf(row) { return this.layerOf(row) + this.owner[row]; }
  hiddenByOf(row) { return this.hiddenBy[row] - 1; }

  isDir(i) { return this.isParent(i) || this.live[i] >= 0 && this.type[this.live[i]] === 1; }

  // own are the bytes of a path itself, without what is below.
  own(kind, i) {
    let sum = 0;
    for (let row = this.first[i]; row < this.first[i + 1]; row++) {
      if ((this.fate[row] === fateLive) === (kind === "liveBytes")) sum += this.bytes(row);
    }
    return sum;
  }

  // standing is the change that stands for a path: the visible version, else the last one; -1 if there is none.
  standing(i) {
    if (this.live[i] >= 0) return this.live[i];
    for (let row = this.first[i + 1] - 1; row >= this.first[i]; row--) if (this.fate[row] !== fateNone) return row;
    return -1;
  }

  // extrasOf lists what few changes have: [name, bytes].
  extrasOf(row) {
    let low = 0, high = this.extraRow.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.extraRow[middle] < row) low = middle + 1;
      else high = middle;
    }
    const list = [];
    for (; low < this.extraRow.length && this.extraRow[low] === row; low++) {
      list.push([extraNames[this.extraKind[low]], this.extraValue.subarray(this.extraStart[low], this.extraStart[low + 1])]);
    }
    return list;
  }

  extraOf(row, name) {
    const found = this.extrasOf(row).find(e => e[0] === name);
    return found && found[1];
  }

  // counts reports whether findings name a change.
  counts(row) { return this.fate[row] !== fateNone && this.ownerOf(row) >= this.left; }

  // rowsWith lists the changes that count and have an extra value of this name.
  rowsWith(name) {
    const kind = extraNames.indexOf(name), list = [];
    for (let i = 0; i < this.extraRow.length; i++) {
      if (this.extraKind[i] === kind && this.counts(this.extraRow[i])) list.push(this.extraRow[i]);
    }
    return list;
  }
}
