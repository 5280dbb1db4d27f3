// The layers: a bar of their sizes, and their table. A click filters everything below.
import { el, paint, section, plainTable } from "./dom.js";
import { grouped, line, safe, shortDigest, sized } from "./text.js";

// instructionOf is what made a layer, as tables show it.
export function instructionOf(layer) {
  return line((layer && (layer.short || layer.createdBy || layer.comment || layer.role)) || "");
}

// blockOf is the part of a bar of layers that is one of them: as wide as its compressed bytes, with what is hidden hatched.
export function blockOf(tag, side, l, title, properties = {}) {
  const account = side.waste.layers[l.index], part = account && account.stored > 0 ? account.hidden / account.stored : 0;
  const block = el(tag, { class: "block", title, ...properties }, el("span", {}, String(l.index)));
  block.style.flexGrow = String(side.image.stored ? Math.max(l.size / side.image.stored, 0.004) : 1);
  paint(block, l.index);
  if (part > 0) {
    const hidden = el("span", { class: "hatched", "aria-hidden": "true" });
    hidden.style.width = Math.max(part * 100, 1) + "%";
    block.append(hidden);
  }
  return block;
}

export function layersSection(side, state) {
  const { layers } = side;
  const bar = el("div", { class: "bar", role: "group", "aria-label": "layers by compressed bytes; a click filters" });
  const blocks = layers.map(l => {
    const name = `layer ${l.index}: ${sized(l.size)} compressed, ${sized(l.hiddenBytes || 0)} hidden: ${instructionOf(l)}`;
    return blockOf("button", side, l, name, { type: "button", "aria-label": name, "aria-pressed": "false",
      onclick: () => toggle(state, l.index) });
  });
  bar.append(...blocks);
  const table = plainTable(columnsOf(layers, state), layers, "layers",
    l => ({ "data-layer": l.index, onclick: e => e.target.closest("button") || toggle(state, l.index) }));
  const rows = table.querySelectorAll("tr[data-layer]");
  const clear = el("button", { type: "button", class: "clear", onclick: () => state.set({ layer: -1 }) }, "show all layers");
  const show = () => {
    clear.hidden = state.layer < 0;
    layers.forEach((l, i) => {
      blocks[i].setAttribute("aria-pressed", String(l.index === state.layer));
      rows[i].classList.toggle("chosen", l.index === state.layer);
    });
    bar.classList.toggle("filtered", state.layer >= 0);
  };
  state.on(changed => changed.includes("layer") && show());
  show();
  return section("layers", "Layers", "Oldest first. The bar shows compressed bytes; what is hatched, later layers hide. " +
    "Choose a layer to see only its part of everything below.", bar, el("p", { class: "clearing" }, clear), table);
}

function toggle(state, layer) { state.set({ layer: state.layer === layer ? -1 : layer }); }

function columnsOf(layers, state) {
  const directories = layers.some(l => l.directory);
  return [
    { title: "Layer", cell: l => paint(el("button", { type: "button", class: "chip", onclick: () => toggle(state, l.index),
      "aria-label": `filter by layer ${l.index}` }, String(l.index)), l.index) },
    { title: "Digest", mono: true, spare: true, cell: l => shortDigest(l.digest || l.diffID),
      hint: l => [l.digest && "digest " + l.digest, l.diffID && "diffID " + l.diffID, l.chainID && "chainID " + l.chainID,
        l.mediaType].filter(Boolean).join("\n") },
    { title: "Compression", spare: true, cell: l => l.compression || "" },
    { title: "Compressed", number: true, cell: l => sized(l.size), hint: l => grouped(l.size) + " bytes" },
    { title: "Unpacked", number: true, spare: true, cell: l => l.unpackedSize === undefined ? "-" : sized(l.unpackedSize),
      hint: l => l.unpackedSize === undefined ? null : grouped(l.unpackedSize) + " bytes" },
    { title: "Files", number: true, spare: true, cell: l => l.files === undefined ? "-" : grouped(l.files) },
    { title: "Changes", cell: l => l.files === undefined ? "-" : `+${l.added} ~${l.modified} -${l.deleted}` },
    { title: "Hidden", number: true, cell: l => l.hiddenBytes === undefined ? "-" : sized(l.hiddenBytes),
      hint: l => grouped(l.hiddenBytes || 0) + " bytes" },
    directories && { title: "Directory", spare: true, cell: l => shortened(l.directory), hint: l => safe(l.directory || "") },
    layers.some(l => l.base) && { title: "Base", spare: true, cell: l => l.base ? "base" : "" },
    { title: "Instruction", wide: true, cell: l => instructionOf(l), hint: l => line(l.createdBy || l.comment || "") },
  ].filter(Boolean);
}

// shortened is a directory of an engine's store with the digests in it as engines print IDs.
function shortened(directory = "") { return safe(directory.replace(/[0-9a-f]{64}/g, id => id.slice(0, 12) + "…")); }
