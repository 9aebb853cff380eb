const MOST = 25, CHARACTERS = 40000;
const COLOURS = 10; // --type-0 and so on in page.css
const passages = JSON.parse(document.getElementById("data").textContent)
  .map(([id, start, text, mentions]) => ({id, start, text, mentions: mentions.map(read)}));
const form = document.getElementById("filters"), counts = new Map();
for (const {mentions} of passages) for (const {type} of mentions) counts.set(type, (counts.get(type) || 0) + 1);
const types = [...counts.keys()].sort();
const hidden = new Set();
let shown = [], starts = [0], page = 0;

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
    return {spans, colour: colour(type), dashed: false, height: 4, title, label: type};
  };
}

function card({id, start, text, mentions}) {
  const made = element("article", "sentence");
  made.append(element("p", "where", start ? `${id} · from ${start}` : id));
  made.append(drawn(text, mentions.map(marked(start))));
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

function show() {
  const first = starts[page], last = page + 1 < starts.length ? starts[page + 1] : shown.length;
  document.getElementById("list").replaceChildren(...shown.slice(first, last).map(card));
  const mentions = shown.reduce((sum, passage) => sum + passage.mentions.length, 0);
  document.getElementById("count").textContent = shown.length
    ? `${first + 1} to ${last} of ${shown.length} texts, ${mentions} mentions` : "No text is left by these filters.";
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

const boxes = types.map(type => {
  const label = element("label", "type"), box = element("input"), swatch = element("i");
  box.type = "checkbox";
  box.checked = true;
  box.addEventListener("change", () => {
    toggle(type, box.checked);
    form.all.checked = !hidden.size;
    filter();
  });
  swatch.style.background = colour(type);
  label.append(box, swatch, type, element("b", "", String(counts.get(type))));
  document.getElementById("types").append(label);
  return box;
});
form.all.addEventListener("change", () => {
  boxes.forEach((box, i) => { box.checked = form.all.checked; toggle(types[i], box.checked); });
  filter();
});
document.getElementById("list").addEventListener("click", ({target}) => {
  document.getElementById("about").textContent = target.title || "";
});
document.getElementById("confidence").hidden = !passages.some(({mentions}) => mentions.some(m => m.confidence !== null));
form.confidence.addEventListener("input", filter);
form.empty.addEventListener("change", filter);
form.labels.addEventListener("change", () => document.body.classList.toggle("labels", form.labels.checked));
form.addEventListener("submit", event => event.preventDefault());
document.getElementById("previous").addEventListener("click", () => turn(-1));
document.getElementById("next").addEventListener("click", () => turn(1));
filter();
