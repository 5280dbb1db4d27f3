// Findings: what is hidden, wasted, sensitive or runs with another's rights, secrets, and warnings; of one image, or of
// two beside each other.
import { chip, choice, el, part, plainTable, section } from "./dom.js";
import { count, drawnMode, grouped, line, percent, safe, shortDigest, sized } from "./text.js";
import { Grid } from "./grid.js";
import { fates, fateLive, hows } from "./tree.js";
import { instructionOf } from "./layers.js";
import { Versions } from "./versions.js";

// Odd are the warnings and errors.
export function findingsSection(sides, union, odd, state, onopen) {
  const list = (id, title, about, wanted, order, more = []) =>
    versionsPart(id, title, about, new Versions(sides, union, wanted, order), state, onopen, more);
  return section("findings", "Findings", sides.length > 1 ? "A finding is in both images if both have it at its path." : null, [
    wastePart(sides, state),
    list("hidden", "Hidden, largest first", "What a later layer deleted or overwrote. Whoever has the image can " +
      "read it: layup cat --layer N IMAGE PATH.", hiddenRows, (tree, row) => tree.type[row] === 0 ? tree.size[row] : 0),
    list("sensitive", "Sensitive files", "Files that should not be in an image, by name or content, live or not.",
      tree => tree.rowsWith("sensitive"), null,
      [{ title: "Rule", width: "8rem", of: (tree, row) => safe(tree.extraOf(row, "sensitive")) }]),
    list("setuid", "Setuid and setgid", "What runs with the rights of its owner or group (find --perm /6000), live or not.",
      setuidRows, null),
    packagesPart(sides),
    secretsPart(sides),
    foundPart(sides),
    duplicatesPart(sides),
    ...unseenParts(sides),
    ...oddParts(withMore(odd, sides), sides.length > 1),
  ]);
}

function hiddenRows(tree) {
  const rows = [];
  for (let row = 0; row < tree.fate.length; row++) if (tree.fate[row] !== fateLive && tree.counts(row)) rows.push(row);
  return rows;
}

function setuidRows(tree) {
  const rows = [];
  for (let row = 0; row < tree.mode.length; row++) if (tree.mode[row] & 0o6000 && tree.counts(row)) rows.push(row);
  return rows;
}

// imageColumn says of two images which one has a row.
function imageColumn(sides, of) { return sides.length > 1 ? [{ title: "Image", width: "3.6rem", narrow: "2.6rem", cell: of }] : []; }

// each are the things of all images, each with its side.
function each(sides, of) { return sides.flatMap(side => of(side).map(thing => ({ side, thing }))); }

function none(text = "none") { return el("p", { class: "none" }, text); }

function wastePart(sides, state) {
  const hiding = each(sides, side => side.waste.layers.filter(l => l.hidden > 0));
  const bytes = field => ({ cell: r => sized(r.thing[field]), hint: r => grouped(r.thing[field]) + " bytes", number: true });
  const holder = el("div", {});
  const show = () => {
    const rows = hiding.filter(r => state.layer < 0 || r.thing.layer === state.layer);
    holder.replaceChildren(rows.length === 0 ? none("no layer has hidden bytes") : plainTable([
      ...imageColumn(sides, r => r.side.name),
      { title: "Layer", cell: r => chip(r.thing.layer) },
      { title: "Stored", ...bytes("stored") }, { title: "Live", spare: true, ...bytes("live") },
      { title: "Hidden", ...bytes("hidden") },
      { title: "%", number: true, cell: r => percent(r.thing.hidden, r.thing.stored) },
      { title: "Metadata", spare: true, ...bytes("metadataOnly") },
      { title: "Instruction", wide: true, cell: r => (r.thing.repeats >= 0 ? `(layer ${r.thing.repeats} again) ` : "") +
        instructionOf(r.side.layers[r.thing.layer]) },
    ], rows, "waste by instruction"));
  };
  state.on(changed => changed.includes("layer") && show());
  show();
  return part("waste", "Waste by instruction", null, sides.map(side =>
    el("p", { class: "about" }, (side.name ? side.name + ": " : "") + side.waste.line)), holder);
}

