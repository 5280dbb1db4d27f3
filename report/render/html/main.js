// The page: what is small first, then the files.
import { el, facts } from "./dom.js";
import { baseOf, grouped, line, sized } from "./text.js";
import { sectionData, tableData } from "./data.js";
import { State } from "./state.js";
import { Tree } from "./tree.js";
import { Union } from "./union.js";
import { layersSection } from "./layers.js";
import { growthSections, mapSections } from "./map.js";
import { Files } from "./files.js";
import { findingsSection } from "./findings.js";
import { Differences, configDifference, pairedLayers, sidesSection } from "./compare.js";
import { configSection, historySection, recordLine, recordSection } from "./config.js";

const comparedParts = { sides: "Images", layers: "Layers", map: "Map", files: "Paths", findings: "Findings",
  config: "Configuration", record: "Verification" };
const parts = { layers: "Layers", map: "Map", files: "Files", findings: "Findings", config: "Configuration", history: "History",
  record: "Verification" };

function nameOfImage(image) { return line(image.container || image.reference || image.id || image.name || "image"); }

// imageFacts is what the head says of one image; of two, a section says it.
function imageFacts(side) {
  const { image, record } = side, unpacked = side.layers.reduce((sum, l) => sum + (l.unpackedSize || 0), 0);
  return [
    ["Source", line(`${image.name || ""} (${image.source})`)],
    ["Container", image.container && line(image.container)],
    ["Image ID", image.id && line(image.id)], ["Manifest", image.manifest && line(image.manifest)],
    ["Platform", image.platform && line(image.platform)], ["Created", image.created && image.created.replace("T", " ")],
    ["Layers", String(image.layers)],
    ["Base", image.base && baseOf(image.base)],
    ["Provenance", image.provenance && line(image.provenance)],
    ["Compressed", sized(image.stored), grouped(image.stored) + " bytes"],
    ["Unpacked", unpacked ? sized(unpacked) : null, grouped(unpacked) + " bytes"],
    ["Verified", image.verified],
    ["Record", recordLine(side)],
    ["File", record && record.file && line(record.file)],
  ];
}

function header(about, sides) {
  const title = sides.map(side => nameOfImage(side.image)).join(" and ");
  const made = [["Made by", `layup ${about.tool.version}${about.tool.commit ? " (" + about.tool.commit.slice(0, 12) + ")" : ""}`],
    ["Command", el("code", {}, line(about.line))]];
  return el("header", {}, el("div", { class: "title" }, el("p", { class: "kind" }, "layup report"), el("h1", {}, title),
    el("button", { type: "button", id: "theme", onclick: switchTheme }, "dark or light")),
  facts([...sides.length > 1 ? sides.map(side => ["Record of " + side.name, recordLine(side)]) : imageFacts(sides[0]), ...made]));
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

// sideOf is an image of the page: what is small, then its files.
function sideOf(image, name) {
  const end = name ? "-" + name.toLowerCase() : "", data = part => sectionData(part + end);
  return { image, name, layers: data("layers").items, waste: data("waste"), secrets: data("secrets"), found: data("found"), packages: data("packages"),
    record: data("record"), end };
}

async function readFiles(side) {
  const [files, unseen] = await Promise.all([tableData("files" + side.end), tableData("unseen" + side.end)]);
  side.tree = new Tree(files, side.waste.left);
  side.unseen = unseen;
}

async function start() {
  const about = sectionData("about"), difference = sectionData("difference");
  const sides = about.images.map((image, k) => sideOf(image, difference ? ["A", "B"][k] : ""));
  const state = new State();
  Object.assign(state, state.read());
  const main = el("main", {}), rest = el("p", { class: "none", role: "status" }, "reading the files…");
  document.body.append(header(about, sides), navigation(difference ? comparedParts : parts), main);
  if (difference) main.append(sidesSection(sides, difference), pairedLayers(sides, difference), rest, configDifference(difference));
  else main.append(layersSection(sides[0], state), rest, configSection(sectionData("config").config),
    historySection(sectionData("history").items));
  main.append(recordSection(sides));
  await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  const [table] = await Promise.all([tableData("differences"), ...sides.map(readFiles)]);
  rest.replaceWith(...difference ? ofTwo(sides, difference, table, about, state) : ofOne(sides[0], about, state));
  window.addEventListener("hashchange", () => state.set(state.read()));
  requestAnimationFrame(() => { document.documentElement.dataset.ready = "yes"; });
}

function ofOne(side, about, state) {
  const show = () => go("files"), files = new Files(side, state);
  return [...mapSections(side, state, show), files.element, findingsSection([side], null, about, state, show)];
}

function ofTwo(sides, difference, table, about, state) {
  const show = () => go("files"), union = new Union(sides[0].tree, sides[1].tree, table, about.aspects);
  return [...growthSections(union, state, show), new Differences(union, sides, state).element,
    findingsSection(sides, union, difference, state, show)];
}

start().catch(error => {
  console.error(error);
  document.body.append(el("p", { class: "none", role: "alert" }, "This page could not be shown: " + line(error.message)));
});
