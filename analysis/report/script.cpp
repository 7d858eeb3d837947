#include "analysis/report/page.hpp"

namespace moesim::html {

// Adds interactive features that the page works without: sorting by a button in each column header
// (ascending, descending, original), opening all folds for printing, and the explorer of routed
// texts: layers, gates, marked experts. It writes no HTML.
const char* const kScript = R"js(
"use strict";
(() => {
  const key = (row, column) => {
    const cell = row.cells[column];
    if (!cell) return null;
    if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
    const text = cell.textContent.trim();
    return /^[-\u2013\u2014]?$/.test(text) ? null
      : /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/.test(text) ? Number(text) : text;
  };
  const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b
    : typeof a !== typeof b ? (typeof a === "number" ? -1 : 1)
    : a.localeCompare(b, "en", {numeric: true});
  for (const table of document.querySelectorAll("main table")) {
    const body = table.tBodies[0];
    if (!table.tHead || !body || body.rows.length < 2) continue;
    const original = Array.from(body.rows);
    const heads = Array.from(table.tHead.rows[table.tHead.rows.length - 1].cells);
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const now = head.getAttribute("aria-sort");
        const next = now === "ascending" ? "descending" : now === "descending" ? null : "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        if (next) head.setAttribute("aria-sort", next);
        const sign = next === "descending" ? -1 : 1;
        const rows = original.map(row => [key(row, column), row]);
        if (next) rows.sort(([a], [b]) => a === null || b === null
          ? (a === null) - (b === null) : sign * compare(a, b));
        body.append(...rows.map(([, row]) => row));
      });
    });
  }
  const closed = [];
  addEventListener("beforeprint", () => {
    for (const fold of document.querySelectorAll("details:not([open])")) {
      fold.open = true;
      closed.push(fold);
    }
  });
  addEventListener("afterprint", () => { for (const fold of closed.splice(0)) fold.open = false; });

  const make = (name, text, properties) => {
    const one = Object.assign(document.createElement(name), properties);
    one.append(text);
    return one;
  };
  const looks = expert => `e${expert % 12} u${(expert + Math.floor(expert / 12)) % 4}`;
  const plural = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;
  const choices = text => text.split(" ").map(of => of === "-" ? [] : of.split(",").map(choice => {
    const [expert, gate] = choice.split(":");
    return {expert: Number(expert), gate: parseFloat(gate), dropped: gate.endsWith("!")};
  }));
  for (const box of document.querySelectorAll(".routing")) {
    const part = name => box.querySelector(name);
    const tokens = Array.from(box.querySelectorAll(".tokens bdi"));
    const place = new Map(tokens.map((token, i) => [token, i]));
    const layers = Array.from(box.querySelectorAll(".routes"),
      one => ({name: one.dataset.layer, text: one.textContent}));
    const words = name => part(name) ? part(name).textContent.split(" ") : [];
    const ids = words(".ids"), losses = words(".losses");
    const list = part(".tokens"), slider = part(".layers input"), about = part(".about");
    const legend = part(".experts");
    let routes = [], layer = 0, marked = null, current = 0;
    const say = i => {
      const id = ids[i] === undefined ? "" : `, id ${ids[i]}`;
      const loss = losses[i] === undefined || losses[i] === "-" ? "" : `; loss ${losses[i]} nats`;
      const of = routes[i].map(({expert, gate, dropped}) =>
        `expert ${expert}: gate ${gate}, ${dropped ? "dropped" : "served"}`);
      const text = document.createElement("bdi");
      text.append(...tokens[i].cloneNode(true).childNodes);
      about.replaceChildren(text,
        ` token ${i}${id}, layer ${layers[layer].name}: ${of.join("; ") || "no expert"}${loss}`);
    };
    const mark = expert => {
      marked = expert;
      box.classList.toggle("marking", expert !== null);
      const count = {first: 0, other: 0, dropped: 0};
      tokens.forEach((token, i) => {
        const at = expert === null ? -1 : routes[i].findIndex(choice => choice.expert === expert);
        token.classList.toggle("first", at === 0);
        token.classList.toggle("other", at > 0);
        if (at < 0) return;
        count[at > 0 ? "other" : "first"]++;
        if (routes[i][at].dropped) count.dropped++;
      });
      for (const button of legend.querySelectorAll("button"))
        button.setAttribute("aria-pressed", String(Number(button.dataset.e) === expert));
      if (expert !== null)
        about.textContent = `expert ${expert}, layer ${layers[layer].name}: the first choice of `
          + `${plural(count.first, "token")} (solid outline), another choice of ${count.other} `
          + `(dashed); ${count.dropped} of these are dropped`;
    };
    const show = next => {
      layer = Math.max(0, Math.min(layers.length - 1, next));
      routes = layers[layer].routes = layers[layer].routes || choices(layers[layer].text);
      const counts = new Map();
      tokens.forEach((token, i) => {
        const of = routes[i];
        if (of.length) {
          token.dataset.e = of[0].expert;
          counts.set(of[0].expert, (counts.get(of[0].expert) || 0) + 1);
        } else delete token.dataset.e;
        token.className = (of.length ? looks(of[0].expert) : "none")
          + (of.every(choice => choice.dropped) ? " lost" : "");
      });
      const most = Array.from(counts).sort((a, b) => b[1] - a[1]).slice(0, 64);
      legend.replaceChildren(...most.sort((a, b) => a[0] - b[0]).map(([expert, count]) => {
        const button = make("button", expert, {type: "button", className: "expert " + looks(expert)});
        button.dataset.e = expert;
        button.addEventListener("click", () => mark(marked === expert ? null : expert));
        return make("li", button).appendChild(new Text(` ${count}`)).parentNode;
      }));
      for (const name of box.querySelectorAll(".layer, .layers output"))
        name.textContent = layers[layer].name;
      slider.value = layer;
      slider.setAttribute("aria-valuetext", `layer ${layers[layer].name}`);
      mark(marked);
    };
    const select = next => {
      tokens[current].tabIndex = -1;
      current = Math.max(0, Math.min(tokens.length - 1, next));
      tokens[current].tabIndex = 0;
      tokens[current].focus();
    };
    // The token of the next line that is nearest from left to right.
    const line = way => {
      const here = tokens[current].getBoundingClientRect(), far = at => Math.abs(at.left - here.left);
      let best = current, nearest = null;
      for (let i = current + way; tokens[i]; i += way) {
        const at = tokens[i].getBoundingClientRect();
        if (Math.abs(at.top - here.top) < here.height / 2) continue;
        if (nearest && Math.abs(at.top - nearest.top) > here.height / 2) break;
        if (!nearest || far(at) < far(nearest)) [best, nearest] = [i, at];
      }
      return best;
    };
    const keys = {
      ArrowRight: () => select(current + 1), ArrowLeft: () => select(current - 1),
      ArrowDown: () => select(line(1)), ArrowUp: () => select(line(-1)),
      Home: () => select(0), End: () => select(tokens.length - 1),
      PageDown: () => { show(layer + 1); say(current); }, PageUp: () => { show(layer - 1); say(current); },
    };
    list.addEventListener("keydown", event => {
      if (!keys[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      keys[event.key]();
    });
    const token = event => place.get(event.target.closest(".tokens bdi"));
    list.addEventListener("focusin", event => { if (token(event) !== undefined) say(token(event)); });
    list.addEventListener("mouseover", event => { if (token(event) !== undefined) say(token(event)); });
    list.addEventListener("click", event => { if (token(event) !== undefined) select(token(event)); });
    slider.addEventListener("input", () => show(Number(slider.value)));
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "Tokens");
    tokens.forEach((one, i) => {
      one.setAttribute("role", "option");
      one.tabIndex = i === 0 ? 0 : -1;
    });
    about.hidden = false;
    part(".layers").hidden = layers.length < 2;
    show(0);
    about.textContent = "Point at a token, or move with the arrow keys: its experts and gates. "
      + "Page up and page down change the layer. Select an expert above to mark its tokens.";
  }
})();
)js";

const char* const kScriptHash = "sha256-/wjFkYu7aCu33IrofYDONoiKRMTjC2G7Q9cPmBQjGCI=";

}  // namespace moesim::html
