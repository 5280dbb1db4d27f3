// The configuration and the history.
import { el, plainTable, section } from "./dom.js";
import { line } from "./text.js";
import { chip } from "./findings.js";

export function configSection(config) {
  const rows = [];
  for (const [name, value] of Object.entries(config || {})) {
    if (value === null || value === false || value === "" || Array.isArray(value) && value.length === 0) continue;
    if (typeof value === "object" && !Array.isArray(value)) {
      for (const [key, inner] of Object.entries(value)) rows.push([name, key, text(inner)]);
    } else if (Array.isArray(value) && name === "Env") {
      for (const v of value) rows.push([name, v.split("=", 1)[0], v.slice(v.indexOf("=") + 1)]);
    } else {
      rows.push([name, "", text(value)]);
    }
  }
  if (rows.length === 0) return section("config", "Configuration", null, el("p", { class: "none" }, "the image has no configuration"));
  return section("config", "Configuration", null, plainTable([
    { title: "Field", cell: (r, i) => i > 0 && rows[i - 1][0] === r[0] ? "" : r[0] },
    { title: "Name", mono: true, cell: r => line(r[1]) },
    { title: "Value", mono: true, wide: true, cell: r => line(r[2]) },
  ], rows, "configuration"));
}

// text is a value on one line: lists as JSON, so that words stay apart.
function text(value) {
  if (typeof value === "string") return value;
  if (value && typeof value === "object" && Object.keys(value).length === 0) return "";
  return JSON.stringify(value);
}

export function historySection(steps) {
  if (steps.length === 0) return section("history", "History", null, el("p", { class: "none" }, "the image has no history"));
  return section("history", "History", "Oldest first. Steps without a layer changed the configuration alone.", plainTable([
    { title: "Step", number: true, cell: (s, i) => String(i) },
    { title: "Layer", cell: s => chip(s.layer) },
    { title: "Created", spare: true, cell: s => (s.created || "-").replace("T", " ") },
    { title: "Instruction", wide: true, cell: s => line(s.instruction || s.createdBy || s.comment || "-"),
      hint: s => line([s.createdBy, s.comment, s.author && "author: " + s.author].filter(Boolean).join("\n")) },
  ], steps, "history"));
}
