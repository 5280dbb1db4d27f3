import { Paths, compare } from "./paths.js";

// A Union has the paths of the trees of two images, A and B, and what differs.
export class Union extends Paths {
  // Steps says of the paths that differ how far each is from the last one in the tree of a side.
  constructor(a, b, differences, aspects) {
    super();
    this.sides = [a, b];
    this.allot(a.count + b.count);
    this.merge(a, b);
    Object.assign(this, { differences, aspects, changeAt: new Int32Array(this.count).fill(-1) });
    const at = [-1, -1];
    for (let k = 0; k < differences.change.length; k++) {
      let i = -1;
      [differences.a, differences.b].forEach((steps, side) => {
        if (steps[k] === 0) return;
        at[side] += steps[k];
        i = this.here[side][at[side]];
      });
      this.changeAt[i] = k;
    }
    this.add();
  }

  // merge walks both trees together. Of two paths the deeper one comes first, else the smaller name: their parents are
  // the same then.
  merge(a, b) {
    this.place = [a, b].map(() => new Int32Array(this.count).fill(-1)); // of a path in the tree of each side
    this.here = [new Int32Array(a.count), new Int32Array(b.count)]; // the number here of each side's path
    this.name = new Uint8Array(a.name.length + b.name.length);
    const open = [];
    let n = 0;
    for (let i = 0, j = 0; i < a.count || j < b.count; n++) {
      const order = i >= a.count ? 1 : j >= b.count ? -1 : b.depth[j] - a.depth[i] || compare(a.nameOf(i), b.nameOf(j));
      const [from, at] = order <= 0 ? [a, i] : [b, j];
      const depth = this.depth[n] = from.depth[at], name = from.nameOf(at);
      while (open.length > depth) this.end[open.pop()] = n;
      if (depth > 0) this.parent[n] = open[depth - 1];
      open.push(n);
      this.name.set(name, this.nameAt[n]);
      this.nameAt[n + 1] = this.nameAt[n] + name.length;
      if (order <= 0) {
        this.place[0][n] = i;
        this.here[0][i++] = n;
      }
      if (order >= 0) {
        this.place[1][n] = j;
        this.here[1][j++] = n;
      }
    }
    while (open.length > 0) this.end[open.pop()] = n;
    this.count = n;
  }

  // add counts what differs at and below each path, and by how many bytes.
  add() {
    const { count } = this;
    this.changes = [0, 1, 2].map(() => new Uint32Array(count));
    this.apart = { liveBytes: new Float64Array(count), hiddenBytes: new Float64Array(count) };
    for (let i = count - 1; i >= 0; i--) {
      const k = this.changeAt[i], up = this.parent[i];
      if (k >= 0) this.changes[this.differences.change[k]][i]++;
      for (const [kind, sums] of Object.entries(this.apart)) {
        sums[i] += Math.abs(this.own(kind, i));
        if (up >= 0) sums[up] += sums[i];
      }
      if (up >= 0) for (const one of this.changes) one[up] += one[i];
    }
  }

  // grown is by how many bytes all at and below a path grew.
  grown(kind, i) { return this.on(1, kind, i) - this.on(0, kind, i); }
  on(side, kind, i) { return this.place[side][i] < 0 ? 0 : this.sides[side][kind][this.place[side][i]]; }

  // own is by how many bytes the path itself grew.
  own(kind, i) {
    const [a, b] = this.sides.map((tree, side) => this.place[side][i] < 0 ? 0 : tree.own(kind, this.place[side][i]));
    return b - a;
  }

  changed(i) { return this.changes.some(one => one[i] > 0); }
  isDir(i) {
    return this.isParent(i) || [0, 1].some(side => this.row(side, i) >= 0 && this.sides[side].type[this.row(side, i)] === 1);
  }

  // row is the version of a path that a side shows, or -1.
  row(side, i) { return this.place[side][i] < 0 ? -1 : this.sides[side].live[this.place[side][i]]; }

  // what says in words what differs.
  what(i) {
    const bits = this.differences.what[this.changeAt[i]];
    return [...new Set(this.aspects.filter((_, bit) => bits >> bit & 1))].join(" ");
  }
}
