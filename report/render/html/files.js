// The files: a tree of the paths, search over all of them, and the history of the chosen one beside it.
import { el, empty, facts, plainTable, section, slashLeadsTo } from "./dom.js";
import { count, drawnMode, grouped, line, moment, safe, sized } from "./text.js";
import { Grid } from "./grid.js";
import { Index } from "./search.js";
import { color, ink } from "./palette.js";
import { fates, fateLive, fateNone, flagImplied, flagSame, flagSameKnown, flagTimed, hows, kinds, types } from "./tree.js";
import { instructionOf } from "./layers.js";

export class Files {
  constructor(tree, layers, state, name) {
    Object.assign(this, { tree, layers, state, name, open: new Set([0]), found: null, list: [], bySize: false });
    this.grid = new Grid("files", this.columns(), { tree: true, rows: 20, open: (row, event) => this.pick(row, event),
      move: row => this.choose(this.list[row]), key: (event, row) => this.key(event, row), each: row => this.each(row) });
    this.box = el("input", { type: "search", id: "search", placeholder: "Search names and paths, live and deleted ( / )",
      "aria-label": "search names and paths, live and deleted", autocomplete: "off", spellcheck: "false",
      oninput: () => state.set({ query: this.box.value }) });
    this.status = el("p", { class: "status", role: "status" });
    this.sort = el("button", { type: "button", "aria-pressed": "false", onclick: () => {
      this.bySize = !this.bySize;
      this.sort.setAttribute("aria-pressed", String(this.bySize));
      this.fill();
    } }, "largest first");
    this.detail = el("aside", { class: "detail", "aria-label": "history of the chosen path", "aria-live": "polite" });
    this.element = section("files", "Files", "Every path of the final tree. Search also finds what is deleted or " +
      "overwritten. LAYER is the owner: the layer whose write a container sees.",
    el("div", { class: "tools" }, this.box, this.sort), this.status,
    el("div", { class: "beside" }, this.grid.element, this.detail));
    state.on(changed => this.follow(changed));
    slashLeadsTo(this.box);
    this.box.addEventListener("keydown", e => {
      if (e.key === "Escape") {
        this.box.value = "";
        state.set({ query: "" });
      }
      if (e.key === "ArrowDown" || e.key === "Enter") {
        e.preventDefault();
        this.grid.grid.focus();
        this.grid.go(0);
      }
    });
    this.follow(["layer", "query", "path"]);
  }

  columns() {
    const { tree } = this;
    const row = k => this.row(this.list[k]);
    return [
      { title: "Path", width: "minmax(9rem,3fr)", cell: k => this.nameCell(this.list[k]),
        hint: k => safe(tree.bytesOf(this.list[k])) },
      { title: "Size", number: true, width: "5.5rem", cell: k => this.sizeOf(this.list[k]) },
      { title: "Status", width: "8rem", spare: true, cell: k => this.statusOf(this.list[k]) },
      { title: "Mode", mono: true, width: "6.6rem", spare: true,
        cell: k => row(k) < 0 ? "-" : drawnMode(tree.type[row(k)], tree.mode[row(k)]) },
      { title: "Owner", number: true, width: "5.5rem", spare: true,
        cell: k => row(k) < 0 ? "-" : `${tree.uid[row(k)]}:${tree.gid[row(k)]}` },
      { title: "Layer", number: true, width: "3.6rem", cell: k => this.layerCell(row(k)) },
    ];
  }

  // row is the change that stands for a path: the visible version, else the last one.
  row(i) {
    const { tree } = this;
    if (tree.live[i] >= 0) return tree.live[i];
    for (let row = tree.first[i + 1] - 1; row >= tree.first[i]; row--) if (tree.fate[row] !== fateNone) return row;
    return -1;
  }

  sizeOf(i) {
    const { tree } = this, row = this.row(i);
    if (tree.isDir(i)) return sized(tree.liveBytes[i]);
    return row >= 0 && tree.type[row] === 0 ? sized(tree.size[row]) : "-";
  }

  statusOf(i) {
    const { tree } = this, row = this.row(i);
    if (row < 0 || tree.live[i] >= 0) return "live";
    return `${fates[tree.fate[row]]} by ${tree.hiddenByOf(row)}`;
  }

  layerCell(row) {
    if (row < 0) return "-";
    const layer = this.tree.ownerOf(row);
    if (layer < 0) return "-";
    const chip = el("span", { class: "chip" }, String(layer));
    chip.style.background = color(layer);
    chip.style.color = ink(layer);
    return chip;
  }