// versionsPart is a table of versions; a click shows the history of the path.
function versionsPart(id, title, about, versions, state, onopen, more) {
  const tree = k => versions.tree(k), row = k => versions.row(k);
  const column = of => k => of(tree(k), row(k));
  const grid = new Grid(title, [
    ...versions.two ? [{ title: "Image", width: "3.6rem", narrow: "2.6rem", cell: k => versions.image(k) }] : [],
    { title: "Layer", width: "3.6rem", narrow: "2.6rem", cell: column((t, r) => chip(t.ownerOf(r))) },
    { title: "Status", width: "minmax(9.5rem,1fr)", narrow: "5rem", cell: column(fateOf) },
    ...more.map(c => ({ ...c, cell: column(c.of) })),
    { title: "Mode", mono: true, width: "6.6rem", spare: true, cell: column((t, r) => drawnMode(t.type[r], t.mode[r])) },
    { title: "UID:GID", width: "5.5rem", spare: true, number: true, cell: column((t, r) => `${t.uid[r]}:${t.gid[r]}`) },
    { title: "Size", number: true, width: "5.5rem", narrow: "3.8rem", cell: column((t, r) => t.type[r] === 0 ? sized(t.size[r]) : "-"),
      hint: column((t, r) => grouped(t.size[r]) + " bytes") },
    { title: "Path", width: "minmax(9rem,3fr)", cell: column((t, r) => safe(t.bytesOf(t.pathOf[r]))) },
  ], { rows: 12, open: k => {
    state.choose(tree(k).bytesOf(tree(k).pathOf[row(k)]));
    onopen();
  } });
  const summary = el("p", { class: "status" });
  const show = () => {
    summary.textContent = versions.count === 0 ? "" : count(versions.count, "version") +
      (versions.hidden > 0 ? `, ${sized(versions.hidden)} hidden` : "");
    summary.hidden = versions.count === 0;
    grid.show(versions.count);
  };
  state.on(changed => {
    if (!changed.includes("layer")) return;
    versions.filter(state.layer, -1);
    show();
  });
  versions.filter(state.layer, -1);
  show();
  const buttons = versions.two && versions.count > 0 ? choice("images of " + title, ["all", "only A", "only B", "both"], 0, k => {
    versions.filter(-1, k - 1);
    show();
  }) : null;
  return part(id, title, about, el("div", { class: "tools" }, summary, buttons), grid.element);
}

function fateOf(tree, row) {
  if (tree.fate[row] === fateLive) return "live";
  const how = hows[tree.how[row]];
  const because = how === "whiteout" || how === "replaced" ? "" : ` (${how})`;
  return `${fates[tree.fate[row]]} by ${tree.hiddenByOf(row)}${because}`;
}

// withMore adds to the warnings what could not be read of packages, and what was not searched for secrets.
function withMore({ warnings = [], errors }, sides) {
  const of = s => [...s.packages.warnings || [], ...s.found.warnings || []];
  const more = sides.flatMap(s => of(s).map(w => ({ ...w, side: s.name.toLowerCase() })));
  return { warnings: [...warnings, ...more], errors };
}

