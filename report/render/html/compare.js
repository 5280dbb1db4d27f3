// Two images: what they share, and what was added, changed and removed from the first, A, to the second, B.
import { el, empty, facts, plainTable, section, slashLeadsTo } from "./dom.js";
import { count, drawnMode, encodePath, grouped, line, safe, shortDigest, sized } from "./text.js";
import { Grid } from "./grid.js";
import { color, ink } from "./palette.js";
import { types } from "./tree.js";
import { chip, warningsOf } from "./findings.js";

const changeNames = ["added", "removed", "changed"];
const signs = ["+", "-", "~"];

// delta is a number of bytes with its sign.
function delta(n) { return n === 0 ? "0B" : (n > 0 ? "+" : "") + sized(n); }

export function sidesSection(about, difference) {
  const { a, b } = about.sides;
  const row = (name, of, hint) => ({ name, a: of(a), b: of(b), hint: hint || (() => null) });
  const bytes = (name, of) => ({ name, a: sized(of(a)), b: sized(of(b)), delta: delta(of(b) - of(a)),
    hint: s => grouped(of(s)) + " bytes" });
  const rows = [
    row("Source", s => line(`${s.facts.name || ""} (${s.facts.source})`)), row("Reference", s => line(s.facts.reference || "-")),
    row("Image ID", s => line(s.facts.id || "-")), row("Manifest", s => line(s.facts.manifest || "-")),
    row("Platform", s => line(s.facts.platform || "-")), row("Created", s => (s.facts.created || "-").replace("T", " ")),
    row("Verified", s => s.facts.verified || "-"), row("Layers", s => String(s.facts.layers)),
    bytes("Layers as stored", s => s.facts.stored), bytes("Files stored", s => s.stored), bytes("Files live", s => s.live),
    bytes("Files hidden", s => s.hidden),
  ];
  return section("sides", "The two images", difference.equal ? "They are equal in layers, configuration and paths." : null, plainTable([
    { title: "", cell: r => r.name },
    { title: "A", wide: true, cell: r => r.a, hint: r => r.hint(a) },
    { title: "B", wide: true, cell: r => r.b, hint: r => r.hint(b) },
    { title: "Change", number: true, cell: r => r.delta || "" },
  ], rows, "the two images"));
}

export function pairedLayers(about, difference) {
  const { a, b } = about.sides;
  const hiddenPart = (side, l) => side.layers[l.layer] || { stored: 0, hidden: 0 };
  const bar = (side, name) => {
    const holder = el("div", { class: "bar", role: "img", "aria-label": `layers of ${name} by stored bytes` });
    for (const match of difference.layers) {
      const l = match[name.toLowerCase()];
      if (!l) continue;
      const account = hiddenPart(side, l), part = account.stored ? account.hidden / account.stored : 0;
      const title = `${name} layer ${l.layer}, ${match.status}: ${sized(l.size)}: ${line(l.instruction || "")}`;
      const block = el("div", { class: "block " + match.status, title }, el("span", {}, String(l.layer)));
      block.style.flexGrow = String(Math.max(l.size, side.facts.stored * 0.004, 1));
      block.style.background = match.status === "shared" ? "var(--folder)" : color(l.layer);
      block.style.color = match.status === "shared" ? "var(--ink)" : ink(l.layer);
      if (part > 0) {
        const hidden = el("span", { class: "hatched", "aria-hidden": "true" });
        hidden.style.width = Math.max(part * 100, 1) + "%";
        block.append(hidden);
      }
      holder.append(block);
    }
    return el("div", { class: "named" }, el("strong", {}, name), holder);
  };
  return section("layers", "Layers", "Layers are the same if their diffIDs are. In the bars, shared layers have no colour; " +
    "what is hatched, later layers hide.", bar(a, "A"), bar(b, "B"), plainTable([
    { title: "Status", cell: m => m.status },
    { title: "A", number: true, cell: m => m.a ? String(m.a.layer) : "-" },
    { title: "B", number: true, cell: m => m.b ? String(m.b.layer) : "-" },
    { title: "DiffID", mono: true, spare: true, cell: m => shortDigest(m.diffID), hint: m => m.diffID },
    { title: "Size", number: true, cell: m => sized((m.b || m.a).size), hint: m => grouped((m.b || m.a).size) + " bytes" },
    { title: "Change", number: true, cell: m => delta((m.b ? m.b.size : 0) - (m.a ? m.a.size : 0)) },
    { title: "Instruction", wide: true, cell: m => line((m.b || m.a).instruction || (m.b || m.a).createdBy || ""),
      hint: m => line((m.b || m.a).createdBy || "") },
  ], difference.layers, "layers of both images", m => ({ class: m.status })));
}