  nameCell(i) {
    const { tree } = this;
    const row = this.row(i), link = row >= 0 && tree.type[row] === 2 ? tree.extraOf(row, "link") : null;
    const to = link ? " -> " + safe(link) : "";
    const gone = tree.live[i] < 0;
    if (this.found) return el("span", { class: gone ? "gone" : "" }, safe(tree.bytesOf(i)) + to);
    const dir = tree.end[i] > i + 1;
    const cell = el("span", { class: "name" + (gone ? " gone" : "") },
      el("span", { class: "twist", "aria-hidden": "true" }, dir ? (this.open.has(i) ? "▾" : "▸") : ""),
      (i === 0 ? "/" : safe(tree.nameOf(i))) + (i > 0 && tree.isDir(i) ? "/" : "") + to);
    cell.style.paddingInlineStart = Math.min(tree.depth[i], 24) * 0.9 + "rem";
    return cell;
  }

  each(k) {
    const i = this.list[k], { tree } = this;
    if (this.found) return {};
    return { "aria-level": String(tree.depth[i] + 1),
      "aria-expanded": tree.end[i] > i + 1 ? String(this.open.has(i)) : null };
  }

  pick(k, event) {
    const i = this.list[k];
    if (!this.found && this.tree.end[i] > i + 1 && (event.type === "keydown" || event.target.closest(".twist"))) this.toggle(i);
    this.choose(i);
  }

  key(event, k) {
    if (this.found) return false;
    const { tree } = this, i = this.list[k], dir = tree.end[i] > i + 1;
    if (event.key === "ArrowRight" && dir && !this.open.has(i)) this.toggle(i);
    else if (event.key === "ArrowRight" && dir) this.grid.go(k + 1);
    else if (event.key === "ArrowLeft" && dir && this.open.has(i)) this.toggle(i);
    else if (event.key === "ArrowLeft" && i > 0) this.grid.go(this.list.indexOf(tree.parent[i]));
    else return event.key === "ArrowRight" || event.key === "ArrowLeft";
    return true;
  }

  toggle(i) {
    if (!this.open.delete(i)) this.open.add(i);
    this.fill();
  }

  choose(i) {
    this.choosing = true;
    this.state.choose(this.tree.bytesOf(i));
    this.choosing = false;
  }

  follow(changed) {
    if (changed.includes("layer")) this.mark();
    if (changed.includes("query")) this.search();
    if (changed.includes("layer") || changed.includes("query")) this.fill();
    if (changed.includes("path")) this.show();
  }

  // mark notes which paths the chosen layer touched, and the directories above them.
  mark() {
    const { tree, state } = this;
    this.marks = null;
    if (state.layer < 0) return;
    const marks = this.marks = new Uint8Array(tree.count);
    for (let i = tree.count - 1; i > 0; i--) {
      for (let row = tree.first[i]; row < tree.first[i + 1]; row++) if (tree.layerOf(row) === state.layer) marks[i] |= 2;
      if (marks[i]) marks[tree.parent[i]] |= 1;
    }
    marks[0] |= 1;
  }

  search() {
    const { query } = this.state;
    if (this.box.value !== query) this.box.value = query;
    if (!query) {
      this.found = null;
      return;
    }
    this.index ||= new Index(this.tree);
    this.found = this.index.find(query);
  }

  // fill lists the paths to show: what the search found, or the open directories.
  fill() {
    const { tree, marks } = this;
    const chosen = this.list[this.grid.active];
    if (this.found) {
      this.list = marks ? this.found.filter(i => marks[i] & 2) : this.found;
      if (this.bySize) this.list = this.list.slice().sort((a, b) => this.weight(b) - this.weight(a) || a - b);
      const gone = this.list.reduce((n, i) => n + (tree.live[i] < 0), 0);
      this.status.textContent = count(this.list.length, "path") + " found" + (gone ? `, ${grouped(gone)} no longer there` : "");
    } else {
      this.list = this.outline(marks);
      this.status.textContent = marks ? `paths that layer ${this.state.layer} touched, also those it deleted` :
        count(tree.files[0], "file") + ", " + sized(tree.liveBytes[0]);
    }
    const at = this.list.indexOf(chosen);
    this.grid.active = Math.max(at, 0);
    this.grid.show(this.list.length, this.found ? "nothing found" : "this layer touched no path");
  }

  weight(i) {
    const row = this.row(i);
    return this.tree.isDir(i) ? this.tree.liveBytes[i] : row < 0 ? 0 : this.tree.size[row];
  }

  outline(marks) {
    const { tree } = this, list = [];
    const shown = i => marks ? marks[i] : tree.live[i] >= 0;
    const add = i => {
      list.push(i);
      if (!this.open.has(i)) return;
      const below = [];
      tree.children(i, c => shown(c) && below.push(c));
      if (this.bySize) below.sort((a, b) => this.weight(b) - this.weight(a) || a - b);
      below.forEach(add);
    };
    add(0);
    return list;
  }