function packagesPart(sides) {
  const about = "What the image says of itself: dpkg, apk, rpm, npm, pip, Go, Java. LAYER brought the version first.";
  const list = [...sharedPackages(sides).values()];
  const imageOf = r => r.sides.length > 1 ? "both" : r.sides[0];
  let rows = list;
  const of = k => rows[k].thing;
  const grid = new Grid("packages", [
    ...imageColumn(sides, k => imageOf(rows[k])),
    { title: "Layer", width: "3.6rem", narrow: "2.6rem", cell: k => chip(of(k).layer) },
    { title: "Name", width: "minmax(8rem,2fr)", cell: k => line(of(k).name) },
    { title: "Version", width: "minmax(6rem,1.5fr)", cell: k => line(of(k).version || "-") },
    { title: "Manager", width: "5rem", spare: true, cell: k => of(k).manager },
    { title: "Status", width: "minmax(6rem,1fr)", spare: true, cell: k => of(k).removedBy >= 0 ?
      `${of(k).status} by ${of(k).removedBy}` : of(k).status },
    { title: "Files", number: true, width: "4rem", spare: true, cell: k => grouped(of(k).files) },
    { title: "Size", number: true, width: "5rem", narrow: "3.8rem", cell: k => sized(of(k).size), hint: k => grouped(of(k).size) + " bytes" },
    { title: "Wasted", number: true, width: "5rem", spare: true, cell: k => sized(of(k).wasted) },
  ], { rows: 12 });
  grid.show(list.length);
  const buttons = sides.length > 1 && list.length > 0 ? choice("images of packages", ["all", "only A", "only B", "both"], 0, n => {
    rows = list.filter(r => n === 0 || imageOf(r) === ["A", "B", "both"][n - 1]);
    grid.show(rows.length);
  }) : null;
  return part("packages", "Packages", about, el("div", { class: "tools" }, el("div", {}, sides.map(side =>
    el("p", { class: "status" }, (side.name ? side.name + ": " : "") + side.packages.line))), buttons), grid.element);
}

// sharedPackages has each version of a package with the images that have it.
function sharedPackages(sides) {
  const all = new Map();
  for (const { side, thing } of each(sides, s => s.packages.items)) {
    const key = sides.length > 1 ? JSON.stringify([thing.manager, thing.name, thing.version, thing.architecture, thing.path, thing.status]) :
      all.size;
    if (all.has(key)) all.get(key).sides.push(side.name);
    else all.set(key, { thing, sides: [side.name] });
  }
  return all;
}

function secretsPart(sides) {
  const rows = each(sides, side => side.secrets.items);
  return part("secrets", "Secrets of the history", "Build arguments, ARG, ENV and the configuration's environment whose " +
    "name or value looks like a secret.", rows.length === 0 ? none() : plainTable([
    ...imageColumn(sides, r => r.side.name),
    { title: "Layer", cell: r => chip(r.thing.layer) },
    { title: "Secret in", cell: r => r.thing.where },
    { title: "Name", mono: true, cell: r => line(r.thing.name || "") },
    { title: "Value", mono: true, wide: true, cell: r => line(r.thing.value || "") },
  ], rows, "secrets of the history"));
}

function foundPart(sides) {
  const title = "Secrets in files";
  if (!sides[0].found.searched) return part("found", title, null, none("Not looked for: layup report --secrets does."));
  const list = each(sides, side => side.found.items);
  const status = f => f.status === undefined ? "-" : f.status + (f.hiddenBy >= 0 ? ` by ${f.hiddenBy}` : "");
  const where = f => (f.field === undefined ? nameOf(f) : safe(f.field)) + (f.line > 0 ? ":" + f.line : "");
  const grid = new Grid("secrets in files", [
    ...imageColumn(sides, k => list[k].side.name),
    { title: "Layer", width: "3.6rem", narrow: "2.6rem", cell: k => chip(list[k].thing.layer) },
    { title: "Status", width: "minmax(7rem,1fr)", narrow: "5rem", cell: k => status(list[k].thing) },
    { title: "Rule", width: "minmax(8rem,1.5fr)", cell: k => line(list[k].thing.rule) },
    { title: "Value", mono: true, width: "6rem", spare: true, cell: k => line(list[k].thing.value || "") },
    { title: "Path", width: "minmax(9rem,3fr)", cell: k => where(list[k].thing) },
  ], { rows: 12 });
  grid.show(list.length);
  return part("found", title, "Keys, tokens and passwords in every version of every file, the history and the " +
    "configuration, live or hidden, as layup secrets finds them.", ...sides.map(side =>
    el("p", { class: "about" }, (side.name ? side.name + ": " : "") + side.found.line)), grid.element);
}

