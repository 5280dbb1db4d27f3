// The configuration, the history, and the record of the verification.
import { chip, el, facts, part, plainTable, section } from "./dom.js";
import { line, shortDigest, sized } from "./text.js";
import { Grid } from "./grid.js";
import { nameOf } from "./findings.js";
import { instructionOf } from "./layers.js";

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
    { title: "Instruction", wide: true, cell: s => instructionOf(s) || "-",
      hint: s => line([s.createdBy, s.comment, s.author && "author: " + s.author].filter(Boolean).join("\n")) },
  ], steps, "history"));
}

// recordSection is what verify says of each image and its file.
export function recordSection(sides) {
  return section("record", "Verification", "What layup verify says: each comparison that could be made. A dash is where " +
    "there is nothing to compare with.", sides.map(side => side.name ?
    part("record-" + side.name.toLowerCase(), "Image " + side.name, null, recordOf(side)) : recordOf(side)));
}

function recordOf({ record, name }) {
  if (!record) return el("p", { class: "none" }, "The image was not verified (--no-verify).");
  const checks = record.items;
  const grid = new Grid("checks" + (name ? " of " + name : ""), [
    { title: "Result", width: "4.5rem", cell: k => verdict(checks[k]) },
    { title: "Check", width: "6.5rem", cell: k => checks[k].what + (checks[k].layer >= 0 ? " " + checks[k].layer : "") },
    { title: "Size", number: true, width: "5.5rem", spare: true, cell: k => checks[k].size >= 0 ? sized(checks[k].size) : "-" },
    { title: "Of", width: "minmax(9rem,3fr)", mono: true, cell: k => subject(checks[k]), hint: k => about(checks[k]) },
    { title: "Remark", width: "minmax(7rem,2fr)", wide: true, cell: k => line([checks[k].code, checks[k].message].filter(Boolean).join(": ")) },
  ], { rows: 14, each: k => checks[k].pass === false ? { class: "failed" } : {} });
  grid.show(checks.length);
  return [el("p", { class: record.pass ? "" : "failed" }, record.line),
    facts([["File", record.file && line(record.file)], ["Trust", record.trust && line(record.trust)],
      ["Signature", record.signatures && line(record.signatures.join("\n"))],
      ["Left out", record.left > 0 ? `further images and containers of the source: ${record.left}` : null]]), grid.element];
}

// recordLine is the verdict in one line.
export function recordLine({ record }) {
  return record ? el("span", { class: record.pass ? "" : "failed" }, record.line) : "none (--no-verify)";
}

function verdict(check) { return check.pass === undefined ? "-" : check.pass ? "pass" : "FAIL"; }

function subject(check) {
  if (check.path) return nameOf(check);
  return check.digest ? shortDigest(check.digest) : check.name ? nameOf(check, "name") : shortDigest(check.found);
}

function about(check) {
  return [check.digest && check.name && "name " + check.name, check.digest && "digest " + check.digest, check.expected && "expected " + check.expected,
    check.found && "found " + check.found].filter(Boolean).map(line).join("\n");
}