  // show shows the history of the chosen path.
  show() {
    const path = this.state.chosen();
    empty(this.detail);
    if (!path) {
      this.detail.append(el("p", { class: "none" }, "Choose a path to see what each layer did to it."));
      return;
    }
    const i = this.tree.find(path);
    if (i < 0) {
      this.detail.append(el("p", { class: "none" }, "No layer ever held " + safe(path) + "."));
      return;
    }
    this.detail.append(...historyOf(this.tree, i, this.layers, this.name));
    if (!this.choosing) this.reveal(i);
  }

  // reveal brings a path into sight: it opens the directories above it.
  reveal(i) {
    if (this.tree.live[i] < 0 && !this.found && !this.marks) return;
    for (let up = this.tree.parent[i]; up >= 0; up = this.tree.parent[up]) this.open.add(up);
    this.fill();
    const at = this.list.indexOf(i);
    if (at < 0) return;
    this.grid.active = at;
    this.grid.reveal();
    this.grid.draw();
  }
}

// historyOf is what each layer did to a path, as the command log says.
export function historyOf(tree, i, layers, name) {
  const path = safe(tree.bytesOf(i)), live = tree.live[i];
  const rows = Array.from({ length: tree.first[i + 1] - tree.first[i] }, (_, k) => tree.first[i] + k);
  const instruction = layer => layer < 0 ? "" : instructionOf(layers[layer] || {});
  const gone = row => kinds[tree.kind[row]] === "delete" || kinds[tree.kind[row]] === "opaque";
  const size = row => gone(row) || tree.type[row] !== 0 ? "-" : sized(tree.size[row]);
  const table = plainTable([
    { title: "Layer", number: true, cell: row => tree.layerOf(row) < 0 ? "-" : String(tree.layerOf(row)) },
    { title: "Change", cell: row => changeOf(tree, row) },
    { title: "Mode", mono: true, cell: row => gone(row) ? "-" : drawnMode(tree.type[row], tree.mode[row]) },
    { title: "UID:GID", cell: row => gone(row) ? "-" : `${tree.uid[row]}:${tree.gid[row]}` },
    { title: "Size", number: true, cell: size, hint: row => gone(row) ? null : grouped(tree.size[row]) + " bytes" },
    { title: "Modified", cell: row => gone(row) ? "-" : timeOf(tree, row) },
    { title: "Instruction", wide: true, cell: row => instruction(tree.layerOf(row)) },
  ], rows, "history of " + path);
  const last = live >= 0 ? live : rows[rows.length - 1];
  const owner = live >= 0 ? tree.ownerOf(live) : -1;
  return [el("h3", { title: path }, path), facts([
    ["Owner", live < 0 ? null : owner < 0 ? "no layer" : `layer ${owner}`],
    ["Instruction", live >= 0 && owner >= 0 ? instruction(owner) : null],
    ["Status", live >= 0 ? null : statusLine(tree, rows)],
    ["Type", last === undefined || gone(last) ? null : types[tree.type[last]]],
    ["Below", tree.end[i] > i + 1 ? `${count(tree.files[i], "file")}, ${sized(tree.liveBytes[i])}` +
      (tree.hiddenBytes[i] > 0 ? `; hidden ${sized(tree.hiddenBytes[i])}` : "") : null],
    ...extraFacts(tree, rows),
  ]), table, el("p", { class: "command" }, el("code", {}, line(`layup log ${name} ${path}`)))];
}

function statusLine(tree, rows) {
  const row = rows.filter(r => tree.fate[r] !== fateNone).pop();
  return row === undefined ? "" : `${fates[tree.fate[row]]} by layer ${tree.hiddenByOf(row)} (${hows[tree.how[row]]})`;
}

function changeOf(tree, row) {
  const same = tree.flags[row] & flagSameKnown && tree.flags[row] & flagSame ? " (same content)" : "";
  return kinds[tree.kind[row]] + same + (tree.flags[row] & flagImplied ? " (not listed)" : "");
}

function timeOf(tree, row) {
  if (tree.flags[row] & flagTimed) {
    return moment(tree.mtime[row]).replace("Z", tree.nanos[row] ? "." + String(tree.nanos[row]).padStart(9, "0") + "Z" : "Z");
  }
  const seconds = tree.extraOf(row, "seconds");
  return seconds ? "@" + safe(seconds) : "-";
}

function extraFacts(tree, rows) {
  const list = [];
  for (const row of rows) {
    const where = rows.length > 1 ? ` (layer ${tree.layerOf(row)})` : "";
    let attribute = "";
    for (const [name, value] of tree.extrasOf(row)) {
      if (name === "xattr") attribute = safe(value);
      else if (name === "xattrValue") list.push([attribute + where, safe(value)]);
      else if (name !== "seconds") list.push([{ link: "Link to", device: "Device", hardlinks: "Hard link of",
        sensitive: "Sensitive", sha256: "SHA-256" }[name] + where, safe(value)]);
    }
  }
  return list;
}