function duplicatesPart(sides) {
  if (!sides[0].waste.digests) return part("duplicates", "Duplicates", null, none("Not looked for: layup report --digests does."));
  const list = each(sides, side => side.waste.duplicates);
  const left = sides.reduce((sum, side) => sum + side.waste.contents, 0) - list.length;
  const grid = new Grid("duplicates", [
    ...imageColumn(sides, k => list[k].side.name),
    { title: "Layer", width: "3.6rem", narrow: "2.6rem", cell: k => chip(list[k].thing.layer) },
    { title: "Duplicate", number: true, width: "6rem", cell: k => sized(list[k].thing.bytes),
      hint: k => grouped(list[k].thing.bytes) + " bytes" },
    { title: "Copies", number: true, width: "4.5rem", cell: k => grouped(list[k].thing.copies) },
    { title: "SHA256", mono: true, width: "8rem", spare: true, cell: k => shortDigest(list[k].thing.sha256),
      hint: k => list[k].thing.sha256 },
    { title: "First path", width: "minmax(9rem,3fr)", cell: k => nameOf(list[k].thing) },
  ], { rows: 10 });
  grid.show(list.length);
  return part("duplicates", "Duplicates", "The same content in several files of the final tree." +
    (left > 0 ? ` ${grouped(left)} smaller ones are left out: layup waste lists them.` : ""), grid.element);
}

// nameOf is the path of an item, exact if it is not UTF-8.
export function nameOf(item, name = "path") {
  if (!item[name + "Base64"]) return safe(item[name] || "");
  return safe(Uint8Array.from(atob(item[name + "Base64"]), c => c.charCodeAt(0)));
}

function unseenParts(sides) {
  const list = each(sides, side => {
    let at = 0;
    return Array.from(side.unseen.layer, (layer, k) => ({ layer, how: hows[side.unseen.how[k]], size: side.unseen.size[k],
      path: side.unseen.path.subarray(at, at += side.unseen.pathLength[k]) }));
  });
  if (list.length === 0) return [];
  const grid = new Grid("never shown", [
    ...imageColumn(sides, k => list[k].side.name),
    { title: "Layer", width: "3.6rem", narrow: "2.6rem", cell: k => chip(list[k].thing.layer) },
    { title: "Why", width: "10rem", cell: k => list[k].thing.how },
    { title: "Size", number: true, width: "5.5rem", cell: k => sized(list[k].thing.size) },
    { title: "Path", width: "minmax(9rem,3fr)", cell: k => safe(list[k].thing.path) },
  ], { rows: 10 });
  grid.show(list.length);
  return [part("unseen", "Never shown", "Content that no layer ever showed: its own layer replaces or ignores it, or a " +
    "whiteout carries it (hidden --unseen).", grid.element)];
}

function oddParts({ warnings = [], errors = [] }, two) {
  const list = [], image = two ? [{ title: "Image", width: "3.6rem", narrow: "2.6rem" }] : [];
  const upper = w => (w.side || "").toUpperCase();
  if (errors.length > 0) {
    list.push(part("errors", "What could not be read", null, plainTable([
      ...image.map(c => ({ ...c, cell: upper })),
      { title: "Layer", cell: e => chip(e.layer) }, { title: "Cause", wide: true, cell: e => line(e.message) },
    ], errors, "errors")));
  }
  const grid = new Grid("warnings", [
    ...image.map(c => ({ ...c, cell: k => upper(warnings[k]) })),
    { title: "Severity", width: "5.5rem", cell: k => warnings[k].severity },
    { title: "Layer", width: "3.6rem", narrow: "2.6rem", cell: k => chip(warnings[k].layer) },
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
