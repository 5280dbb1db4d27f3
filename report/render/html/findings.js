// Findings: what is hidden, wasted, sensitive or runs with another's rights, secrets, and warnings.
import { el, plainTable, section } from "./dom.js";
import { count, drawnMode, grouped, line, percent, safe, shortDigest, sized } from "./text.js";
import { Grid } from "./grid.js";
import { color, ink } from "./palette.js";
import { fates, fateLive, fateNone, hows } from "./tree.js";
import { instructionOf } from "./layers.js";

export function findingsSection(tree, unseen, data, layers, state, onopen) {
  const parts = [
    wasteOf(data.waste, layers, state),
    ...hiddenOf(tree, data.waste, state, onopen),
    versionsOf("sensitive", "Sensitive files", "Files that should not be in an image, by name or content, live or not.",
      tree, tree.rowsWith("sensitive"), state, onopen, [{ title: "Rule", width: "8rem", cell: row => safe(tree.extraOf(row, "sensitive")) }]),
    versionsOf("setuid", "Setuid and setgid", "What runs with the rights of its owner or group (find --perm /6000), live or not.",
      tree, setuid(tree), state, onopen, []),
    ...secretsOf(data.secrets),
    ...duplicatesOf(data.waste),
    ...unseenOf(unseen),
    ...warningsOf(data.about),
  ];
  return section("findings", "Findings", null, parts);
}

function part(id, title, about, ...children) {
  return el("div", { class: "part", id }, el("h3", {}, title), about && el("p", { class: "about" }, about), children);
}

export function chip(layer) {
  if (layer === undefined || layer < 0) return "-";
  const e = el("span", { class: "chip" }, String(layer));
  e.style.background = color(layer);
  e.style.color = ink(layer);
  return e;
}

function wasteOf(waste, layers, state) {
  const t = waste.totals;
  let sum = `${grouped(t.stored)} bytes stored = ${grouped(t.live)} live + ${grouped(t.hidden)} hidden (${percent(t.hidden, t.stored)})`;
  if (t.metadataOnly) sum += `; of hidden ${grouped(t.metadataOnly)} metadata only`;
  if (t.duplicates) sum += `; of live ${grouped(t.duplicates)} duplicates`;
  if (t.repeatedLayers) sum += `; the file holds ${grouped(t.repeatedLayers)} of them once for several layers`;
  const hiding = waste.layers.filter(l => l.hidden > 0);
  const holder = el("div", {});
  const show = () => {
    const rows = hiding.filter(l => state.layer < 0 || l.layer === state.layer);
    holder.replaceChildren(rows.length === 0 ? el("p", { class: "none" }, "no layer has hidden bytes") : plainTable([
      { title: "Layer", cell: l => chip(l.layer) },
      { title: "Stored", number: true, cell: l => sized(l.stored), hint: l => grouped(l.stored) + " bytes" },
      { title: "Live", number: true, spare: true, cell: l => sized(l.live), hint: l => grouped(l.live) + " bytes" },
      { title: "Hidden", number: true, cell: l => sized(l.hidden), hint: l => grouped(l.hidden) + " bytes" },
      { title: "%", number: true, cell: l => percent(l.hidden, l.stored) },
      { title: "Metadata", number: true, spare: true, cell: l => sized(l.metadataOnly), hint: l => grouped(l.metadataOnly) + " bytes" },
      { title: "Instruction", wide: true, cell: l => (l.repeats >= 0 ? `(layer ${l.repeats} again) ` : "") + instructionOf(layers[l.layer] || {}) },
    ], rows, "waste by instruction"));
  };
  state.on(changed => changed.includes("layer") && show());
  show();
  return part("waste", "Waste by instruction", sum, holder);
}

// hiddenOf lists every version that a later layer hides, the largest first.
function hiddenOf(tree, waste, state, onopen) {
  const rows = [];
  for (let row = 0; row < tree.fate.length; row++) if (tree.fate[row] !== fateLive && tree.fate[row] !== fateNone) rows.push(row);
  const size = row => tree.type[row] === 0 ? tree.size[row] : 0;
  rows.sort((a, b) => size(b) - size(a) || a - b);
  return [versionsOf("hidden", "Hidden, largest first", "What a later layer deleted or overwrote. Whoever has the image can " +
    "read it: layup cat --layer N IMAGE PATH.", tree, rows, state, onopen, [])];
}

function setuid(tree) {
  const rows = [];
  for (let row = 0; row < tree.mode.length; row++) if (tree.mode[row] & 0o6000 && tree.fate[row] !== fateNone) rows.push(row);
  return rows;
}

// versionsOf is a table of versions; a click shows the history of the path.
function versionsOf(id, title, about, tree, all, state, onopen, more) {
  let rows = all;
  const grid = new Grid(title, [
    { title: "Layer", width: "3.6rem", cell: k => chip(tree.ownerOf(rows[k])) },
    { title: "Status", width: "9.5rem", cell: k => fateOf(tree, rows[k]) },
    ...more.map(c => ({ ...c, cell: k => c.cell(rows[k]) })),
    { title: "Mode", mono: true, width: "6.6rem", spare: true, cell: k => drawnMode(tree.type[rows[k]], tree.mode[rows[k]]) },
    { title: "UID:GID", width: "5.5rem", spare: true, number: true, cell: k => `${tree.uid[rows[k]]}:${tree.gid[rows[k]]}` },
    { title: "Size", number: true, width: "5.5rem", cell: k => tree.type[rows[k]] === 0 ? sized(tree.size[rows[k]]) : "-",
      hint: k => grouped(tree.size[rows[k]]) + " bytes" },
    { title: "Path", width: "minmax(9rem,3fr)", cell: k => safe(tree.bytesOf(tree.pathOf[rows[k]])) },
  ], { rows: 12, open: k => {
    state.choose(tree.bytesOf(tree.pathOf[rows[k]]));
    onopen();
  } });
  const summary = el("p", { class: "status" });
  const show = () => {
    rows = state.layer < 0 ? all : all.filter(row => tree.ownerOf(row) === state.layer);
    let bytes = 0;
    for (const row of rows) if (tree.fate[row] !== fateLive) bytes += tree.bytes(row);
    summary.textContent = rows.length === 0 ? "" : count(rows.length, "version") + (bytes ? `, ${sized(bytes)} hidden` : "");
    grid.show(rows.length, "none");
  };
  state.on(changed => changed.includes("layer") && show());
  show();
  return part(id, title, about, summary, grid.element);
}

