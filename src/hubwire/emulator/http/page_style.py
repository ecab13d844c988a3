"""The look of the page at `/`: light and dark, wide and narrow, without anything from elsewhere."""

STYLE = """
:root { color-scheme: light dark; --ink: #1f2937; --soft: #5b6472; --line: #e5e7eb; --paper: #f6f7f9; --card: #fff;
  --accent: #c2410c; --chip: #eef2f6; --mark: #fff7ed; }
@media (prefers-color-scheme: dark) { :root { --ink: #e5e7eb; --soft: #9ca3af; --line: #2b3340; --paper: #0f141b;
  --card: #171e28; --accent: #fb923c; --chip: #25303f; --mark: #2a2118; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
header, main { max-width: 82rem; margin: 0 auto; padding: 1.25rem 1.25rem 0; }
header { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; align-items: baseline; }
h1 { font-size: 1.35rem; margin: 0; }
h1 span { color: var(--accent); }
header p { margin: 0; color: var(--soft); font-variant-numeric: tabular-nums; }
nav { display: flex; flex-wrap: wrap; gap: .5rem; }
nav a { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .4rem .9rem;
  color: inherit; text-decoration: none; }
a:focus-visible, summary:focus-visible, pre:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
nav a:hover { border-color: var(--accent); }
nav b { font-variant-numeric: tabular-nums; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .8rem; margin: 1.25rem 0;
  overflow: hidden; }
h2 { font-size: 1.05rem; margin: 0; padding: .8rem 1rem; border-bottom: 1px solid var(--line); }
h2 small { color: var(--soft); font-weight: 400; margin-left: .5rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .45rem .8rem; white-space: nowrap; vertical-align: top; }
th { color: var(--soft); font-weight: 600; font-size: .82rem; border-bottom: 1px solid var(--line); }
tbody tr:not(:first-child) td { border-top: 1px solid var(--line); }
tr:target td { background: var(--mark); }
td { max-width: 22rem; overflow: hidden; text-overflow: ellipsis; }
td.id, td.at { font-variant-numeric: tabular-nums; color: var(--soft); }
td.links { white-space: normal; max-width: 15rem; }
summary { cursor: pointer; }
summary::marker { color: var(--soft); }
@supports selector(:has(a)) { tr.all { display: none; } tr:has(details[open]) + tr.all { display: table-row; } }
tbody tr.all td { border-top: 0; padding-top: 0; max-width: none; white-space: normal; }
dl { columns: 22rem; column-gap: 2rem; margin: 0; padding: .6rem .9rem; background: var(--paper);
  border-radius: .6rem; font-size: .88rem; }
dl div { display: grid; grid-template-columns: minmax(9rem, 42%) 1fr; gap: .8rem; break-inside: avoid; }
dt { color: var(--soft); overflow-wrap: anywhere; } dd { margin: 0; overflow-wrap: anywhere; }
.chip { display: inline-block; max-width: 100%; background: var(--chip); border-radius: .4rem; padding: .05rem .45rem;
  font-size: .85rem; color: inherit; text-decoration: none; overflow: hidden; text-overflow: ellipsis;
  white-space: nowrap; vertical-align: bottom; }
summary .chip { max-width: calc(100% - 1.4rem); } a.chip:hover { color: var(--accent); }
.none { color: var(--soft); padding: 1rem; margin: 0; }
footer { color: var(--soft); padding: 0 0 2rem; font-size: .88rem; }
code { background: var(--chip); border-radius: .3rem; padding: 0 .3rem; }
@media (max-width: 44rem) {
  header, main { padding: 1rem .8rem 0; }
  thead { display: none; }
  table, tbody { display: block; }
  tbody tr { display: block; padding: .5rem 0; }
  tbody tr + tr:not(.all) { border-top: 1px solid var(--line); }
  tr:has(details[open]) + tr.all { display: block; }
  tbody tr:not(:first-child) td { border: 0; }
  td, td.links { display: flow-root; max-width: none; padding: .12rem 1rem .12rem 8.6rem; white-space: normal;
    overflow-wrap: anywhere; }
  td:empty { display: none; }
  td::before { content: attr(data-label); float: left; width: 7rem; margin-left: -7.6rem; color: var(--soft);
    font-size: .82rem; line-height: 1.75; }
  tr.all td { display: block; padding-left: 1rem; } tr.all td::before { content: none; }
  dl { columns: auto; padding: .6rem; }
}
form.find { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin: 1rem 0 0; }
input, button { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line);
  border-radius: .6rem; padding: .35rem .8rem; }
input[type=search] { flex: 1 1 16rem; max-width: 28rem; }
button { cursor: pointer; } button:hover { border-color: var(--accent); }
input:focus-visible, button:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.acts { display: flex; flex-wrap: wrap; gap: .5rem; padding: .8rem 1rem; align-items: center; }
.acts h3 { flex: 1 0 100%; margin: .2rem 0 0; font-size: .9rem; color: var(--soft); font-weight: 600; }
.turn { display: flex; gap: 1rem; padding: .6rem 1rem; border-top: 1px solid var(--line); }
pre { margin: 0; padding: .6rem .9rem; background: var(--paper); border-radius: .6rem; font-size: .85rem;
  white-space: pre-wrap; overflow-wrap: anywhere; max-height: 24rem; overflow-y: auto; }
.bad, form.find a, .turn a, footer a { color: var(--accent); }
"""
