// A map of sizes: a treemap, whose areas are bytes, or an icicle, whose widths are. Colours are the owning layers.
import { el, choice, section } from "./dom.js";
import { grouped, safe, sized } from "./text.js";
import { color, hatch, ink } from "./palette.js";
import { fateLive } from "./tree.js";
import { instructionOf } from "./layers.js";

const mostCells = 6000;
const label = 15; // pixels of a directory's title

export class SizeMap {
  // Hidden is whether the map shows what later layers hide, not the final tree.
  constructor(tree, layers, state, hidden) {
    Object.assign(this, { tree, layers, state, hidden, root: 0, shape: "treemap", cells: [], active: 0 });
    this.canvas = el("canvas", { tabindex: "0", role: "application", "aria-label": this.title() +
      ": arrow keys move, Enter goes into a directory or opens a file, Backspace goes up",
      onclick: e => this.open(this.at(e)), onmousemove: e => this.point(e), onmouseleave: () => this.tell(-1),
      onkeydown: e => this.key(e), onfocus: () => this.draw(), onblur: () => this.draw() });
    this.crumbs = el("nav", { class: "crumbs", "aria-label": "directory of the " + this.title() });
    this.tip = el("p", { class: "tip", "aria-live": "polite" });
    this.element = el("div", { class: "map" },
      el("div", { class: "tools" }, this.crumbs, choice("shape", ["treemap", "icicle"], "treemap", shape => {
        this.shape = shape;
        this.draw();
      })), this.canvas, this.tip);
    new ResizeObserver(() => this.draw()).observe(this.element);
    for (const event of ["beforeprint", "afterprint"]) window.addEventListener(event, () => this.draw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    state.on(changed => changed.includes("layer") && this.filter());
    this.filter();
  }

  title() { return this.hidden ? "map of hidden content" : "map of the final tree"; }

  // filter adds up the bytes that count: of all layers, or of one.
  filter() {
    const { tree, state } = this;
    if (state.layer < 0) {
      this.bytes = this.hidden ? tree.hiddenBytes : tree.liveBytes;
    } else {
      this.bytes = new Float64Array(tree.count);
      for (let i = tree.count - 1; i >= 0; i--) {
        for (let row = tree.first[i]; row < tree.first[i + 1]; row++) {
          const counts = this.hidden !== (tree.fate[row] === fateLive);
          if (counts && tree.contentOf(row) === state.layer) this.bytes[i] += tree.bytes(row);
        }
        if (i > 0) this.bytes[tree.parent[i]] += this.bytes[i];
      }
    }
    this.go(0);
  }

  go(root) {
    this.root = root;
    this.active = 0;
    this.showCrumbs();
    this.draw();
    this.tell(-1);
  }

  showCrumbs() {
    const list = [];
    for (let at = this.root; at >= 0; at = this.tree.parent[at]) list.unshift(at);
    this.crumbs.replaceChildren(...list.flatMap((at, k) => [k > 1 ? "/" : "",
      el("button", { type: "button", onclick: () => this.go(at), "aria-current": at === this.root ? "location" : null },
        at === 0 ? "/" : safe(this.tree.nameOf(at)))]),
    el("span", { class: "size" }, sized(this.bytes[this.root])));
  }

  // layerAt is the layer that a file's bytes come from, and -1 of a directory.
  layerAt(i) {
    const { tree } = this;
    if (!this.hidden && tree.live[i] >= 0) return tree.ownerOf(tree.live[i]);
    for (let row = tree.first[i + 1] - 1; row >= tree.first[i]; row--) {
      if (tree.fate[row] !== fateLive && tree.bytes(row) > 0) return tree.ownerOf(row);
    }
    return -1;
  }

  draw() {
    const width = this.element.clientWidth;
    if (!width) return;
    const height = this.shape === "treemap" ? Math.round(Math.min(520, Math.max(260, width * 0.5))) : 300;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.canvas.style.height = height + "px";
    const g = this.g = this.canvas.getContext("2d");
    g.scale(ratio, ratio);
    const style = getComputedStyle(this.element);
    this.paint = { text: style.color, ground: style.getPropertyValue("--ground"), frame: style.getPropertyValue("--frame"),
      folder: style.getPropertyValue("--folder") };
    g.fillStyle = this.paint.ground;
    g.fillRect(0, 0, width, height);
    g.font = "11px system-ui, sans-serif";
    g.textBaseline = "middle";
    this.cells = [];
    if (this.bytes[this.root] <= 0) {
      g.fillStyle = this.paint.text;
      g.fillText("nothing here holds bytes", 12, 20);
      return;
    }
    if (this.shape === "treemap") this.treemap(this.root, 0, 0, width, height, 0);
    else this.icicle(this.root, 0, 0, width, 0, Math.floor(height / 24));
    this.outline();
  }

  children(i) {
    const list = [];
    this.tree.children(i, c => this.bytes[c] > 0 && list.push(c));
    return list.sort((a, b) => this.bytes[b] - this.bytes[a] || a - b);
  }

  // treemap divides a rectangle among a directory's children so that each is as square as can be.
  // Source: Bruls, Huizing, van Wijk, Squarified Treemaps (2000).
  treemap(i, x, y, w, h, level) {
    const whole = this.bytes[i];
    let list = this.children(i), left = whole, at = 0;
    const own = whole - list.reduce((sum, c) => sum + this.bytes[c], 0);
    if (own > 0) { // a path that was a file in one layer and a directory in another
      list = [...list, i];
    }
    const size = c => c === i ? own : this.bytes[c];
    while (at < list.length && w > 1 && h > 1 && this.cells.length < mostCells) {
      const short = Math.min(w, h), scale = w * h / left;
      let row = 0, sum = 0, worst = Infinity;
      while (at + row < list.length) {
        const next = sum + size(list[at + row]);
        const side = next * scale / short;
        const most = size(list[at]) * scale / side, least = size(list[at + row]) * scale / side;
        const ratio = Math.max(most / side, side / least);
        if (ratio > worst) break;
        worst = ratio;
        sum = next;
        row++;
      }
      const side = sum * scale / short;
      let along = 0;
      for (let k = at; k < at + row; k++) {
        const length = size(list[k]) * scale / side;
        if (w >= h) this.cell(list[k], x, y + along, side, length, level, list[k] === i);
        else this.cell(list[k], x + along, y, length, side, level, list[k] === i);
        along += length;
      }
      if (w >= h) [x, w] = [x + side, w - side];
      else [y, h] = [y + side, h - side];
      left -= sum;
      at += row;
    }
  }

  cell(i, x, y, w, h, level, leaf) {
    if (w < 1 || h < 1) return;
    const folder = !leaf && this.tree.end[i] > i + 1;
    this.cells.push({ i, x, y, w, h, level });
    if (!folder || w < 6 || h < 6) return this.fill(i, x, y, w, h, folder);
    const title = w > 46 && h > 2 * label + 6;
    this.g.fillStyle = this.paint.folder;
    this.g.fillRect(x, y, w, h);
    this.g.strokeStyle = this.paint.frame;
    this.g.strokeRect(x + 0.5, y + 0.5, Math.max(w - 1, 0), Math.max(h - 1, 0));
    if (title) this.write(i, x, y, w, label, this.paint.text);
    const top = title ? label : 2;
    this.treemap(i, x + 2, y + top, w - 4, h - top - 2, level + 1);
  }

  fill(i, x, y, w, h, folder) {
    const layer = folder ? this.main(i) : this.layerAt(i);
    this.g.fillStyle = color(layer);
    this.g.fillRect(x, y, w, h);
    if (this.hidden) hatch(this.g, x, y, w, h, "rgba(0,0,0,0.45)");
    this.g.strokeStyle = this.paint.ground;
    if (w > 3 && h > 3) this.g.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1);
    if (w > 40 && h > 13) {
      if (this.hidden) {
        this.g.fillStyle = color(layer);
        this.g.fillRect(x + 2, y + 1, Math.min(w - 4, this.g.measureText(this.caption(i)).width + 6), 13);
      }
      this.write(i, x, y, w, 14, ink(layer));
    }
  }

