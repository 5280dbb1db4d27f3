// Two images: what they share, and what was added, changed and removed from the first, A, to the second, B.
import { chip, choice, el, facts, part, plainTable, section } from "./dom.js";
import { baseOf, count, delta, grouped, line, safe, shortDigest, sized } from "./text.js";
import { Outline } from "./outline.js";
import { types } from "./tree.js";
import { blockOf, instructionOf } from "./layers.js";
import { historyOf } from "./files.js";

const changeNames = ["added", "removed", "changed"];
const signs = ["+", "-", "~"];

export function sidesSection(sides, difference) {
  const { totals, directories } = difference;
  const row = (name, of) => ({ name, cells: sides.map(of) });
  const bytes = (name, of) => {
    const [a, b] = sides.map(of);
    return { name, cells: [sized(a), sized(b)], hints: [a, b].map(n => grouped(n) + " bytes"), grown: b - a };
  };
  const rows = [
    row("Source", s => line(`${s.image.name || ""} (${s.image.source})`)),
    row("Container", s => line(s.image.container || "")),
    row("Reference", s => line(s.image.reference || "-")), row("Image ID", s => line(s.image.id || "-")),
    row("Manifest", s => line(s.image.manifest || "-")), row("Platform", s => line(s.image.platform || "-")),
    row("Base", s => s.image.base ? baseOf(s.image.base) : ""),
    row("Created", s => (s.image.created || "-").replace("T", " ")), row("Verified", s => s.image.verified || "-"),
    row("Layers", s => String(s.image.layers)), bytes("Compressed", s => s.image.stored),
    bytes("Files stored", s => totals[s.name.toLowerCase()].stored), bytes("Files live", s => totals[s.name.toLowerCase()].live),
    bytes("Files hidden", s => s.waste.totals.hidden),
  ].filter(r => r.cells.some(c => c));
  const grown = directories.slice().sort((x, y) => Math.abs(y.b - y.a) - Math.abs(x.b - x.a));
  const most = grown.length > 0 ? Math.abs(grown[0].b - grown[0].a) : 1;
  return section("sides", "The two images", difference.equal ? "They are equal in layers, configuration and paths." : null,
    plainTable([
      { title: "", cell: r => r.name },
      ...sides.map((s, k) => ({ title: s.name, wide: true, cell: r => r.cells[k], hint: r => r.hints && r.hints[k] })),
      { title: "Change", number: true, cell: r => r.grown === undefined ? "" : delta(r.grown),
        hint: r => r.grown === undefined ? null : grouped(r.grown) + " bytes" },
    ], rows, "the two images"),
    part("grown", "Directories that grew or shrank", "What is live in each directory at the top, the largest change first.",
      grown.length === 0 ? el("p", { class: "none" }, "none") : plainTable([
        { title: "Directory", mono: true, cell: d => safe(d.path) },
        { title: "A", number: true, cell: d => sized(d.a), hint: d => grouped(d.a) + " bytes" },
        { title: "B", number: true, cell: d => sized(d.b), hint: d => grouped(d.b) + " bytes" },
        { title: "Change", number: true, cell: d => delta(d.b - d.a), hint: d => grouped(d.b - d.a) + " bytes" },
        { title: "", wide: true, cell: d => grownBar(d.b - d.a, most) },
      ], grown, "directories that grew or shrank")));
}

// grownBar is a bar from the middle to the right if something grew, to the left if it shrank.
function grownBar(n, most) {
  const bar = el("span", { class: n > 0 ? "more" : "less" });
  bar.style.width = Math.max(Math.abs(n) / most * 50, 0.5) + "%";
  return el("span", { class: "grown", "aria-hidden": "true" }, bar);
}

export function pairedLayers(sides, difference) {
  const of = (side, m) => m[side.name.toLowerCase()] && side.layers[m[side.name.toLowerCase()].layer];
  const statusOf = side => new Map(difference.layers.filter(m => of(side, m)).map(m => [of(side, m).index, m.status]));
  const bar = side => {
    const statuses = statusOf(side);
    const blocks = side.layers.map(l => {
      const status = statuses.get(l.index) || "";
      const title = `${side.name} layer ${l.index}, ${status}: ${sized(l.size)}: ${instructionOf(l)}`;
      return blockOf("div", side, l, title, { "data-status": status });
    });
    return el("div", { class: "named" }, el("strong", {}, side.name),
      el("div", { class: "bar", role: "img", "aria-label": `layers of ${side.name} by compressed bytes` }, blocks));
  };
  const [a, b] = sides, sum = (m, field) => sides.map(s => (of(s, m) || {})[field] || 0);
  const shown = m => of(b, m) || of(a, m);
  return section("layers", "Layers", "Layers are the same if their diffIDs are. In the bars, shared layers have no colour; " +
    "what is hatched, later layers hide.", sides.map(bar), plainTable([
    { title: "Status", cell: m => m.status },
    ...sides.map(s => ({ title: s.name, number: true, cell: m => of(s, m) ? String(of(s, m).index) : "-" })),
    { title: "DiffID", mono: true, spare: true, cell: m => shortDigest(m.diffID), hint: m => m.diffID },
    { title: "Size", number: true, cell: m => sized(shown(m).size), hint: m => grouped(shown(m).size) + " bytes" },
    { title: "Change", number: true, cell: m => delta(sum(m, "size")[1] - sum(m, "size")[0]) },
    { title: "Hidden", number: true, spare: true, cell: m => sized(shown(m).hiddenBytes || 0) },
    { title: "Instruction", wide: true, cell: m => instructionOf(shown(m)), hint: m => line(shown(m).createdBy || "") },
  ], difference.layers, "layers of both images", m => ({ class: m.status })));
}

