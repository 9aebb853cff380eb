// The form that asks the server; what it finds is shown by page.js.
const offered = JSON.parse(document.getElementById("offered").textContent), {limits} = offered;
const ask = document.getElementById("ask"), byId = id => document.getElementById(id);
const KINDS = {malformed: "not in the output format", unknown_type: "a type that was not asked for",
  not_in_text: "not in the text", ambiguous: "more than one place in the text", truncated: "the answer was cut off"};
let dropped = [], current = null;

class Refused extends Error {}

async function request(path, options) {
  let answer;
  try {
    answer = await fetch(`api/${path}`, options);
  } catch {
    throw new Refused("The server does not answer: is it still running?");
  }
  if (!answer.ok) throw new Refused((await answer.json().catch(() => ({}))).error || `Refused (${answer.status}).`);
  return answer;
}

function say(text, wrong = false) {
  byId("state").textContent = text;
  byId("state").classList.toggle("wrong", wrong);
}

function options(name, values, titles = values) {
  const select = ask.elements[name] || byId("download").elements[name];
  select.replaceChildren(...values.map((value, i) => new Option(titles[i], value)));
  if (select.form === ask && name !== "model") select.closest("label").hidden = values.length < 2;
}

function model() {
  return offered.models.find(({name}) => name === ask.elements.model.value);
}

function chosenModel() {
  const {kind, corpora, formats} = model(), chat = kind === "chat";
  options("corpus", Object.keys(corpora));
  options("format", chat ? ["", ...formats] : formats, chat ? ["default", ...formats] : formats);
  for (const name of ["wanted", "examples"]) ask.elements[name].closest("label").hidden = !chat;
  byId("keep").hidden = chat;
  chosenCorpus();
}

function chosenCorpus() {
  const boxes = (model().corpora[ask.elements.corpus.value] || []).map(type => {
    const label = element("label", "check"), box = element("input");
    Object.assign(box, {type: "checkbox", name: "type", value: type, checked: true});
    label.append(box, type);
    return label;
  });
  byId("keep").replaceChildren(document.querySelector("#keep legend"), ...boxes);
}

function linesOf(name) {
  return ask.elements[name].value.split("\n").map(line => line.trim()).filter(line => line);
}

// Of a run the types to keep; of a chat model those to find, what they mean, and examples.
function typesAsked() {
  if (model().kind === "run") return {types: [...ask.querySelectorAll("[name=type]:checked")].map(({value}) => value)};
  const lines = linesOf("wanted").map(line => line.match(/^([^:：]*)(?:[:：](.*))?$/).slice(1).map((part = "") => part.trim()));
  const definitions = Object.fromEntries(lines.filter(([, meaning]) => meaning));
  return {types: lines.map(([type]) => type), definitions, examples: linesOf("examples")};
}

// Characters as the server counts them: code points.
function measure() {
  const texts = documents(), count = texts.reduce((sum, {text}) => sum + Array.from(text).length, 0);
  const over = count > limits.characters || texts.length > limits.documents;
  byId("length").textContent = count ? `${count.toLocaleString("en")} of ${limits.characters.toLocaleString("en")} characters` : "";
  return over;
}

function documents() {
  const typed = ask.elements.text.value;
  return [...(typed.trim() ? [{id: "text", text: typed}] : []), ...dropped];
}

async function take(files) {
  for (const file of files) {
    try {
      if (file.size > limits.bytes) throw new RangeError();
      const text = new TextDecoder("utf-8", {fatal: true}).decode(await file.arrayBuffer());
      dropped.push({id: file.name.slice(0, 200), text});
    } catch (error) {
      say(`${file.name} ${error instanceof RangeError ? "is too long" : "is no UTF-8 text"}: it was left out.`, true);
    }
  }
  list();
}

function list() {
  byId("documents").replaceChildren(...dropped.map((one, i) => {
    const item = element("li", "", one.id), button = element("button", "", "×");
    button.type = "button";
    button.setAttribute("aria-label", `Remove ${one.id}`);
    button.addEventListener("click", () => { dropped.splice(i, 1); list(); byId("browse").focus(); });
    item.append(button);
    return item;
  }));
  measure();
}

function busy(on) {
  byId("stop").hidden = ask.querySelector("progress").hidden = !on;
  ask.querySelector("[type=submit]").disabled = on;
}