export function configDifference(difference) {
  const list = difference.config;
  const text = v => v === undefined ? "-" : typeof v === "string" ? v : JSON.stringify(v);
  if (list.length === 0) return section("config", "Configuration", null, el("p", { class: "none" }, "no difference"));
  return section("config", "Configuration", null, plainTable([
    { title: "Field", cell: c => line([c.field, c.name].filter(Boolean).join(" ")) },
    { title: "Change", cell: c => c.change },
    { title: "A", wide: true, mono: true, cell: c => line(text(c.a)) },
    { title: "B", wide: true, mono: true, cell: c => line(text(c.b)) },
  ], list, "configuration"));
}

// A Difference is the tree of the paths that differ, with the directories above them.
export class Differences {
  constructor(table, about, difference, state) {
    Object.assign(this, { table, about, difference, state, wanted: -1, open: new Set() });
    this.plant();
    this.grid = new Grid("paths that differ", this.columns(), { tree: true, rows: 22, open: (k, e) => this.pick(k, e),
      move: k => this.choose(this.list[k]), key: (e, k) => this.key(e, k), each: k => this.each(k) });
    this.box = el("input", { type: "search", id: "search", placeholder: "Search the paths that differ ( / )",
      "aria-label": "search the paths that differ", autocomplete: "off", spellcheck: "false",
      oninput: () => state.set({ query: this.box.value }) });
    this.status = el("p", { class: "status", role: "status" });
    this.detail = el("aside", { class: "detail", "aria-label": "the chosen path on both sides", "aria-live": "polite" });
    const buttons = changeNames.map((name, k) => el("button", { type: "button", "aria-pressed": "false", onclick: () => {
      this.wanted = this.wanted === k ? -1 : k;
      buttons.forEach((b, i) => b.setAttribute("aria-pressed", String(i === this.wanted)));
      this.fill();
    } }, `${name} ${grouped(this.totals[k])}`));
    this.element = section("files", "Paths", "Directories show how much larger what is in them became, the largest change " +
      "first. LAYER is the owner on the side that has the path.",
    el("div", { class: "tools" }, this.box, el("div", { class: "choice", role: "group", "aria-label": "change" }, buttons)),
    this.status, el("div", { class: "beside" }, this.grid.element, this.detail));
    slashLeadsTo(this.box);
    this.box.addEventListener("keydown", e => {
      if (e.key !== "ArrowDown" && e.key !== "Enter") return;
      e.preventDefault();
      this.grid.grid.focus();
      this.grid.go(0);
    });
    state.on(changed => {
      if (changed.includes("query")) this.fill();
      if (changed.includes("path")) this.show();
    });
    this.box.value = state.query;
    this.fill();
    this.show();
  }

  // plant builds the tree. A node is {name, path, row, below, size, changes}; row is -1 of a directory that is the same.
  plant() {
    const { table } = this;
    const n = table.change.length, starts = new Uint32Array(n + 1), what = new Uint32Array(n + 1);
    for (let k = 0; k < n; k++) {
      starts[k + 1] = starts[k] + table.pathLength[k];
      what[k + 1] = what[k] + table.whatLength[k];
    }
    this.starts = starts;
    this.whatAt = what;
    this.places = {};
    for (const field of ["aTime", "bTime", "aLink", "bLink"]) {
      const at = this.places[field] = new Uint32Array(n + 1);
      for (let k = 0; k < n; k++) at[k + 1] = at[k] + table[field + "Length"][k];
    }
    this.totals = [0, 0, 0];
    this.root = node("", null, -1);
    for (let k = 0; k < n; k++) {
      this.totals[table.change[k]]++;
      let at = this.root;
      const path = latinOf(table.path.subarray(starts[k], starts[k + 1]));
      const size = this.sizeOn("b", k) - this.sizeOn("a", k);
      const visit = d => {
        d.size += size;
        d.changes[table.change[k]]++;
      };
      visit(at);
      for (const part of path.split("/")) {
        if (!part) continue;
        let next = at.below.get(part);
        if (!next) at.below.set(part, next = node(part, at, -1));
        at = next;
        visit(at);
      }
      at.row = k;
    }
    this.open.add(this.root);
  }

