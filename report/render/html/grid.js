// A table of any number of rows, of which only those in sight are elements.
import { el, empty, classes, plainTable } from "./dom.js";

const rowHeight = 26;
const mostHeight = 8e6; // pixels that every browser scrolls
const printed = 200; // rows on paper

let grids = 0;

// Columns are {title, cell(i), hint(i), width, narrow, number, spare, mono, wide}; i is the number of the row, narrow the
// width on a narrow screen.
export class Grid {
  constructor(label, columns, options = {}) {
    Object.assign(this, { columns, count: 0, active: 0, options, id: "grid" + grids++, label, scrolled: 0 });
    this.rows = options.rows || 16;
    const template = columns.map(c => c.width || "minmax(0,1fr)").join(" ");
    const narrow = columns.filter(c => !c.spare).map(c => c.narrow || (c.width || "1fr").replace(/minmax\([^,]*,/, "minmax(0,")).join(" ");
    this.head = el("div", { class: "row head", role: "row" },
      columns.map(c => el("div", { role: "columnheader", class: classes(c) }, c.title)));
    this.window = el("div", { class: "window", role: "presentation" });
    this.body = el("div", { class: "body", role: "rowgroup", onscroll: () => {
      this.scrolled = this.body.scrollTop;
      this.draw();
    } }, this.window);
    this.paper = el("div", { class: "paper" });
    this.grid = el("div", { class: "grid", role: options.tree ? "treegrid" : "grid", "aria-label": label, tabindex: "0",
      onkeydown: e => this.key(e), onclick: e => this.click(e) },
    el("div", { role: "rowgroup" }, this.head), this.body);
    this.grid.style.setProperty("--columns", template);
    this.grid.style.setProperty("--narrow", narrow);
    this.none = el("p", { class: "none" });
    this.element = el("div", { class: "holder" }, this.grid, this.none, this.paper);
    window.addEventListener("beforeprint", () => this.print());
    window.addEventListener("afterprint", () => empty(this.paper));
  }

  // show sets how many rows there are, and what to say if there are none.
  show(count, none = "none") {
    this.count = count;
    this.active = Math.max(0, Math.min(this.active, count - 1));
    this.grid.setAttribute("aria-rowcount", String(count + 1));
    this.grid.hidden = count === 0;
    this.none.textContent = count === 0 ? none : "";
    this.seen = Math.min(count, this.rows); // what is in sight: to ask the browser would lay the whole page out
    this.body.style.height = this.seen * rowHeight + "px";
    this.window.style.height = Math.min(count * rowHeight, mostHeight) + "px";
    this.scrolled = Math.min(this.scrolled, Math.max(0, Math.min(count * rowHeight, mostHeight) - this.seen * rowHeight));
    this.draw();
  }

  // top is the first row in sight; if there are too many rows to scroll over each, a pixel is several.
  top() {
    if (this.count * rowHeight <= mostHeight) return Math.floor(this.scrolled / rowHeight);
    return Math.floor(this.scrolled / (mostHeight - this.seen * rowHeight) * (this.count - this.seen + 1));
  }

  draw() {
    const from = Math.max(0, this.top()), to = Math.min(this.count, from + this.seen + 1);
    const offset = this.count * rowHeight <= mostHeight ? from * rowHeight : this.scrolled;
    const rows = [];
    for (let i = from; i < to; i++) rows.push(this.row(i, offset + (i - from) * rowHeight));
    this.window.replaceChildren(...rows);
    if (this.count > 0) this.grid.setAttribute("aria-activedescendant", this.id + "-" + this.active);
  }

  row(i, at) {
    const more = this.options.each ? this.options.each(i) : {};
    const row = el("div", { ...more, class: "row" + (i === this.active ? " active" : "") + (more.class ? " " + more.class : ""),
      role: "row", id: this.id + "-" + i, "aria-rowindex": String(i + 2), "aria-selected": String(i === this.active),
      "data-row": String(i) },
    this.columns.map(c => {
      const cell = c.cell(i);
      return el("div", { role: "gridcell", class: classes(c),
        title: c.hint ? c.hint(i) : typeof cell === "string" ? cell : null }, cell);
    }));
    row.style.transform = `translateY(${at}px)`;
    return row;
  }

  click(event) {
    const row = event.target.closest("[data-row]");
    if (!row) return;
    this.go(Number(row.dataset.row), false);
    if (this.options.open) this.options.open(this.active, event);
  }

  // go makes a row the active one and brings it into sight.
  go(i, scroll = true) {
    this.active = Math.max(0, Math.min(this.count - 1, i));
    if (scroll) this.reveal();
    this.draw();
    if (this.options.move) this.options.move(this.active);
  }

  reveal() {
    const top = this.top();
    if (this.active >= top && this.active < top + this.seen) return;
    const first = Math.max(0, this.active < top ? this.active : this.active - this.seen + 1);
    this.scrolled = this.count * rowHeight <= mostHeight ? first * rowHeight :
      first / (this.count - this.seen + 1) * (mostHeight - this.seen * rowHeight);
    this.body.scrollTop = this.scrolled;
  }

  key(event) {
    const page = Math.max(1, this.seen - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -this.count, End: this.count };
    if (event.key in steps) this.go(this.active + steps[event.key]);
    else if (event.key === "Enter" && this.options.open) this.options.open(this.active, event);
    else if (!(this.options.key && this.options.key(event, this.active))) return;
    event.preventDefault();
  }

  // print puts the first rows on paper.
  print() {
    if (this.count === 0) return;
    const most = Math.min(this.count, printed);
    const rows = Array.from({ length: most }, (_, i) => i);
    empty(this.paper).append(plainTable(this.columns.map(c => ({ ...c, cell: i => c.cell(i), hint: null })), rows, this.label));
    if (most < this.count) {
      this.paper.append(el("p", {}, `and ${(this.count - most).toLocaleString("en")} more, which this page holds on a screen`));
    }
  }
}
