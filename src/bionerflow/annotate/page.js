const MOST = 25, CHARACTERS = 40000;
const COLOURS = 10; // --type-0 and so on in page.css
const form = document.getElementById("filters"), all = document.getElementById("types").querySelector("label");
const hidden = new Set();
let passages = [], types = [], boxes = [], shown = [], starts = [0], page = 0;

function read([type, spans, confidence, probability]) {
  return {type, spans, confidence, probability};
}

function colour(type) {
  return `var(--type-${types.indexOf(type) % COLOURS})`;
}

function wanted({type, confidence}) {
  return !hidden.has(type) && (confidence === null || confidence >= form.confidence.valueAsNumber);
}

function marked(start) {
  return ({type, spans, confidence, probability}) => {
    const places = spans.map(([a, b]) => `${start + a}–${start + b}`).join(", ");
    const scores = [["confidence", confidence], ["selector", probability]].filter(([, value]) => value !== null);
    const title = [`${type} ${places}`, ...scores.map(([name, value]) => `${name} ${value.toFixed(2)}`)].join(", ");
    const label = confidence === null ? type : `${type}\u00a0${confidence.toFixed(2)}`;
    return {spans, colour: colour(type), dashed: false, height: 4, title, label};
  };
}

function card({id, start, text, mentions}) {
  const made = element("article", "sentence");
  made.append(element("p", "where", start ? `${id} · from ${start}` : id));
  const line = drawn(text, mentions.map(marked(start)));
  for (const segment of line.querySelectorAll(".segment[title]:not([title=''])")) segment.tabIndex = 0;
  made.append(line);
  return made;
}

// A page has at most MOST texts and, beyond the first, CHARACTERS characters.
function paged() {
  const found = [0];
  let held = 0, number = 0;
  shown.forEach(({text}, i) => {
    if (i && (number === MOST || held + text.length > CHARACTERS)) { found.push(i); held = number = 0; }
    held += text.length;
    number += 1;
  });
  return found;
}

function counted(number, name) {
  return `${number} ${name}${number === 1 ? "" : "s"}`;
}

function show() {
  const first = starts[page], last = page + 1 < starts.length ? starts[page + 1] : shown.length;
  document.getElementById("list").replaceChildren(...shown.slice(first, last).map(card));
  const mentions = shown.reduce((sum, passage) => sum + passage.mentions.length, 0);
  const part = starts.length > 1 ? `${first + 1} to ${last} of ` : "";
  document.getElementById("count").textContent = shown.length
    ? `${part}${counted(shown.length, "text")}, ${counted(mentions, "mention")}` : "No text is left by these filters.";
  document.querySelector(".pages").hidden = starts.length === 1;
  document.getElementById("previous").disabled = page === 0;
  document.getElementById("next").disabled = last === shown.length;
}

function filter() {
  form.querySelector("output").textContent = form.confidence.valueAsNumber.toFixed(2);
  shown = passages.map(passage => ({...passage, mentions: passage.mentions.filter(wanted)}))
    .filter(({mentions}) => form.empty.checked || mentions.length);
  starts = paged();
  page = 0;
  show();
}

function turn(pages) {
  page += pages;
  show();
  window.scrollTo(0, 0);
}

function toggle(type, wanted) {
  hidden[wanted ? "delete" : "add"](type);
}

function box(type, count) {
  const label = element("label", "type"), box = element("input"), swatch = element("i");
  box.type = "checkbox";
  box.checked = true;
  box.addEventListener("change", () => {
    toggle(type, box.checked);
    form.all.checked = !hidden.size;
    filter();
  });
  swatch.style.background = colour(type);
  label.append(box, swatch, type, element("b", "", String(count)));
  document.getElementById("types").append(label);
  return box;
}

// Shows rows [id, start, text, mentions] in place of those before.
function load(rows) {
  passages = rows.map(([id, start, text, mentions]) => ({id, start, text, mentions: mentions.map(read)}));
  const counts = new Map(), mentions = passages.flatMap(passage => passage.mentions);
  for (const {type} of mentions) counts.set(type, (counts.get(type) || 0) + 1);
  types = [...counts.keys()].sort();
  hidden.clear();
  form.all.checked = true;
  document.getElementById("types").replaceChildren(document.querySelector("#types legend"), all);
  boxes = types.map(type => box(type, counts.get(type)));
  document.getElementById("confidence").hidden = mentions.every(({confidence}) => confidence === null);
  document.getElementById("about").textContent = "";
  filter();
}

function tell({target}) {
  document.getElementById("about").textContent = target.title || "";
}

form.all.addEventListener("change", () => {
  boxes.forEach((box, i) => { box.checked = form.all.checked; toggle(types[i], box.checked); });
  filter();
});
for (const event of ["click", "focusin"]) document.getElementById("list").addEventListener(event, tell);
form.confidence.addEventListener("input", filter);
form.empty.addEventListener("change", filter);
form.labels.addEventListener("change", () => document.body.classList.toggle("labels", form.labels.checked));
form.addEventListener("submit", event => event.preventDefault());
document.getElementById("previous").addEventListener("click", () => turn(-1));
document.getElementById("next").addEventListener("click", () => turn(1));
load(JSON.parse(document.getElementById("data").textContent));