export function configDifference(difference) {
  const list = difference.config;
  const text = v => v === undefined ? "-" : typeof v === "string" ? v : JSON.stringify(v);
  return section("config", "Configuration", null, list.length === 0 ? el("p", { class: "none" }, "no difference") : plainTable([
    { title: "Field", cell: c => line([c.field, c.name].filter(Boolean).join(" ")) },
    { title: "Change", cell: c => c.change },
    { title: "A", wide: true, mono: true, cell: c => line(text(c.a)) },
    { title: "B", wide: true, mono: true, cell: c => line(text(c.b)) },
  ], list, "configuration"));
}

// Differences are the paths that differ, with the directories above them; the search also finds those that are equal.
export class Differences extends Outline {
  constructor(union, sides, state) {
    const totals = union.changes.map(one => one[0]);
    const buttons = choice("change", ["all", ...changeNames.map((name, k) => `${name} ${grouped(totals[k])}`)], 0, k => {
      this.wanted = k - 1;
      this.fill();
    });
    super(union, state, { title: "Paths", hint: "Search all paths of both images", bySize: true, tools: buttons,
      beside: "the chosen path in both images", about: "Directories show how much larger what is in them became. LAYER is " +
        "the owner on the side that shows the path. Search also finds what is equal or hidden." });
    Object.assign(this, { sides, wanted: -1 });
    this.follow(["query", "path"]);
  }

  columns() {
    const { paths } = this, at = k => this.list[k];
    return [
      { title: "Change", width: "minmax(5.6rem,.8fr)", narrow: "4.6rem", cell: k => this.changeOf(at(k)) },
      { title: "What", width: "minmax(4rem,1.2fr)", spare: true, cell: k => this.whatOf(at(k)) },
      { title: "Bytes", number: true, width: "5.2rem", narrow: "4.4rem", cell: k => delta(paths.grown("liveBytes", at(k))),
        hint: k => grouped(paths.grown("liveBytes", at(k))) + " bytes" },
      { title: "A", number: true, width: "2.6rem", spare: true, cell: k => this.layerOf(0, at(k)) },
      { title: "B", number: true, width: "2.6rem", cell: k => this.layerOf(1, at(k)) },
    ];
  }

  changeOf(i) {
    const k = this.paths.changeAt[i];
    if (k < 0) return this.paths.changed(i) || this.row(i) >= 0 ? "" : "hidden";
    return signs[this.paths.differences.change[k]] + " " + changeNames[this.paths.differences.change[k]];
  }

  whatOf(i) {
    const { paths } = this;
    if (paths.changeAt[i] >= 0 && paths.what(i)) return paths.what(i);
    if (paths.isParent(i)) return this.tally(i);
    const side = paths.row(1, i) >= 0 ? 1 : 0, row = paths.row(side, i);
    return row < 0 ? "" : types[paths.sides[side].type[row]];
  }

  tally(i) { return signs.map((s, k) => this.paths.changes[k][i] ? s + grouped(this.paths.changes[k][i]) : "").filter(Boolean).join(" "); }
  row(i) { return Math.max(this.paths.row(0, i), this.paths.row(1, i)); }

  layerOf(side, i) {
    const row = this.paths.row(side, i);
    return row < 0 ? "-" : chip(this.paths.sides[side].ownerOf(row));
  }

  gone(i) { return i > 0 && this.paths.row(1, i) < 0; }
  shown(i) { return this.wanted < 0 ? this.paths.changed(i) : this.paths.changes[this.wanted][i] > 0; }
  weight(i) { return Math.abs(this.paths.grown("liveBytes", i)); }

  kept(i) {
    const k = this.paths.changeAt[i];
    return this.wanted < 0 || k >= 0 && this.paths.differences.change[k] === this.wanted;
  }

  linkOf(i) {
    const { paths } = this, side = paths.row(1, i) >= 0 ? 1 : 0, row = paths.row(side, i), tree = paths.sides[side];
    return row >= 0 && tree.type[row] === 2 ? tree.extraOf(row, "link") : null;
  }

  told() {
    const { changes } = this.paths;
    if (this.found) return count(this.list.length, "path") + " found";
    return changes.map((one, k) => `${grouped(one[0])} ${changeNames[k]}`).join(", ") +
      `: ${delta(this.paths.grown("liveBytes", 0))} of files`;
  }

  // detailOf is what differs, and the history of the path in both images.
  detailOf(i) {
    const { paths } = this, k = paths.changeAt[i], path = safe(paths.bytesOf(i));
    const by = k < 0 ? -1 : paths.differences.deletedBy[k] - 1;
    return [el("h3", { title: path }, path), facts([
      ["Change", k >= 0 ? changeNames[paths.differences.change[k]] : paths.changed(i) ? "only what is below" : "none"],
      ["What", k < 0 ? null : paths.what(i)],
      ["Deleted by", by < 0 ? null : `layer ${by} of B: ${instructionOf(this.sides[1].layers[by])}`],
      ["Below", paths.isParent(i) ? `${this.tally(i) || "no change"}: ${delta(paths.grown("liveBytes", i))}` : null],
    ]), this.sides.map((side, n) => paths.place[n][i] < 0 ?
      [el("h3", {}, `In ${side.name}`), el("p", { class: "none" }, "No layer ever held it.")] : historyOf(side, paths.place[n][i]))]
      .flat(2);
  }
}
