// A table of paths that opens like a tree, a search over all of them, and what is known of the chosen path beside it.
import { el, empty, section, slashLeadsTo } from "./dom.js";
import { safe } from "./text.js";
import { Grid } from "./grid.js";
import { Index } from "./search.js";

// Who extends it says what is shown: columns, shown, kept, weight, gone, told, linkOf and detailOf.
export class Outline {
  constructor(paths, state, { title, about, hint, beside, bySize, tools }) {
    Object.assign(this, { paths, state, open: new Set([0]), found: null, list: [], bySize });
    this.grid = new Grid(title.toLowerCase(), [this.nameColumn(), ...this.columns()], { tree: true, rows: 20,
      open: (row, event) => this.pick(row, event), move: row => this.choose(this.list[row]),
      key: (event, row) => this.key(event, row), each: row => this.each(row) });
    this.box = el("input", { type: "search", id: "search", placeholder: hint + " ( / )", "aria-label": hint.toLowerCase(),
      autocomplete: "off", spellcheck: "false", oninput: () => state.set({ query: this.box.value }),
      onkeydown: e => this.searchKey(e) });
    this.status = el("p", { class: "status", role: "status" });
    this.sort = el("button", { type: "button", "aria-pressed": String(bySize), onclick: () => {
      this.bySize = !this.bySize;
      this.sort.setAttribute("aria-pressed", String(this.bySize));
      this.fill();
    } }, "largest first");
    this.detail = el("aside", { class: "detail", "aria-label": beside, "aria-live": "polite" });
    this.element = section("files", title, about, el("div", { class: "tools" }, this.box, tools, this.sort), this.status,
      el("div", { class: "beside" }, this.grid.element, this.detail));
    slashLeadsTo(this.box);
    state.on(changed => this.follow(changed));
    (window.requestIdleCallback || setTimeout)(() => this.prepare());
  }

  // prepare reads all names once, so that the first search need not.
  prepare() { this.index ||= new Index(this.paths); }

  nameColumn() {
    return { title: "Path", width: "minmax(9rem,3fr)", cell: k => this.nameCell(this.list[k]),
      hint: k => safe(this.paths.bytesOf(this.list[k])) };
  }

  nameCell(i) {
    const { paths } = this, link = this.linkOf(i), to = link ? " -> " + safe(link) : "", gone = this.gone(i) ? " gone" : "";
    if (this.found) return el("span", { class: "name" + gone }, safe(paths.bytesOf(i)) + to);
    const cell = el("span", { class: "name" + gone },
      el("span", { class: "twist", "aria-hidden": "true" }, paths.isParent(i) ? (this.open.has(i) ? "▾" : "▸") : ""),
      (i === 0 ? "/" : safe(paths.nameOf(i))) + (i > 0 && paths.isDir(i) ? "/" : "") + to);
    cell.style.paddingInlineStart = Math.min(paths.depth[i], 24) * 0.9 + "rem";
    return cell;
  }

  each(k) {
    const i = this.list[k];
    if (this.found) return {};
    return { "aria-level": String(this.paths.depth[i] + 1),
      "aria-expanded": this.paths.isParent(i) ? String(this.open.has(i)) : null };
  }

  pick(k, event) {
    const i = this.list[k];
    if (!this.found && this.paths.isParent(i) && (event.type === "keydown" || event.target.closest(".twist"))) this.toggle(i);
    this.choose(i);
  }

  key(event, k) {
    if (this.found) return false;
    const { paths } = this, i = this.list[k], dir = paths.isParent(i);
    if (event.key === "ArrowRight" && dir && !this.open.has(i)) this.toggle(i);
    else if (event.key === "ArrowRight" && dir) this.grid.go(k + 1);
    else if (event.key === "ArrowLeft" && dir && this.open.has(i)) this.toggle(i);
    else if (event.key === "ArrowLeft" && i > 0) this.grid.go(this.list.indexOf(paths.parent[i]));
    else return event.key === "ArrowRight" || event.key === "ArrowLeft";
    return true;
  }

  searchKey(event) {
    if (event.key === "Escape") {
      this.box.value = "";
      this.state.set({ query: "" });
    }
    if (event.key === "ArrowDown" || event.key === "Enter") {
      event.preventDefault();
      this.grid.grid.focus();
      this.grid.go(0);
    }
  }

  toggle(i) {
    if (!this.open.delete(i)) this.open.add(i);
    this.fill();
  }

  choose(i) {
    this.choosing = true;
    this.state.choose(this.paths.bytesOf(i));
    this.choosing = false;
  }

  follow(changed) {
    if (changed.includes("query")) this.search();
    if (changed.includes("layer") || changed.includes("query")) this.fill();
    if (changed.includes("path")) this.show();
  }

  search() {
    const { query } = this.state;
    if (this.box.value !== query) this.box.value = query;
    if (query) this.prepare();
    this.found = query ? this.index.find(query) : null;
  }

  // fill lists the paths to show: what the search found, or the open directories.
  fill() {
    const chosen = this.list[this.grid.active];
    this.list = this.found ? this.found.filter(i => this.kept(i)) : this.opened();
    if (this.found && this.bySize) this.list = this.list.sort((a, b) => this.larger(a, b));
    this.status.textContent = this.told();
    this.grid.active = Math.max(this.list.indexOf(chosen), 0);
    this.grid.show(this.list.length, this.found ? "nothing found" : "no path");
  }

  larger(a, b) { return this.weight(b) - this.weight(a) || a - b; }

  opened() {
    const { paths } = this, list = [];
    const add = i => {
      list.push(i);
      if (!this.open.has(i)) return;
      const below = [];
      paths.children(i, c => this.shown(c) && below.push(c));
      if (this.bySize) below.sort((a, b) => this.larger(a, b));
      below.forEach(add);
    };
    add(0);
    return list;
  }

  // show shows what is known of the chosen path.
  show() {
    const path = this.state.chosen();
    empty(this.detail);
    if (!path) {
      this.detail.append(el("p", { class: "none" }, "Choose a path to see what each layer did to it."));
      return;
    }
    const i = this.paths.find(path);
    if (i < 0) {
      this.detail.append(el("p", { class: "none" }, "No layer ever held " + safe(path) + "."));
      return;
    }
    this.detail.append(...this.detailOf(i));
    if (!this.choosing) this.reveal(i);
  }

  // reveal brings a path into sight: it opens the directories above it.
  reveal(i) {
    if (!this.found && !this.shown(i)) return;
    for (let up = this.paths.parent[i]; up >= 0; up = this.paths.parent[up]) this.open.add(up);
    this.fill();
    const at = this.list.indexOf(i);
    if (at < 0) return;
    this.grid.active = at;
    this.grid.reveal();
    this.grid.draw();
  }
}