  // main is the layer of the largest file at the head of a directory too small to draw its content.
  main(i) {
    let best = i;
    for (let depth = 0; depth < 40 && this.tree.end[best] > best + 1; depth++) {
      let most = -1;
      this.tree.children(best, c => {
        if (most < 0 || this.bytes[c] > this.bytes[most]) most = c;
      });
      if (most < 0 || this.bytes[most] <= 0) break;
      best = most;
    }
    return this.layerAt(best);
  }

  caption(i) {
    const name = i === 0 ? "/" : safe(this.tree.nameOf(i));
    return name.length > 80 ? name.slice(0, 80) + "…" : name;
  }

  write(i, x, y, w, h, ink) {
    const { g } = this;
    g.fillStyle = ink;
    let text = this.caption(i);
    const room = w - 8;
    if (g.measureText(text).width > room) {
      while (text && g.measureText(text + "…").width > room) text = text.slice(0, Math.floor(text.length * 0.8));
      text += "…";
    } else if (g.measureText(text + " " + sized(this.bytes[i])).width < room) {
      text += " " + sized(this.bytes[i]);
    }
    if (text.length > 1) g.fillText(text, x + 4, y + h / 2);
  }

  icicle(i, x, y, w, level, most) {
    this.cells.push({ i, x, y, w, h: 24, level });
    const folder = this.tree.end[i] > i + 1;
    if (folder) {
      this.g.fillStyle = this.paint.folder;
      this.g.fillRect(x, y, w, 24);
      this.g.strokeStyle = this.paint.frame;
      this.g.strokeRect(x + 0.5, y + 0.5, Math.max(w - 1, 0), 23);
      if (w > 40) this.write(i, x, y, w, 24, this.paint.text);
    } else {
      this.fill(i, x, y, w, 24, false);
    }
    if (level + 1 >= most) return;
    for (const c of this.children(i)) {
      const part = w * this.bytes[c] / this.bytes[i];
      if (part < 1 || this.cells.length >= mostCells) break;
      this.icicle(c, x, y + 24, part, level + 1, most);
      x += part;
    }
  }

