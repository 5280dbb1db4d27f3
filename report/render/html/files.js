// The files of one image, and the history of a path.
import { chip, el, facts, plainTable } from "./dom.js";
import { count, drawnMode, grouped, line, moment, safe, shell, sized } from "./text.js";
import { Outline } from "./outline.js";
import { fates, fateNone, flagImplied, flagSame, flagSameKnown, flagTimed, hows, kinds, types } from "./tree.js";
import { instructionOf } from "./layers.js";

export class Files extends Outline {
  constructor(side, state) {
    super(side.tree, state, { title: "Files", hint: "Search names and paths, live and deleted", bySize: false,
      beside: "history of the chosen path", about: "Every path of the final tree. Search also finds what is deleted or " +
        "overwritten. LAYER is the owner: the layer whose write a container sees." });
    this.side = side;
    this.follow(["layer", "query", "path"]);
  }

  columns() {
    const tree = this.paths;
    const row = k => tree.standing(this.list[k]);
    return [
      { title: "Size", number: true, width: "5.2rem", cell: k => this.sizeOf(this.list[k]) },
      { title: "Status", width: "minmax(3.2rem,1fr)", spare: true, cell: k => this.statusOf(this.list[k]) },
      { title: "Mode", mono: true, width: "5.8rem", spare: true,
        cell: k => row(k) < 0 ? "-" : drawnMode(tree.type[row(k)], tree.mode[row(k)]) },
      { title: "UID:GID", number: true, width: "minmax(3.6rem,.6fr)", spare: true,
        cell: k => row(k) < 0 ? "-" : `${tree.uid[row(k)]}:${tree.gid[row(k)]}` },
      { title: "Layer", number: true, width: "2.6rem", cell: k => row(k) < 0 ? "-" : chip(tree.ownerOf(row(k))) },
    ];
  }

  sizeOf(i) {
    const tree = this.paths, row = tree.standing(i);
    if (tree.isDir(i)) return sized(tree.liveBytes[i]);
    return row >= 0 && tree.type[row] === 0 ? sized(tree.size[row]) : "-";
  }

  statusOf(i) {
    const tree = this.paths, row = tree.standing(i);
    if (row < 0 || tree.live[i] >= 0) return "live";
    return `${fates[tree.fate[row]]} by ${tree.hiddenByOf(row)}`;
  }

  gone(i) { return i > 0 && this.paths.live[i] < 0; }
  shown(i) { return this.marks ? this.marks[i] > 0 : this.paths.live[i] >= 0; }
  kept(i) { return !this.marks || this.marks[i] & 2; }

  linkOf(i) {
    const tree = this.paths, row = tree.standing(i);
    return row >= 0 && tree.type[row] === 2 ? tree.extraOf(row, "link") : null;
  }

  weight(i) {
    const tree = this.paths, row = tree.standing(i);
    return tree.isDir(i) ? tree.liveBytes[i] : row < 0 ? 0 : tree.size[row];
  }

  told() {
    const tree = this.paths;
    if (this.found) {
      const gone = this.list.reduce((n, i) => n + (tree.live[i] < 0), 0);
      return count(this.list.length, "path") + " found" + (gone ? `, ${grouped(gone)} no longer there` : "");
    }
    return this.marks ? `paths that layer ${this.state.layer} touched, also those it deleted` :
      count(tree.files[0], "file") + ", " + sized(tree.liveBytes[0]);
  }

  follow(changed) {
    if (changed.includes("layer")) this.mark();
    super.follow(changed);
  }

  // mark notes which paths the chosen layer touched, and the directories above them.
  mark() {
    const { state } = this, tree = this.paths;
    this.marks = null;
    if (state.layer < 0) return;
    const marks = this.marks = new Uint8Array(tree.count);
    for (let i = tree.count - 1; i > 0; i--) {
      for (let row = tree.first[i]; row < tree.first[i + 1]; row++) if (tree.layerOf(row) === state.layer) marks[i] |= 2;
      if (marks[i]) marks[tree.parent[i]] |= 1;
    }
    marks[0] |= 1;
  }

  detailOf(i) { return historyOf(this.side, i); }
}

// historyOf is what each layer of an image did to a path, as the command log says.
export function historyOf(side, i) {
  const { tree, layers } = side, path = safe(tree.bytesOf(i)), live = tree.live[i];
  const rows = Array.from({ length: tree.first[i + 1] - tree.first[i] }, (_, k) => tree.first[i] + k);
  const gone = row => kinds[tree.kind[row]] === "delete" || kinds[tree.kind[row]] === "opaque";
  const size = row => gone(row) || tree.type[row] !== 0 ? "-" : sized(tree.size[row]);
  const table = plainTable([
    { title: "Layer", number: true, cell: row => tree.layerOf(row) < 0 ? "-" : String(tree.layerOf(row)) },
    { title: "Change", cell: row => changeOf(tree, row) },
    { title: "Mode", mono: true, cell: row => gone(row) ? "-" : drawnMode(tree.type[row], tree.mode[row]) },
    { title: "UID:GID", cell: row => gone(row) ? "-" : `${tree.uid[row]}:${tree.gid[row]}` },
    { title: "Size", number: true, cell: size, hint: row => gone(row) ? null : grouped(tree.size[row]) + " bytes" },
    { title: "Modified", cell: row => gone(row) ? "-" : timeOf(tree, row) },
    { title: "Instruction", wide: true, cell: row => instructionOf(layers[tree.layerOf(row)]) },
  ], rows, ["history of " + path, side.name && "in " + side.name].filter(Boolean).join(" "));
  const last = live >= 0 ? live : rows[rows.length - 1];
  const owner = live >= 0 ? tree.ownerOf(live) : -1;
  return [el("h3", { title: path }, side.name ? `In ${side.name}` : path), facts([
    ["Owner", live < 0 ? null : owner < 0 ? "no layer" : `layer ${owner}`],
    ["Instruction", owner >= 0 ? instructionOf(layers[owner]) : null],
    ["Status", live >= 0 ? null : statusLine(tree, rows)],
    ["Package", packageOf(side, last)],
    ["Type", last === undefined || gone(last) ? null : types[tree.type[last]]],
    ["Below", tree.isParent(i) ? `${count(tree.files[i], "file")}, ${sized(tree.liveBytes[i])}` +
      (tree.hiddenBytes[i] > 0 ? `; hidden ${sized(tree.hiddenBytes[i])}` : "") : null],
    ...extraFacts(tree, rows),
  ]), table, el("p", { class: "command" }, el("code", {}, `layup log ${shell(line(side.image.name || "IMAGE"))} ${shell(path)}`))];
}

// packageOf names the package to which a version belongs.
function packageOf({ tree, packages }, row) {
  const one = row === undefined ? null : packages.items[tree.package[row] - 1];
  return one && line(`${one.name} ${one.version || ""} (${one.manager}, layer ${one.layer})`);
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
