#include "analysis/report/page.hpp"

namespace moesim::html {

// Colours are custom properties, so that a colour scheme is one block; tests check their contrast.
const char* const kStyle = R"css(:root {
  color-scheme: light dark;
  --page: #ffffff; --ink: #1c2127; --soft: #565f69; --rule: #d3d9df; --box: #f5f7f9;
  --link: #0a58a6; --mark: #fff0b8; --mark-ink: #1c2127; --row: #eef3f8;
  --e0: #fea09f; --e1: #acefd6; --e2: #dfa5ec; --e3: #e0e3a9; --e4: #98bfff; --e5: #fed4bd;
  --e6: #4dd4db; --e7: #ffcee4; --e8: #96d089; --e9: #ddd9fe; --e10: #e5b562; --e11: #b7e6fe;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #15181c; --ink: #e4e8ec; --soft: #a3adb8; --rule: #3a424b; --box: #1d2126;
    --link: #84bbff; --mark: #5a4600; --mark-ink: #fff7df; --row: #232930;
    --e0: #873e40; --e1: #023d2e; --e2: #70447a; --e3: #353502; --e4: #35578f; --e5: #522404;
    --e6: #016569; --e7: #501f38; --e8: #37652d; --e9: #332a58; --e10: #735103; --e11: #03384c;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 3rem; max-width: 84rem;
  background: var(--page); color: var(--ink);
  font: 1rem/1.55 var(--sans); font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}
h1 { font-size: 1.9rem; line-height: 1.2; font-weight: 700; letter-spacing: -0.01em; margin: 0 0 0.4rem; }
h2 {
  font-size: 1.3rem; line-height: 1.3; font-weight: 600; margin: 2.75rem 0 0.75rem;
  padding-bottom: 0.3rem; border-bottom: 1px solid var(--rule);
}
h2 a { color: inherit; text-decoration: none; }
h2 a:hover, h2 a:focus-visible { text-decoration: underline; }
h3 { font-size: 1.05rem; line-height: 1.35; font-weight: 600; margin: 1.75rem 0 0.5rem; }
p, ul, ol { margin: 0.5rem 0; }
main p, main li { max-width: 75ch; }
a { color: var(--link); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
header p, footer, figcaption, caption, .notes, .quiet { color: var(--soft); }
header p { margin: 0.15rem 0; }
footer { margin-top: 3rem; padding-top: 0.75rem; border-top: 1px solid var(--rule); font-size: 0.85rem; }
nav ol { list-style: none; margin: 1.25rem 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0.25rem 1.1rem; font-size: 0.9rem; }
nav a { text-decoration: none; }
nav a:hover, nav a:focus-visible { text-decoration: underline; }
section:first-child h2 { margin-top: 1.75rem; }
#verdict li, #verdict p { font-size: 1.08rem; }
code, pre { font-family: var(--mono); font-size: 0.86em; }
pre {
  margin: 0.5rem 0; padding: 0.7rem 0.9rem; overflow-x: auto; white-space: pre;
  background: var(--box); border-radius: 4px; line-height: 1.45; user-select: all;
}
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0.2rem 1.1rem; margin: 0.75rem 0; }
dt { color: var(--soft); }
dd { margin: 0; }

.box { overflow-x: auto; margin: 0.75rem 0 1.25rem; }
.table { margin: 0; }
table {
  border-collapse: collapse; width: max-content; font-size: 0.875rem; line-height: 1.4;
  border-top: 1.5px solid var(--ink); border-bottom: 1.5px solid var(--ink);
}
caption { text-align: left; caption-side: top; padding: 0 0 0.45rem; font-size: 0.9rem; }
th, td { padding: 0.3rem 0.7rem; text-align: left; vertical-align: top; overflow-wrap: break-word; }
thead th { font-weight: 600; vertical-align: bottom; border-bottom: 1px solid var(--ink); }
tbody th { font-weight: 400; }
td:not(.number) { max-width: 16rem; }
sup { line-height: 0; }
.number { text-align: right; white-space: nowrap; }
thead .number { white-space: normal; }
th:first-child {
  position: sticky; left: 0; z-index: 1; background: var(--page); padding-left: 0;
  min-width: 9rem; max-width: 18rem; overflow-wrap: anywhere;
}
tbody tr:hover > * { background: var(--row); }
th button {
  margin: 0; padding: 0; border: 0; background: none; color: inherit; font: inherit;
  text-align: inherit; cursor: pointer;
}
th button::after { content: "\00a0\2195"; opacity: 0.4; }
th[aria-sort="ascending"] button::after { content: "\00a0\2191"; opacity: 1; }
th[aria-sort="descending"] button::after { content: "\00a0\2193"; opacity: 1; }
#configs-table strong {
  background: var(--mark); color: var(--mark-ink); padding: 0.05rem 0.3rem; border-radius: 3px;
}
.notes {
  position: sticky; left: 0; max-width: 75ch; margin: 0.6rem 0 0; padding: 0; list-style: none;
  font-size: 0.85rem;
}
.notes li { margin: 0.2rem 0; padding-left: 0.9rem; text-indent: -0.9rem; }

