// The layers: a bar of their sizes, and their table. A click filters everything below.
import { el, section, plainTable } from "./dom.js";
import { grouped, line, safe, shortDigest, sized } from "./text.js";
import { color, ink } from "./palette.js";

// The classic builder writes a digest in place of the sources of COPY and ADD.
const classicSources = /^(COPY|ADD) (?:--\S+ )*(?:file|dir|multi):[0-9a-f]+ in /;

export function instructionOf(layer) {
  const text = layer.instruction || layer.createdBy || layer.comment || layer.role || "";
  return line(text.replace(classicSources, "$1 … in "));
}

export function layersSection(layers, accounts, state) {
  const whole = layers.reduce((sum, l) => sum + l.size, 0);
  const bar = el("div", { class: "bar", role: "group", "aria-label": "layers by stored bytes; a click filters" });
  const blocks = layers.map(l => {
    const account = accounts[l.index] || { stored: 0, hidden: 0 };
    const part = account.stored > 0 ? account.hidden / account.stored : 0;
    const name = `layer ${l.index}: ${sized(l.size)} stored, ${sized(l.hiddenBytes || 0)} hidden: ${instructionOf(l)}`;
    const block = el("button", { type: "button", class: "block", title: name, "aria-label": name, "aria-pressed": "false",
      onclick: () => toggle(state, l.index) }, el("span", {}, String(l.index)));
    block.style.flexGrow = String(whole ? Math.max(l.size / whole, 0.004) : 1);
    block.style.background = color(l.index);
    block.style.color = ink(l.index);
    if (part > 0) {
      const hidden = el("span", { class: "hatched", "aria-hidden": "true" });
      hidden.style.width = Math.max(part * 100, 1) + "%";
      block.append(hidden);
    }
    return block;
  });
  bar.append(...blocks);
  const table = plainTable(columnsOf(layers, state), layers, "layers",
    l => ({ "data-layer": l.index, onclick: e => e.target.closest("button") || toggle(state, l.index) }));
  const clear = el("button", { type: "button", class: "clear", onclick: () => state.set({ layer: -1 }) }, "show all layers");
  const show = () => {
    clear.hidden = state.layer < 0;
    blocks.forEach((b, i) => b.setAttribute("aria-pressed", String(i === state.layer)));
    table.querySelectorAll("tr[data-layer]").forEach(r =>
      r.classList.toggle("chosen", Number(r.dataset.layer) === state.layer));
    bar.classList.toggle("filtered", state.layer >= 0);
  };
  state.on(show);
  show();
  return section("layers", "Layers", "Oldest first. The bar shows stored bytes; what is hatched, later layers hide. " +
    "Choose a layer to see only its part of everything below.", bar, el("p", { class: "clearing" }, clear), table);
}

function toggle(state, layer) { state.set({ layer: state.layer === layer ? -1 : layer }); }

function columnsOf(layers, state) {
  const directories = layers.some(l => l.directory);
  return [
    { title: "Layer", cell: l => {
      const chip = el("button", { type: "button", class: "chip", "aria-label": `filter by layer ${l.index}`,
        onclick: () => toggle(state, l.index) }, String(l.index));
      chip.style.background = color(l.index);
      chip.style.color = ink(l.index);
      return chip;
    } },
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
    directories && { title: "Directory", spare: true, cell: l => safe(l.directory || "") },
    { title: "Instruction", wide: true, cell: l => instructionOf(l), hint: l => line(l.createdBy || l.comment || "") },
  ].filter(Boolean);
}
