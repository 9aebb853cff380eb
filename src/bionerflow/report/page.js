"use strict";
// Corpus text is data: it enters the page through textContent alone.
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

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function kind(status) {
  return status === "correct" ? "correct" : status in COLOURS ? "missing" : "wrong";
}

// Mentions that overlap lie on different lines below the text; a mention keeps its line in all fragments.
function lanes(mentions) {
  const taken = [];
  return mentions.map(([, , spans]) => {
    const start = spans[0][0], end = spans[spans.length - 1][1];
    let lane = taken.findIndex(ranges => ranges.every(([a, b]) => end <= a || b <= start));
    if (lane < 0) lane = taken.push([]) - 1;
    taken[lane].push([start, end]);
    return lane;
  });
}

function stripe(status, lane) {
  const colour = `var(${COLOURS[status] || "--wrong"})`;
  const dashed = kind(status) === "wrong";
  const image = dashed
    ? `repeating-linear-gradient(90deg, ${colour} 0 5px, transparent 5px 8px)`
    : `linear-gradient(${colour}, ${colour})`;
  const place = `0 calc(100% - ${lane * 5}px)`, height = kind(status) === "missing" ? "2px" : "3px";
  return `${image} ${place} / 100% ${height} no-repeat`;
}

function drawn(sentence) {
  const letters = Array.from(sentence.text), lane = lanes(sentence.mentions);
  const deepest = Math.max(0, ...lane) + 1;
  const cuts = new Set([0, letters.length]);
  for (const [, , spans] of sentence.mentions) spans.flat().forEach(cut => cuts.add(cut));
  const places = [...cuts].sort((a, b) => a - b), line = element("p", "text");
  line.lang = /[\u4e00-\u9fff]/.test(sentence.text) ? "zh" : "en";
  places.slice(0, -1).forEach((start, i) => {
    const covering = sentence.mentions
      .map(([status, type, spans], j) => ({status, type, spans, lane: deepest - 1 - lane[j]}))
      .filter(m => m.spans.some(([a, b]) => a <= start && start < b));
    const piece = letters.slice(start, places[i + 1]).join("");
    if (!covering.length) return line.append(piece);
    const segment = element("span", "segment", piece);
    segment.style.background = covering.map(m => stripe(m.status, m.lane)).join(", ");
    segment.style.paddingBottom = `${deepest * 5}px`;
    segment.title = covering.map(m => `${m.type}: ${WORDS[m.status]}`).join("; ");
    line.append(segment);
  });
  return line;
}

function card(sentence) {
  const made = element("article", "sentence"), list = element("ul"), letters = Array.from(sentence.text);
  made.append(element("p", "where", `${sentence.corpus} ${sentence.id} · ${sentence.format} · ${sentence.run}`));
  made.append(drawn(sentence));
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
