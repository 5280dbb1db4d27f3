// What a person has chosen on the page. It is kept in the address, so that a link leads to the same place.
import { decodePath, encodePath } from "./text.js";

export class State {
  constructor() {
    this.layer = -1; // all
    this.path = ""; // encoded; nothing chosen
    this.query = "";
    this.listeners = [];
  }

  // on calls a function after each change with the names of what changed.
  on(listener) { this.listeners.push(listener); }

  set(change) {
    const changed = Object.keys(change).filter(k => this[k] !== change[k]);
    if (changed.length === 0) return;
    Object.assign(this, change);
    this.write();
    for (const listener of this.listeners) listener(changed);
  }

  choose(bytes) { this.set({ path: encodePath(bytes) }); }

  chosen() { return this.path ? decodePath(this.path) : null; }

  // read takes the state from the address.
  read() {
    const found = { layer: -1, path: "", query: "" };
    for (const part of location.hash.slice(1).split("&")) {
      const at = part.indexOf("=");
      const name = part.slice(0, at), value = part.slice(at + 1);
      if (name === "path") found.path = encodePath(decodePath(value));
      if (name === "layer" && /^\d{1,4}$/.test(value)) found.layer = Number(value);
      if (name === "q") found.query = new TextDecoder().decode(decodePath(value));
    }
    return found;
  }

  // write puts the state into the address.
  write() {
    const parts = [];
    if (this.path) parts.push("path=" + this.path);
    if (this.layer >= 0) parts.push("layer=" + this.layer);
    if (this.query) parts.push("q=" + encodePath(new TextEncoder().encode(this.query)));
    history.replaceState(null, "", parts.length ? "#" + parts.join("&") : "#");
  }
}
