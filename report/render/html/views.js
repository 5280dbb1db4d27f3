// What maps show. A view has sums, the bytes at and below each path; parts, what a path itself holds, each with a size,
// colours and words.
import { delta, grouped, sized } from "./text.js";
import { color, ink } from "./palette.js";
import { fateLive, fateNone, fates } from "./tree.js";
import { instructionOf } from "./layers.js";

// The content of an image that is live, or what later layers hide: each hidden version is a part of its own.
export class ContentView {
  constructor(side, hidden) {
    Object.assign(this, { side, paths: side.tree, hidden, layer: -1 });
    this.title = hidden ? "map of hidden content" : "map of the final tree";
    this.filter(-1);
  }

  // filter leaves only what a layer owns; -1 is all.
  filter(layer) {
    const tree = this.paths, all = this.hidden ? tree.hiddenBytes : tree.liveBytes;
    this.layer = layer;
    this.sums = layer < 0 ? all : new Float64Array(tree.count);
    for (let i = tree.count - 1; i >= 0 && layer >= 0; i--) {
      for (let row = tree.first[i]; row < tree.first[i + 1]; row++) if (this.counts(row)) this.sums[i] += tree.bytes(row);
      if (i > 0) this.sums[tree.parent[i]] += this.sums[i];
    }
  }

  counts(row) {
    const tree = this.paths, fate = tree.fate[row];
    return this.hidden !== (fate === fateLive) && (this.layer < 0 || tree.ownerOf(row) === this.layer);
  }

  parts(i) {
    const tree = this.paths, list = [];
    for (let row = tree.first[i]; row < tree.first[i + 1]; row++) {
      if (this.counts(row) && tree.bytes(row) > 0) list.push({ i, row, bytes: tree.bytes(row) });
    }
    return list;
  }

  color(part) { return color(this.paths.ownerOf(part.row)); }
  ink(part) { return ink(this.paths.ownerOf(part.row)); }
  hatched() { return this.hidden; }
  size(i) { return sized(this.sums[i]); }
  partSize(part) { return sized(part.bytes); }

  tell(part) {
    const tree = this.paths, owner = tree.ownerOf(part.row);
    const fate = this.hidden && tree.fate[part.row] !== fateNone ? `, ${fates[tree.fate[part.row]]} by ${tree.hiddenByOf(part.row)}` : "";
    return `${sized(part.bytes)} (${grouped(part.bytes)} bytes), layer ${owner}${fate}: ${instructionOf(this.side.layers[owner])}`;
  }

  tellAll(i) { return `${sized(this.sums[i])} (${grouped(this.sums[i])} bytes), ${grouped(this.paths.files[i])} files`; }
}

// By how many bytes the paths of two images differ: what grew has another colour than what shrank, which is hatched.
export class GrowthView {
  constructor(union, hidden) {
    Object.assign(this, { paths: union, hidden, kind: hidden ? "hiddenBytes" : "liveBytes" });
    this.title = hidden ? "map of hidden content that grew or shrank" : "map of what grew or shrank";
    this.sums = union.apart[this.kind];
  }

  filter() {}

  parts(i) {
    const n = this.paths.own(this.kind, i);
    return n === 0 ? [] : [{ i, grown: n, bytes: Math.abs(n) }];
  }

  color(part) { return color(part.grown > 0 ? 1 : 0); }
  ink(part) { return ink(part.grown > 0 ? 1 : 0); }
  hatched(part) { return part.grown < 0; }
  size(i) { return delta(this.paths.grown(this.kind, i)); }
  partSize(part) { return delta(part.grown); }
  tell(part) { return `${part.grown > 0 ? "grew" : "shrank"} by ${grouped(part.bytes)} bytes`; }
  tellAll(i) { return `${this.size(i)}: ${grouped(this.sums[i])} bytes apart`; }
}
