"use strict";
const PAGE = 25;
const COLOURS = {correct: "--correct", missing: "--missing", inexact: "--missing"};
const WORDS = {correct: "correct", missing: "missing", inexact: "gold, found inexactly", type: "wrong type",
  span: "wrong span", type_and_span: "wrong type and span", spurious: "spurious"};
const sentences = JSON.parse(document.getElementById("data").textContent);
const filters = {
  run: s => [s.run], corpus: s => [s.corpus], format: s => [s.format],
  outcome: s => s.mentions.map(m => m[0]), type: s => s.mentions.map(m => m[1]),
};
const chosen = {};
let shown = sentences, first = 0;

function kind(status) {
  return status === "correct" ? "correct" : status in COLOURS ? "missing" : "wrong";
}

function marked([status, type, spans]) {
  const dashed = kind(status) === "wrong", height = kind(status) === "missing" ? 2 : 3;
  const colour = `var(${COLOURS[status] || "--wrong"})`;
  return {spans, colour, dashed, height, title: `${type}: ${WORDS[status]}`};
}

function card(sentence) {
  const made = element("article", "sentence"), list = element("ul"), letters = Array.from(sentence.text);
  made.append(element("p", "where", `${sentence.corpus} ${sentence.id} · ${sentence.format} · ${sentence.run}`));
  made.append(drawn(sentence.text, sentence.mentions.map(marked)));
  for (const [status, type, spans] of sentence.mentions) {
    const words = spans.map(([a, b]) => letters.slice(a, b).join("")).join(" … ");
    const item = element("li");
    item.append(element("span", `m ${kind(status)}`, words), ` ${type}, ${WORDS[status]}`);
    list.append(item);
  }
  made.append(list);
  return made;
}

function show() {
  const last = Math.min(first + PAGE, shown.length);
  document.getElementById("list").replaceChildren(...shown.slice(first, last).map(card));
  document.getElementById("count").textContent =
    shown.length ? `${first + 1} to ${last} of ${shown.length} sentences` : "No sentence has all of these.";
  document.getElementById("previous").disabled = first === 0;
  document.getElementById("next").disabled = last === shown.length;
}

function filter() {
  shown = sentences.filter(s => Object.keys(filters).every(key => !chosen[key] || filters[key](s).includes(chosen[key])));
  first = 0;
  show();
}

function turn(pages) {
  first += pages * PAGE;
  show();
  document.getElementById("errors").scrollIntoView();
}

for (const [key, values] of Object.entries(filters)) {
  const label = element("label", "", key), select = element("select");
  select.name = key;
  select.append(new Option("all", ""));
  for (const value of [...new Set(sentences.flatMap(values))].sort()) select.append(new Option(WORDS[value] || value, value));
  select.addEventListener("change", () => { chosen[key] = select.value; filter(); });
  label.append(select);
  document.getElementById("filters").append(label);
}
document.getElementById("previous").addEventListener("click", () => turn(-1));
document.getElementById("next").addEventListener("click", () => turn(1));
show();
