// A map of sizes: a treemap, whose areas are bytes, or an icicle, whose widths are.
import { el, choice, section } from "./dom.js";
import { safe } from "./text.js";
import { hatch } from "./palette.js";
import { ContentView, GrowthView } from "./views.js";

const mostCells = 6000;
const label = 15; // pixels of a directory's title
const step = 24; // pixels of a row of the icicle

export class SizeMap {
  constructor(view, state, onopen) {
    Object.assign(this, { view, paths: view.paths, state, onopen, root: 0, icicle: false, cells: [], active: 0 });
    this.canvas = el("canvas", { tabindex: "0", role: "application", "aria-label": view.title +
      ": arrow keys move, Enter goes into a directory or opens a file, Backspace goes up",
      onclick: e => this.open(this.at(e)), onmousemove: e => this.tell(this.at(e)), onmouseleave: () => this.tell(-1),
      onkeydown: e => this.key(e), onfocus: () => this.draw(), onblur: () => this.draw() });
    this.crumbs = el("nav", { class: "crumbs", "aria-label": "directory of the " + view.title });
    this.tip = el("p", { class: "tip", "aria-live": "polite" });
    this.element = el("div", { class: "map" },
      el("div", { class: "tools" }, this.crumbs, choice("shape", ["treemap", "icicle"], 0, shape => {
        this.icicle = shape === 1;
        this.draw();
      })), this.canvas, this.tip);
    new ResizeObserver(() => this.soon()).observe(this.element); // also when it comes into the page
    for (const event of ["beforeprint", "afterprint", "themechange"]) window.addEventListener(event, () => this.draw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    state.on(changed => changed.includes("layer") && this.filter());
    this.filter();
  }

  filter() {
    this.view.filter(this.state.layer);
    this.go(0);
  }

  go(root) {
    this.root = root;
    this.active = 0;
    this.showCrumbs();
    this.soon();
    this.tell(-1);
  }

  // soon draws once, however often it is called before the next frame.
  soon() {
    this.frame ||= requestAnimationFrame(() => this.draw());
  }

  showCrumbs() {
    const list = [];
    for (let at = this.root; at >= 0; at = this.paths.parent[at]) list.unshift(at);
    this.crumbs.replaceChildren(...list.flatMap((at, k) => [k > 1 ? "/" : "",
      el("button", { type: "button", onclick: () => this.go(at), "aria-current": at === this.root ? "location" : null },
        at === 0 ? "/" : safe(this.paths.nameOf(at)))]),
    el("span", { class: "size" }, this.view.size(this.root)));
  }

  draw() {
    this.frame = 0;
    const width = this.element.clientWidth;
    if (!width) return;
    const height = this.icicle ? 300 : Math.round(Math.min(520, Math.max(260, width * 0.5)));
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
    if (this.view.sums[this.root] <= 0) {
      g.fillStyle = this.paint.text;
      g.fillText("nothing here holds bytes", 12, 20);
      return;
    }
    if (this.icicle) this.stripe({ i: this.root, bytes: this.view.sums[this.root] }, 0, 0, width, Math.floor(height / step));
    else this.treemap(this.root, 0, 0, width, height);
    this.outline();
  }

  // areas are what divides the area of a path, the largest first: the paths below it, and its own parts. A path without
  // anything below that has one part is that part.
  areas(i) {
    const { view } = this, list = view.parts(i);
    this.paths.children(i, c => {
      if (view.sums[c] <= 0) return;
      const parts = this.paths.isParent(c) ? [] : view.parts(c);
      list.push(parts.length === 1 ? parts[0] : { i: c, bytes: view.sums[c] });
    });
    return list.sort((a, b) => b.bytes - a.bytes || a.i - b.i);
  }

  isPart(area) { return area.row !== undefined || area.grown !== undefined; }

  // treemap divides a rectangle so that each area is as square as can be.
  // Source: Bruls, Huizing, van Wijk, Squarified Treemaps (2000).
  treemap(i, x, y, w, h) {
    if (this.cells.length >= mostCells) return;
    const list = this.areas(i);
    let left = this.view.sums[i], at = 0;
    while (at < list.length && w > 1 && h > 1 && this.cells.length < mostCells) {
      const short = Math.min(w, h), scale = w * h / left;
      let row = 0, sum = 0, worst = Infinity;
      while (at + row < list.length) {
        const next = sum + list[at + row].bytes;
        const side = next * scale / short;
        const most = list[at].bytes * scale / side, least = list[at + row].bytes * scale / side;
        const ratio = Math.max(most / side, side / least);
        if (ratio > worst) break;
        worst = ratio;
        sum = next;
        row++;
      }
      const side = sum * scale / short;
      let along = 0;
      for (let k = at; k < at + row; k++) {
        const length = list[k].bytes * scale / side;
        if (w >= h) this.cell(list[k], x, y + along, side, length);
        else this.cell(list[k], x + along, y, length, side);
        along += length;
      }
      if (w >= h) [x, w] = [x + side, w - side];
      else [y, h] = [y + side, h - side];
      left -= sum;
      at += row;
    }
  }

  cell(area, x, y, w, h) {
    if (w < 1 || h < 1) return;
    this.cells.push({ area, x, y, w, h });
    if (this.isPart(area) || w < 6 || h < 6) return this.fill(area, x, y, w, h);
    const title = w > 46 && h > 2 * label + 6;
    this.folder(area, x, y, w, h, title ? label : 0);
    const top = title ? label : 2;
    this.treemap(area.i, x + 2, y + top, w - 4, h - top - 2);
  }

  // folder draws the frame of what is divided further, with a title if that has a height.
  folder(area, x, y, w, h, title) {
    this.g.fillStyle = this.paint.folder;
    this.g.fillRect(x, y, w, h);
    this.g.strokeStyle = this.paint.frame;
    this.g.strokeRect(x + 0.5, y + 0.5, Math.max(w - 1, 0), Math.max(h - 1, 0));
    if (title > 0) this.write(area, x, y, w, title, this.paint.text);
  }

  // fill draws a part; of what is too small to divide, its largest part stands for it.
  fill(area, x, y, w, h) {
    const { view, g } = this, part = this.largest(area);
    const color = part ? view.color(part) : this.paint.folder;
    g.fillStyle = color;
    g.fillRect(x, y, w, h);
    const hatched = part && view.hatched(part);
    if (hatched) hatch(g, x, y, w, h, "rgba(0,0,0,0.45)");
    g.strokeStyle = this.paint.ground;
    if (w > 3 && h > 3) g.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1);
    if (w <= 40 || h <= 13 || !part) return;
    if (hatched) {
      g.fillStyle = color;
      g.fillRect(x + 2, y + 1, Math.min(w - 4, g.measureText(this.caption(area, w - 8)).width + 6), 13);
    }
    this.write(area, x, y, w, 14, view.ink(part));
  }

