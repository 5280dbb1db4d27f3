// The page: what is small first, then the files.
import { el, facts } from "./dom.js";
import { grouped, line, safe, sized } from "./text.js";
import { sectionData, tableData } from "./data.js";
import { State } from "./state.js";
import { Tree } from "./tree.js";
import { layersSection } from "./layers.js";
import { mapSections } from "./map.js";
import { Files } from "./files.js";
import { findingsSection } from "./findings.js";
import { Differences, configDifference, differenceWarnings, pairedLayers, sidesSection } from "./compare.js";
import { configSection, historySection, recordSection } from "./config.js";

const comparedParts = { sides: "Images", layers: "Layers", files: "Paths", config: "Configuration", findings: "Warnings" };
const parts = { layers: "Layers", map: "Map", files: "Files", findings: "Findings", config: "Configuration", history: "History",
  record: "Verification" };

function nameOfImage(image) { return line(image.container || image.reference || image.id || image.name || "image"); }

function title(text) {
  return el("div", { class: "title" }, el("p", { class: "kind" }, "layup report"), el("h1", {}, text),
    el("button", { type: "button", id: "theme", onclick: switchTheme }, "dark or light"));
}

function madeBy(about) {
  return [["Made by", `layup ${about.tool.version}${about.tool.commit ? " (" + about.tool.commit.slice(0, 12) + ")" : ""}`],
    ["Command", el("code", {}, line(about.line))]];
}

function header(about, record) {
  const image = about.image;
  return el("header", {}, title(nameOfImage(image)), facts([
    ["Source", line(`${image.name || ""} (${image.source})`)],
    ["Container", image.container && line(image.container)],
    ["Image ID", image.id && line(image.id)], ["Manifest", image.manifest && line(image.manifest)],
    ["Platform", image.platform && line(image.platform)], ["Created", image.created && image.created.replace("T", " ")],
    ["Layers", String(image.layers)],
    ["Stored", sized(image.stored), grouped(image.stored) + " bytes"],
    ["Unpacked", image.unpacked ? sized(image.unpacked) : null, grouped(image.unpacked || 0) + " bytes"],
    ["Verified", image.verified],
    ["Record", record ? el("span", { class: record.pass ? "" : "failed" }, record.line) : "none (--no-verify)"],
    ["File", record && record.file && line(record.file)],
    ...madeBy(about),
  ]));
}

function switchTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  window.dispatchEvent(new Event("themechange"));
}

function navigation(list) {
  return el("nav", { class: "contents", "aria-label": "parts of the report" },
    Object.entries(list).map(([id, title]) => el("button", { type: "button",
      onclick: () => go(id) }, title)));
}

// go scrolls to a part without touching the address, which holds what is chosen.
function go(id) {
  const e = document.getElementById(id);
  if (!e) return;
  e.scrollIntoView({ block: "start" });
  const title = e.querySelector("h2, h3");
  if (title) {
    title.tabIndex = -1;
    title.focus({ preventScroll: true });
  }
}

async function start() {
  const about = sectionData("about"), difference = sectionData("difference");
  if (difference) return startDifference(about, difference);
  const layers = sectionData("layers").items, waste = sectionData("waste");
  const record = sectionData("record");
  const state = new State();
  Object.assign(state, state.read());
  const main = el("main", {});
  document.body.append(header(about, record), navigation(parts), main);
  const rest = el("div", {}, el("p", { class: "none", role: "status" }, "reading the files…"));
  main.append(layersSection(layers, waste.layers, state), rest,
    configSection(sectionData("config").config), historySection(sectionData("history").items), recordSection(record));
  await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  const [table, unseen] = await Promise.all([tableData("files"), tableData("unseen")]);
  const tree = new Tree(table);
  const files = new Files(tree, layers, state, line(about.image.name || "IMAGE"));
  const show = () => go("files");
  rest.replaceWith(...mapSections(tree, layers, state, show), files.element,
    findingsSection(tree, unseen, { waste, about, secrets: sectionData("secrets") }, layers, state, show));
  for (const listener of state.listeners) listener(["layer"]);
  if (state.path) files.show();
  window.addEventListener("hashchange", () => state.set(state.read()));
  document.documentElement.dataset.ready = "yes";
}

async function startDifference(about, difference) {
  const state = new State();
  Object.assign(state, state.read());
  const { a, b } = about.sides;
  const main = el("main", {}), rest = el("p", { class: "none", role: "status" }, "reading the paths…");
  document.body.append(el("header", {}, title(`${nameOfImage(a.facts)} and ${nameOfImage(b.facts)}`), facts(madeBy(about))),
    navigation(comparedParts), main);
  main.append(sidesSection(about, difference), pairedLayers(about, difference), rest, configDifference(difference),
    differenceWarnings(difference));
  await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  const differences = new Differences(await tableData("differences"), about, difference, state);
  rest.replaceWith(differences.element);
  differences.grid.draw();
  window.addEventListener("hashchange", () => state.set(state.read()));
  document.documentElement.dataset.ready = "yes";
}

start().catch(error => {
  console.error(error);
  document.body.append(el("p", { class: "none", role: "alert" }, "This page could not be shown: " + line(error.message)));
});
