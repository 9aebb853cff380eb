"use strict";
const PAGE = 25;
const COLOURS = {correct: "--correct", missing: "--missing", inexact: "--missing"};
const WORDS = {correct: "correct", missing: "missing", inexact: "gold, found inexactly", type: "wrong type",
  span: "wrong span", type_and_span: "wrong type and span", spurious: "spurious"};
const sentences = JSON.parse(document.getElementById("data").textContent);
// What a sentence has one of, and what each of its mentions has.
const places = {run: s => s.run, corpus: s => s.corpus, format: s => s.format};
const marks = {outcome: ([status]) => status, type: ([, type]) => type};
const chosen = {};
let shown = sentences, first = 0;

function kind(status) {
  return status === "correct" ? "correct" : status in COLOURS ? "missing" : "wrong";
}

function marked([status, type, spans]) {
  const dashed = kind(status) === "wrong", twice = kind(status) === "missing";
  const colour = `var(${COLOURS[status] || "--wrong"})`;
  return {spans, colour, dashed, twice, height: 3, title: `${type}: ${WORDS[status]}`};
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

// Outcome and type are asked of one mention: a spurious gene, not a gene beside something spurious.
function filter() {
  const agrees = (of, one) => Object.keys(of).every(key => !chosen[key] || of[key](one) === chosen[key]);
  const marked = Object.keys(marks).some(key => chosen[key]);
  shown = sentences.filter(s => agrees(places, s) && (!marked || s.mentions.some(m => agrees(marks, m))));
  first = 0;
  show();
}

function turn(pages) {
  first += pages * PAGE;
  show();
  document.getElementById("errors").scrollIntoView();
}

// Runs are in the order of the sentences, the best one first; others by their names.
function ordered(key, values) {
  const distinct = [...new Set(values)];
  return key === "run" ? distinct : distinct.sort();
}

function offer(key, values) {
  const label = element("label", "", key), select = element("select");
  select.name = key;
  select.append(new Option("all", ""));
  for (const value of values) select.append(new Option(WORDS[value] || value, value));
  select.addEventListener("change", () => { chosen[key] = select.value; filter(); });
  label.append(select);
  document.getElementById("filters").append(label);
}
for (const [key, of] of Object.entries(places)) offer(key, ordered(key, sentences.map(of)));
for (const [key, of] of Object.entries(marks)) offer(key, ordered(key, sentences.flatMap(s => s.mentions.map(of))));
document.getElementById("previous").addEventListener("click", () => turn(-1));
document.getElementById("next").addEventListener("click", () => turn(1));
show();

// Says of a table whether it goes on to the right.
function tell(scrolled) {
  const left = scrolled.scrollWidth - scrolled.clientWidth - scrolled.scrollLeft;
  scrolled.classList.toggle("right", left > 1);
  scrolled.previousElementSibling.hidden = scrolled.scrollWidth - scrolled.clientWidth <= 1;
}
const resized = new ResizeObserver(entries => entries.forEach(({target}) => tell(target)));
for (const scrolled of document.querySelectorAll(".scroll")) {
  scrolled.before(element("p", "wide", "This table scrolls sideways."));
  scrolled.addEventListener("scroll", () => tell(scrolled), {passive: true});
  resized.observe(scrolled);
}
// A link into a folded part opens it.
function unfold() {
  const part = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (part instanceof HTMLDetailsElement) part.open = true;
}
window.addEventListener("hashchange", unfold);
unfold();
