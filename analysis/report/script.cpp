#include "analysis/report/page.hpp"

namespace moesim::html {

// Adds interactive features that the page works without: sorting by a button in each column header
// (ascending, descending, original), and opening all folds for printing. It writes no HTML.
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
})();
)js";

const char* const kScriptHash = "sha256-4bvk9Z1rIYMjQBUxNnCYe+/bbLj01UVyfXtE8/MzWIQ=";

}  // namespace moesim::html