.routing { margin: 0 0 2.5rem; }
.routing bdi, .experts .expert { padding: 0.05em 0.1em; border-bottom: 2px solid; }
.e0 { background: var(--e0); } .e1 { background: var(--e1); } .e2 { background: var(--e2); } .e3 { background: var(--e3); }
.e4 { background: var(--e4); } .e5 { background: var(--e5); } .e6 { background: var(--e6); } .e7 { background: var(--e7); }
.e8 { background: var(--e8); } .e9 { background: var(--e9); } .e10 { background: var(--e10); } .e11 { background: var(--e11); }
.routing .u1 { border-bottom-style: dotted; }
.routing .u2 { border-bottom-style: dashed; }
.routing .u3 { border-bottom-style: double; border-bottom-width: 4px; }
.routing .none { border-bottom-color: transparent; }
.routing .lost { text-decoration: line-through; }
.tokens { max-width: 75ch; line-height: 2.1; }
.tokens p { white-space: pre-wrap; margin: 0.9rem 0; max-width: none; }
.tokens bdi { cursor: default; -webkit-box-decoration-break: clone; box-decoration-break: clone; }
.tokens bdi[data-e]::after {
  content: "\2060" attr(data-e); font-size: 0.6em; vertical-align: sub; line-height: 1;
}
.tokens code { border: 1px solid; border-radius: 2px; padding: 0 0.1em; font-size: 0.7em; }
.marking .tokens bdi { background: none; border-bottom-color: transparent; }
.marking .tokens bdi.first { background: var(--mark); color: var(--mark-ink); border-bottom-color: currentColor; outline: 2px solid; }
.marking .tokens bdi.other { outline: 1px dashed; }
.routing bdi:focus-visible { outline: 3px solid var(--link); outline-offset: 1px; }
.layers { display: flex; flex-wrap: wrap; align-items: center; gap: 0.6rem; }
.layers[hidden] { display: none; }
.layers input { flex: 0 1 20rem; accent-color: var(--link); }
.experts { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 0.4rem 1rem; max-width: none; }
.experts .expert {
  display: inline-block; min-width: 2em; text-align: center; color: inherit; font: inherit;
  border-width: 0 0 2px; border-color: currentColor; border-radius: 0;
}
.experts button { cursor: pointer; }
.experts button[aria-pressed="true"] { outline: 2px solid; font-weight: 700; }
.about { position: sticky; top: 0; z-index: 2; margin: 0; padding: 0.4rem 0; min-height: 3.5em; background: var(--page); border-bottom: 1px solid var(--rule); max-width: none; }

figure { margin: 1.5rem 0 2rem; }
figcaption { margin-top: 0.4rem; font-size: 0.9rem; max-width: 75ch; }
.plot { overflow-x: auto; }
.plot svg { display: block; width: 100%; height: auto; min-width: 36rem; max-width: 60rem; }
details { margin: 0.5rem 0; }
summary { cursor: pointer; color: var(--link); padding: 0.15rem 0; }
summary:hover { text-decoration: underline; }
details details { margin-left: 1.1rem; }

@media (min-width: 76rem) {
  body { display: grid; grid-template-columns: 11rem minmax(0, 1fr); column-gap: 3rem; }
  header, main, footer { grid-column: 2; }
  nav { grid-column: 1; grid-row: 1 / span 3; }
  nav ol { position: sticky; top: 2rem; display: block; margin: 0.4rem 0 0; border-right: 1px solid var(--rule); padding-right: 1rem; }
  nav li { padding: 0.2rem 0; }
}
@media (max-width: 40rem) {
  body { padding: 1.1rem 1rem 2rem; }
  h1 { font-size: 1.5rem; }
  dl { grid-template-columns: minmax(0, 1fr); gap: 0; }
  dd { margin-bottom: 0.5rem; }
  table { font-size: 0.8rem; }
  th, td { padding: 0.3rem 0.5rem; }
  td:not(.number) { max-width: 12rem; }
  th:first-child { min-width: 6rem; max-width: 9.5rem; }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
@media print {
  :root {
    color-scheme: light;
    --page: #ffffff; --ink: #000000; --soft: #444444; --rule: #bbbbbb; --box: #f5f5f5;
    --link: #000000; --mark: #e4e4e4; --mark-ink: #000000; --row: #ffffff;
    --e0: #fea09f; --e1: #acefd6; --e2: #dfa5ec; --e3: #e0e3a9; --e4: #98bfff; --e5: #fed4bd;
    --e6: #4dd4db; --e7: #ffcee4; --e8: #96d089; --e9: #ddd9fe; --e10: #e5b562; --e11: #b7e6fe;
  }
  @page { size: A4 landscape; margin: 13mm 14mm; }
  body { display: block; max-width: none; padding: 0; font-size: 9pt; }
  nav, th button::after { display: none; }
  a { text-decoration: none; }
  h2, h3, summary, caption { break-after: avoid; }
  tr, figure:not(.table) { break-inside: avoid; }
  .box, .plot, pre { overflow: visible; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: 0.4rem 0.6rem; }
  table { width: auto; font-size: 7pt; }
  th, td { padding: 0.12rem 0.3rem; }
  td:not(.number) { min-width: 4em; max-width: 30em; overflow-wrap: anywhere; }
  .number { white-space: normal; overflow-wrap: normal; }
  th:first-child { position: static; min-width: 7em; max-width: 16em; }
  .plot svg { min-width: 0; max-width: 178mm; }
  .about, .layers { display: none; }
  .routing bdi, .expert { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  details::details-content { content-visibility: visible; block-size: auto; }
}
)css";

}  // namespace moesim::html