  sizeOn(side, k) { return this.table[side + "Type"][k] === 1 ? this.table[side + "Size"][k] : 0; }
  textOf(field, k) { return this.table[field].subarray(this.places[field][k], this.places[field][k + 1]); }
  whatOf(k) { return line(latinOf(this.table.what.subarray(this.whatAt[k], this.whatAt[k + 1]))); }

  columns() {
    const at = k => this.list[k], { table } = this;
    return [
      { title: "Path", width: "minmax(9rem,3fr)", cell: k => this.nameCell(at(k)), hint: k => safe(pathOf(at(k))) },
      { title: "Change", width: "5.2rem", cell: k => at(k).row < 0 ? "" : signs[table.change[at(k).row]] + " " + changeNames[table.change[at(k).row]] },
      { title: "What", width: "8rem", spare: true, cell: k => at(k).row < 0 ? tally(at(k)) : this.whatCell(at(k).row) },
      { title: "Bytes", number: true, width: "6rem", cell: k => delta(at(k).size), hint: k => grouped(at(k).size) + " bytes" },
      { title: "Layer A", number: true, width: "4rem", spare: true, cell: k => this.layerCell("a", at(k).row) },
      { title: "Layer B", number: true, width: "4rem", cell: k => this.layerCell("b", at(k).row) },
    ];
  }

  whatCell(k) {
    const type = this.table.bType[k] || this.table.aType[k];
    return this.whatOf(k) || types[type - 1];
  }

  layerCell(side, k) {
    if (k < 0 || this.table[side + "Type"][k] === 0) return "-";
    return chip(this.table[side + "Layer"][k] - 1);
  }

  nameCell(d) {
    const row = el("span", { class: "name" + (d.row >= 0 && this.table.change[d.row] === 1 ? " gone" : "") });
    if (this.flat) {
      row.append(safe(pathOf(d)));
      return row;
    }
    row.append(el("span", { class: "twist", "aria-hidden": "true" }, d.below.size ? (this.open.has(d) ? "▾" : "▸") : ""),
      d.parent ? safe(bytesFrom(d.name)) + (d.below.size ? "/" : "") : "/");
    row.style.paddingInlineStart = Math.min(level(d), 24) * 0.9 + "rem";
    return row;
  }

  each(k) {
    const d = this.list[k];
    if (this.flat) return {};
    return { "aria-level": String(level(d) + 1), "aria-expanded": d.below.size ? String(this.open.has(d)) : null };
  }

  // fill lists the paths to show: those that the search finds, or the open directories.
  fill() {
    const { query } = this.state, { wanted } = this;
    this.flat = query !== "";
    const list = [];
    const shown = d => wanted < 0 || d.changes[wanted] > 0;
    const lower = small(latinOf(new TextEncoder().encode(query)));
    const add = d => {
      if (!shown(d)) return;
      if (!this.flat) list.push(d);
      else if (d.row >= 0 && (wanted < 0 || this.table.change[d.row] === wanted) && small(textOf(d)).includes(lower)) list.push(d);
      if (!this.flat && !this.open.has(d)) return;
      const below = [...d.below.values()];
      if (!this.flat) below.sort((x, y) => Math.abs(y.size) - Math.abs(x.size));
      below.forEach(add);
    };
    if (this.table.change.length > 0) add(this.root);
    this.list = list;
    const [added, removed, changed] = this.totals;
    this.status.textContent = this.flat ? count(list.length, "path") + " found" :
      `${grouped(added)} added, ${grouped(removed)} removed, ${grouped(changed)} changed: ${delta(this.root.size)} of files`;
    this.grid.show(list.length, this.flat ? "nothing found" : "no path differs");
  }

  pick(k, event) {
    const d = this.list[k];
    if (!this.flat && d.below.size && (event.type === "keydown" || event.target.closest(".twist") || d.row < 0)) this.toggle(d);
    this.choose(d);
  }

  toggle(d) {
    if (!this.open.delete(d)) this.open.add(d);
    this.fill();
  }

