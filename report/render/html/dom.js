// Elements of the page. Every text becomes a text node: nothing here reads markup.
import { color, ink } from "./palette.js";

// el makes an element. Properties that begin with on are handlers; others are attributes.
export function el(tag, properties = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else e.setAttribute(name, value === true ? "" : value);
  }
  put(e, children);
  return e;
}

// put appends texts and elements.
export function put(e, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== undefined && child !== null && child !== false) e.append(child);
  }
  return e;
}

export function empty(e) {
  e.replaceChildren();
  return e;
}

// paint gives an element the colours of a layer.
export function paint(e, layer) {
  e.style.background = color(layer);
  e.style.color = ink(layer);
  return e;
}

// chip is the number of a layer in its colour.
export function chip(layer) {
  return layer === undefined || layer < 0 ? "-" : paint(el("span", { class: "chip" }, String(layer)), layer);
}

// section is a part of the page with a heading. About may be text that explains it.
export function section(id, title, about, ...children) {
  return el("section", { id, "aria-labelledby": id + "-title" },
    el("h2", { id: id + "-title" }, title), about && el("p", { class: "about" }, about), children);
}

// part is a part of a section.
export function part(id, title, about, ...children) {
  return el("div", { class: "part", id }, el("h3", {}, title), about && el("p", { class: "about" }, about), children);
}

// facts is a list of names and values; those without a value are left out.
export function facts(pairs) {
  const list = el("dl", { class: "facts" });
  for (const [name, value, title] of pairs) {
    if (value === undefined || value === null || value === "") continue;
    list.append(el("div", {}, el("dt", {}, name), el("dd", { title }, value)));
  }
  return list;
}

const mostRows = 20; // of a table that is not scrolled

// plainTable is a table of a few rows. Columns are {title, cell, number, hint, spare}.
export function plainTable(columns, rows, label, each = () => ({})) {
  const head = el("tr", {}, columns.map(c => el("th", { scope: "col", class: classes(c) }, c.title)));
  const body = el("tbody", {}, rows.map((row, i) => el("tr", each(row, i), columns.map(c => {
    const cell = c.cell(row, i);
    return el("td", { class: classes(c), title: c.hint ? c.hint(row, i) : typeof cell === "string" ? cell : null }, cell);
  }))));
  return el("div", { class: "scroll" + (rows.length > mostRows ? " tall" : ""), role: "region", "aria-label": label, tabindex: "0" },
    el("table", {}, el("thead", {}, head), body));
}

export function classes(column) {
  return [column.number && "number", column.spare && "spare", column.mono && "mono", column.wide && "wide"].filter(Boolean).join(" ");
}

// choice is a row of buttons of which one is pressed; the function gets its number.
export function choice(label, names, chosen, onchoose) {
  const buttons = names.map((name, k) => el("button", { type: "button", "aria-pressed": String(k === chosen), onclick: () => {
    buttons.forEach(b => b.setAttribute("aria-pressed", String(b === buttons[k])));
    onchoose(k);
  } }, name));
  return el("div", { class: "choice", role: "group", "aria-label": label }, buttons);
}

// slashLeadsTo lets the key / go to a field, unless something is typed elsewhere.
export function slashLeadsTo(field) {
  document.addEventListener("keydown", e => {
    if (e.key !== "/" || /^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName)) return;
    e.preventDefault();
    field.focus();
    field.select();
  });
}