  largest(area) {
    for (let depth = 0; depth < 40 && area && !this.isPart(area); depth++) {
      let most = null;
      for (const one of this.view.parts(area.i)) if (!most || one.bytes > most.bytes) most = one;
      this.paths.children(area.i, c => {
        if (!most || this.view.sums[c] > most.bytes) most = { i: c, bytes: this.view.sums[c] };
      });
      area = most;
    }
    return area && this.isPart(area) ? area : null;
  }

  // caption is the name and, if there is room, the size.
  caption(area, room) {
    const { g } = this, size = this.isPart(area) ? this.view.partSize(area) : this.view.size(area.i);
    let name = area.i === 0 ? "/" : safe(this.paths.nameOf(area.i));
    if (name.length > 80) name = name.slice(0, 80) + "…";
    if (g.measureText(name + " " + size).width < room) return name + " " + size;
    if (g.measureText(name).width <= room) return name;
    while (name && g.measureText(name + "…").width > room) name = name.slice(0, Math.floor(name.length * 0.8));
    return name && name + "…";
  }

  write(area, x, y, w, h, ink) {
    this.g.fillStyle = ink;
    this.g.fillText(this.caption(area, w - 8), x + 4, y + h / 2);
  }

  // stripe draws an area, and what divides it in the rows below.
  stripe(area, x, y, w, rows) {
    this.cells.push({ area, x, y, w, h: step });
    if (this.isPart(area)) return this.fill(area, x, y, w, step);
    this.folder(area, x, y, w, step, w > 40 ? step : 0);
    if (rows <= 1) return;
    for (const one of this.areas(area.i)) {
      const part = w * one.bytes / area.bytes;
      if (part < 1 || this.cells.length >= mostCells) break;
      this.stripe(one, x, y + step, part, rows - 1);
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

  // tell says what a cell is.
  tell(k) {
    if (k < 0) {
      this.tip.textContent = "Point at an area to see its path, or move with the arrow keys.";
      return;
    }
    const { area } = this.cells[k];
    this.tip.textContent = safe(this.paths.bytesOf(area.i)) + "  " +
      (this.isPart(area) ? this.view.tell(area) : this.view.tellAll(area.i));
  }

  // open goes into a directory, or shows a file below.
  open(k) {
    if (k < 0) return;
    const { area } = this.cells[k];
    this.active = k;
    if (!this.isPart(area) && this.paths.isParent(area.i) && area.i !== this.root) return this.go(area.i);
    this.draw();
    this.tell(k);
    this.state.choose(this.paths.bytesOf(area.i));
    this.onopen();
  }

  key(event) {
    const steps = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
    if (event.key === "Enter") this.open(this.active);
    else if (event.key === "Backspace" || event.key === "Escape") this.go(Math.max(this.paths.parent[this.root], 0));
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

export function mapSections(side, state, onopen) {
  const sections = [section("map", "Map of the final tree", "Areas are bytes, each file once; colours are the layers that " +
    "own the files. Choose a directory to go into it, a file to see its history.",
  new SizeMap(new ContentView(side, false), state, onopen).element)];
  if (side.tree.hiddenBytes[0] > 0) {
    sections.push(section("hidden-map", "Map of hidden content", "What later layers deleted or overwrote, and the image " +
      "still carries: each version is an area. Colours are the layers that hold it." + unseenNote(side),
    new SizeMap(new ContentView(side, true), state, onopen).element));
  }
  return sections;
}

// unseenNote says what the map of hidden content cannot show.
function unseenNote(side) {
  return side.unseen.layer.length > 0 ? " What no layer ever showed has no place in it: findings list it." : "";
}

export function growthSections(union, state, onopen) {
  const sections = [section("map", "Map of what grew or shrank", "Areas are the bytes by which live files differ: orange " +
    "grew from A to B, blue and hatched shrank. Choose a directory to go into it, a file to see its history.",
  new SizeMap(new GrowthView(union, false), state, onopen).element)];
  if (union.apart.hiddenBytes[0] > 0) {
    sections.push(section("hidden-map", "Map of hidden content that grew or shrank", "Areas are the bytes by which what " +
      "the images hide differs.", new SizeMap(new GrowthView(union, true), state, onopen).element));
  }
  return sections;
}