  key(event, k) {
    const d = this.list[k];
    if (this.flat) return false;
    if (event.key === "ArrowRight" && d.below.size && !this.open.has(d)) this.toggle(d);
    else if (event.key === "ArrowLeft" && this.open.has(d)) this.toggle(d);
    else if (event.key === "ArrowLeft" && d.parent) this.grid.go(this.list.indexOf(d.parent));
    else return event.key === "ArrowRight" || event.key === "ArrowLeft";
    return true;
  }

  choose(d) { this.state.set({ path: encodePath(pathOf(d)) }); }

  find(path) {
    let at = this.root;
    for (const part of latinOf(path).split("/")) if (part && at) at = at.below.get(part);
    return at;
  }

  // show shows the chosen path on both sides.
  show() {
    const path = this.state.chosen();
    empty(this.detail);
    const d = path && this.find(path);
    if (!d) {
      this.detail.append(el("p", { class: "none" }, path ? safe(path) + " does not differ." : "Choose a path to see it in both images."));
      return;
    }
    this.detail.append(el("h3", {}, safe(pathOf(d))));
    if (d.below.size) {
      this.detail.append(facts([["Below", `${tally(d)}: ${delta(d.size)}`]]));
    }
    if (d.row < 0) return;
    const k = d.row, by = this.table.deletedBy[k] - 1;
    this.detail.append(facts([["Change", changeNames[this.table.change[k]]], ["What", this.whatOf(k)],
      ["Deleted by", by >= 0 ? `layer ${by} of B: ${this.instruction("b", by)}` : null]]));
    const side = s => ({ s, there: this.table[s + "Type"][k] > 0 });
    this.detail.append(plainTable([
      { title: "", cell: r => r.s.toUpperCase() },
      { title: "Layer", cell: r => r.there ? chip(this.table[r.s + "Layer"][k] - 1) : "-" },
      { title: "Mode", mono: true, cell: r => r.there ? drawnMode(this.table[r.s + "Type"][k] - 1, this.table[r.s + "Mode"][k]) : "-" },
      { title: "UID:GID", cell: r => r.there ? `${this.table[r.s + "UID"][k]}:${this.table[r.s + "GID"][k]}` : "-" },
      { title: "Size", number: true, cell: r => r.there && this.table[r.s + "Type"][k] === 1 ? sized(this.table[r.s + "Size"][k]) : "-" },
      { title: "Modified", cell: r => r.there ? safe(this.textOf(r.s + "Time", k)) || "-" : "-" },
      { title: "Link", cell: r => safe(this.textOf(r.s + "Link", k)) },
      { title: "Instruction", wide: true, cell: r => r.there ? this.instruction(r.s, this.table[r.s + "Layer"][k] - 1) : "" },
    ], [side("a"), side("b")], "the path in both images"));
  }

  instruction(side, layer) {
    const match = this.difference.layers.find(m => m[side] && m[side].layer === layer);
    return match ? line(match[side].instruction || match[side].createdBy || "") : "";
  }
}

function node(name, parent, row) { return { name, parent, row, below: new Map(), size: 0, changes: [0, 0, 0] }; }

function level(d) {
  let n = 0;
  for (let at = d.parent; at; at = at.parent) n++;
  return n;
}

function tally(d) { return signs.map((s, k) => d.changes[k] ? s + grouped(d.changes[k]) : "").filter(Boolean).join(" "); }

function textOf(d) {
  const parts = [];
  for (let at = d; at.parent; at = at.parent) parts.unshift(at.name);
  return "/" + parts.join("/");
}

function pathOf(d) { return bytesFrom(textOf(d)); }

function small(text) { return text.replace(/[A-Z]/g, c => c.toLowerCase()); }

// A text with one character for each byte keeps names exact that are not UTF-8.
function latinOf(bytes) { return Array.from(bytes, b => String.fromCharCode(b)).join(""); }
function bytesFrom(text) { return Uint8Array.from(text, c => c.charCodeAt(0)); }

export function differenceWarnings(difference) {
  const mark = w => ({ ...w, message: (w.side ? w.side.toUpperCase() + ": " : "") + w.message });
  return section("findings", "Warnings", null, warningsOf({ warnings: (difference.warnings || []).map(mark),
    errors: (difference.errors || []).map(mark) }));
}