function fateOf(tree, row) {
  if (tree.fate[row] === fateLive) return "live";
  const how = hows[tree.how[row]];
  const because = how === "whiteout" || how === "replaced" ? "" : ` (${how})`;
  return `${fates[tree.fate[row]]} by ${tree.hiddenByOf(row)}${because}`;
}

function secretsOf(secrets) {
  const about = "Build arguments, ARG, ENV and the configuration's environment whose name or value looks like a secret.";
  if (secrets.items.length === 0) return [part("secrets", "Secrets of the history", about, el("p", { class: "none" }, "none"))];
  return [part("secrets", "Secrets of the history", about, plainTable([
    { title: "Layer", cell: s => chip(s.layer) },
    { title: "Secret in", cell: s => s.where },
    { title: "Name", mono: true, cell: s => line(s.name || "") },
    { title: "Value", mono: true, wide: true, cell: s => line(s.value || "") },
  ], secrets.items, "secrets of the history"))];
}

function duplicatesOf(waste) {
  if (!waste.digests) {
    return [part("duplicates", "Duplicates", null, el("p", { class: "none" }, "Not looked for: layup report --digests does."))];
  }
  if (waste.duplicates.length === 0) return [part("duplicates", "Duplicates", null, el("p", { class: "none" }, "none"))];
  const list = waste.duplicates;
  const left = waste.contents - list.length;
  const grid = new Grid("duplicates", [
    { title: "Layer", width: "3.6rem", cell: k => chip(list[k].layer) },
    { title: "Duplicate", number: true, width: "6rem", cell: k => sized(list[k].bytes), hint: k => grouped(list[k].bytes) + " bytes" },
    { title: "Copies", number: true, width: "4.5rem", cell: k => grouped(list[k].copies) },
    { title: "SHA256", mono: true, width: "8rem", spare: true, cell: k => shortDigest(list[k].sha256), hint: k => list[k].sha256 },
    { title: "First path", width: "minmax(9rem,3fr)", cell: k => nameOf(list[k]) },
  ], { rows: 10 });
  grid.show(list.length);
  return [part("duplicates", "Duplicates", "The same content in several files of the final tree." +
    (left > 0 ? ` ${grouped(left)} smaller ones are left out: layup waste lists them.` : ""), grid.element)];
}

// nameOf is the path of an item, exact if it is not UTF-8.
export function nameOf(item, name = "path") {
  if (!item[name + "Base64"]) return safe(item[name] || "");
  return safe(Uint8Array.from(atob(item[name + "Base64"]), c => c.charCodeAt(0)));
}

function unseenOf(unseen) {
  const n = unseen.layer.length;
  if (n === 0) return [];
  const at = new Uint32Array(n + 1);
  for (let i = 0; i < n; i++) at[i + 1] = at[i] + unseen.pathLength[i];
  const grid = new Grid("never shown", [
    { title: "Layer", width: "3.6rem", cell: k => chip(unseen.layer[k]) },
    { title: "Why", width: "10rem", cell: k => hows[unseen.how[k]] },
    { title: "Size", number: true, width: "5.5rem", cell: k => sized(unseen.size[k]) },
    { title: "Path", width: "minmax(9rem,3fr)", cell: k => safe(unseen.path.subarray(at[k], at[k + 1])) },
  ], { rows: 10 });
  grid.show(n);
  return [part("unseen", "Never shown", "Content that no layer ever showed: its own layer replaces or ignores it, or a " +
    "whiteout carries it (hidden --unseen).", grid.element)];
}

export function warningsOf(about) {
  const { warnings = [], errors = [] } = about;
  const list = [];
  if (errors.length > 0) {
    list.push(part("errors", "What could not be read", null, plainTable([
      { title: "Layer", cell: e => chip(e.layer) }, { title: "Cause", wide: true, cell: e => line(e.message) },
    ], errors, "errors")));
  }
  const grid = new Grid("warnings", [
    { title: "Severity", width: "5.5rem", cell: k => warnings[k].severity },
    { title: "Layer", width: "3.6rem", cell: k => chip(warnings[k].layer) },
    { title: "Code", width: "minmax(8rem,1.2fr)", cell: k => warnings[k].code },
    { title: "Path", width: "minmax(6rem,1.5fr)", spare: true, cell: k => nameOf(warnings[k]) },
    { title: "Meaning", width: "minmax(9rem,3fr)", cell: k => line(warnings[k].message) +
      (warnings[k].more ? ` (and ${warnings[k].more} more)` : "") },
  ], { rows: 12 });
  grid.show(warnings.length, "none");
  list.push(part("warnings", "Warnings", "What is odd in the image. With high severity an engine shows another tree, or " +
    "refuses the image.", grid.element));
  return list;
}