  // at is the number of the smallest cell under the mouse, or -1.
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = event.clientX - box.left, y = event.clientY - box.top;
    for (let k = this.cells.length - 1; k >= 0; k--) {
      const c = this.cells[k];
      if (x >= c.x && x < c.x + c.w && y >= c.y && y < c.y + c.h) return k;
    }
    return -1;
  }

  point(event) { this.tell(this.at(event)); }

  // tell says what a cell is.
  tell(k) {
    if (k < 0) {
      this.tip.textContent = "Point at an area to see its path, or move with the arrow keys.";
      return;
    }
    const { i } = this.cells[k], { tree } = this;
    const layer = this.layerAt(i);
    const files = tree.end[i] > i + 1 ? `, ${grouped(tree.files[i])} files` : "";
    const from = tree.end[i] > i + 1 || layer < 0 ? "" : `, layer ${layer}: ${instructionOf(this.layers[layer] || {})}`;
    this.tip.textContent = `${safe(tree.bytesOf(i))}  ${sized(this.bytes[i])} (${grouped(this.bytes[i])} bytes)${files}${from}`;
  }

  // open goes into a directory, or shows a file below.
  open(k) {
    if (k < 0) return;
    const { i } = this.cells[k];
    this.active = k;
    if (this.tree.end[i] > i + 1 && i !== this.root) return this.go(i);
    this.draw();
    this.tell(k);
    this.state.choose(this.tree.bytesOf(i));
    if (this.onopen) this.onopen();
  }

  key(event) {
    const steps = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
    if (event.key === "Enter") this.open(this.active);
    else if (event.key === "Backspace" || event.key === "Escape") this.go(Math.max(this.tree.parent[this.root], 0));
    else if (event.key in steps) this.step(...steps[event.key]);
    else return;
    event.preventDefault();
  }

  // step moves to the nearest cell in a direction.
  step(dx, dy) {
    const from = this.cells[this.active];
    if (!from) return;
    const middle = c => [c.x + c.w / 2, c.y + c.h / 2];
    const [x, y] = middle(from);
    let best = -1, least = Infinity;
    this.cells.forEach((c, k) => {
      const [cx, cy] = middle(c);
      const along = (cx - x) * dx + (cy - y) * dy, across = Math.abs((cx - x) * dy) + Math.abs((cy - y) * dx);
      if (k === this.active || along <= 0.5) return;
      const distance = along + 2 * across;
      if (distance < least) [best, least] = [k, distance];
    });
    if (best < 0) return;
    this.active = best;
    this.draw();
    this.tell(best);
  }

  outline() {
    const c = this.cells[this.active];
    if (!c || document.activeElement !== this.canvas) return;
    this.g.strokeStyle = this.paint.ground;
    this.g.lineWidth = 5;
    this.g.strokeRect(c.x + 2.5, c.y + 2.5, Math.max(c.w - 5, 1), Math.max(c.h - 5, 1));
    this.g.strokeStyle = this.paint.text;
    this.g.lineWidth = 2;
    this.g.strokeRect(c.x + 2.5, c.y + 2.5, Math.max(c.w - 5, 1), Math.max(c.h - 5, 1));
    this.g.lineWidth = 1;
  }
}

export function mapSections(tree, layers, state, onopen) {
  const live = new SizeMap(tree, layers, state, false);
  const sections = [section("map", "Map of the final tree", "Areas are bytes, each file once; colours are the layers that " +
    "own the files. Choose a directory to go into it, a file to see its history.", live.element)];
  live.onopen = onopen;
  if (tree.hiddenBytes[0] > 0) {
    const hidden = new SizeMap(tree, layers, state, true);
    hidden.onopen = onopen;
    sections.push(section("hidden-map", "Map of hidden content", "What later layers deleted or overwrote, and the image " +
      "still carries. Colours are the layers that hold it.", hidden.element));
  }
  return sections;
}
