// Versions of paths that have something in common, of one image or of two. Of two images a row is a version that one of
// them has, or the nth of a path that both have.
import { fateLive } from "./tree.js";

export class Versions {
  // Wanted lists the rows of a tree, in order; order, if there is one, is the size by which the largest come first.
  constructor(sides, union, wanted, order) {
    this.trees = sides.map(side => side.tree);
    this.two = sides.length > 1;
    const lists = this.trees.map(wanted);
    this.pairs = this.two ? paired(this.trees, union, lists) : { a: lists[0], b: null };
    this.all = Uint32Array.from(this.pairs.a, (_, k) => k);
    if (!order) return;
    const weights = Float64Array.from(this.all, k => order(this.treeOf(k), this.rowOf(k)));
    this.all.sort((x, y) => weights[y] - weights[x] || x - y);
  }

  // A pair stands for its version in B, if B has it.
  inB(n) { return this.two && this.pairs.b[n] >= 0; }
  treeOf(n) { return this.trees[this.inB(n) ? 1 : 0]; }
  rowOf(n) { return this.inB(n) ? this.pairs.b[n] : this.pairs.a[n]; }

  // which is 0 of what only A has, 1 of what only B has, 2 of what both have.
  which(n) { return this.pairs.a[n] < 0 ? 1 : this.pairs.b[n] < 0 ? 0 : 2; }

  // filter leaves what a layer owns, or what an image has; -1 leaves all.
  filter(layer, which) {
    this.list = this.all.filter(n => (layer < 0 || this.treeOf(n).ownerOf(this.rowOf(n)) === layer) &&
      (which < 0 || this.which(n) === which));
    this.count = this.list.length;
    this.hidden = 0;
    for (const n of this.list) {
      const tree = this.treeOf(n), row = this.rowOf(n);
      if (tree.fate[row] !== fateLive) this.hidden += tree.bytes(row);
    }
  }

  tree(k) { return this.treeOf(this.list[k]); }
  row(k) { return this.rowOf(this.list[k]); }
  image(k) { return ["A", "B", "both"][this.which(this.list[k])]; }
}

// paired walks the rows of both trees in path order. Of a path, the first version of A belongs to the first of B.
function paired(trees, union, lists) {
  const a = [], b = [], [rowsA, rowsB] = lists;
  const at = (side, k) => k < lists[side].length ? union.here[side][trees[side].pathOf[lists[side][k]]] : Infinity;
  for (let i = 0, j = 0; i < rowsA.length || j < rowsB.length;) {
    const order = at(0, i) - at(1, j);
    a.push(order <= 0 ? rowsA[i++] : -1);
    b.push(order >= 0 ? rowsB[j++] : -1);
  }
  return { a, b };
}