async function annotate() {
  if (!documents().length) return say("There is no text yet.", true);
  if (measure()) return say("The texts are too long for one batch.", true);
  const asked = typesAsked();
  if (!asked.types.length) return say("Choose a type at least.", true);
  const body = {documents: documents(), model: model().name, ...asked, engine: ask.elements.engine.value,
    corpus: ask.elements.corpus.value || null, format: ask.elements.format.value || null};
  const headers = {"Content-Type": "application/json"};
  busy(true);
  say("Sending…");
  try {
    if (current) request(`batches/${current}`, {method: "DELETE"}).catch(() => {});
    current = (await (await request("batches", {method: "POST", headers, body: JSON.stringify(body)})).json()).id;
    if (await finished(current)) await showResult(current);
  } catch (error) {
    say(error.message, true);
    if (!(error instanceof Refused)) throw error;
  } finally {
    busy(false);
  }
}

async function finished(id) {
  for (let wait = 150; id === current; wait = Math.min(wait * 1.3, 2000)) {
    const {state, progress, error} = await (await request(`batches/${id}`)).json();
    ask.querySelector("progress").value = progress;
    if (state === "done") return true;
    if (error) throw new Refused(error);
    say(state === "waiting" ? "Waiting for the model…" : `${Math.floor(100 * progress)} % of the sentences`);
    await new Promise(resolve => setTimeout(resolve, wait));
  }
  return false;
}

async function showResult(id) {
  const {documents} = await (await request(`batches/${id}/result`)).json();
  byId("found").hidden = false;
  byId("left").textContent = "";
  load(documents.map(({id, text, entities}) => [id, 0, text, entities.map(one =>
    [one.type, one.spans.map(({start, end}) => [start, end]), one.confidence, one.probability])]));
  const unusable = documents.flatMap(({id, problems}) => problems.map(problem => ({id, ...problem})));
  byId("unusable").hidden = !unusable.length;
  document.querySelector("#unusable summary").textContent = `Not usable: ${unusable.length} of the model's answers or parts of them`;
  document.querySelector("#unusable ul").replaceChildren(...unusable.slice(0, 500).map(({id, kind, detail}) =>
    element("li", "", `${documents.length > 1 ? `${id}: ` : ""}${KINDS[kind] || kind}: ${detail}`)));
  const count = documents.reduce((sum, {entities}) => sum + entities.length, 0);
  say(`Done: ${count} ${count === 1 ? "entity" : "entities"} found.`);
  byId("found").scrollIntoView();
}

async function stop() {
  const id = current;
  current = null;
  say("Stopped.");
  if (id) await request(`batches/${id}`, {method: "DELETE"}).catch(() => {});
}

async function download() {
  const name = byId("download").elements.form.value, {title, ending} = offered.forms.find(one => one.name === name);
  try {
    const answer = await request(`batches/${current}/forms/${name}?threshold=${form.confidence.value}`);
    const link = element("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = name === ending ? `annotations.${ending}` : `annotations.${name}.${ending}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    const left = Number(answer.headers.get("X-Left-Out"));
    byId("left").textContent = left ? `${left} left out: ${title} cannot hold them.` : "";
  } catch (error) {
    byId("left").textContent = error.message;
  }
}

options("model", offered.models.map(({name}) => name));
options("engine", offered.engines);
options("form", offered.forms.map(({name}) => name), offered.forms.map(({title}) => title));
ask.elements.model.addEventListener("change", chosenModel);
ask.elements.corpus.addEventListener("change", chosenCorpus);
ask.elements.text.addEventListener("input", measure);
ask.addEventListener("keydown", event => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) ask.requestSubmit();
});
ask.addEventListener("submit", event => { event.preventDefault(); annotate(); });
byId("stop").addEventListener("click", stop);
byId("browse").addEventListener("click", () => byId("files").click());
byId("files").addEventListener("change", async ({target}) => { await take([...target.files]); target.value = ""; });
byId("download").addEventListener("submit", event => { event.preventDefault(); download(); });
for (const [event, on] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  document.addEventListener(event, dropping => {
    dropping.preventDefault();
    ask.classList.toggle("dropping", on);
    if (event === "drop" && dropping.dataTransfer) take([...dropping.dataTransfer.files]);
  });
}
chosenModel();
