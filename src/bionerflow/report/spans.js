"use strict";
// Corpus text is data: it enters the page through textContent alone.
const LANE = 5;

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// Mentions that overlap lie on different lines below the text; a mention keeps its line in all fragments.
function lanes(mentions) {
  const taken = [];
  return mentions.map(({spans}) => {
    const start = spans[0][0], end = spans[spans.length - 1][1];
    let lane = taken.findIndex(ranges => ranges.every(([a, b]) => end <= a || b <= start));
    if (lane < 0) lane = taken.push([]) - 1;
    taken[lane].push([start, end]);
    return lane;
  });
}

function stripe({colour, dashed, height}, lane, between) {
  const [on, period] = between ? [1, 4] : [5, 8];
  const image = dashed || between
    ? `repeating-linear-gradient(90deg, ${colour} 0 ${on}px, transparent ${on}px ${period}px)`
    : `linear-gradient(${colour}, ${colour})`;
  return `${image} 0 calc(100% - ${lane * LANE}px) / 100% ${between ? 1 : height}px no-repeat`;
}

// A text with its mentions {spans, colour, dashed, height, title, label}; offsets are code points.
// Between the fragments of a mention its line goes on, dotted.
function drawn(text, mentions) {
  const letters = Array.from(text), lane = lanes(mentions);
  const deepest = Math.max(0, ...lane) + 1;
  const cuts = new Set([0, letters.length]);
  for (const {spans} of mentions) spans.flat().forEach(cut => cuts.add(cut));
  const places = [...cuts].sort((a, b) => a - b), line = element("p", "text");
  line.lang = /[\u4e00-\u9fff]/.test(text) ? "zh" : "en";
  places.slice(0, -1).forEach((start, i) => {
    const reaching = mentions
      .map((mention, j) => ({mention, lane: deepest - 1 - lane[j], covers: mention.spans.some(([a, b]) => a <= start && start < b)}))
      .filter(({mention: {spans}}) => spans[0][0] <= start && start < spans[spans.length - 1][1]);
    const piece = letters.slice(start, places[i + 1]).join("");
    if (!reaching.length) return line.append(piece);
    const covering = reaching.filter(({covers}) => covers).map(({mention}) => mention);
    const segment = element("span", "segment", piece);
    segment.style.background = reaching.map(m => stripe(m.mention, m.lane, !m.covers)).join(", ");
    segment.style.paddingBottom = `${deepest * LANE}px`;
    segment.title = covering.map(({title}) => title).join("; ");
    const ending = covering.filter(({label, spans}) => label && spans[spans.length - 1][1] === places[i + 1]);
    if (ending.length) segment.dataset.label = ending.map(({label}) => label).join(" ");
    line.append(segment);
  });
  return line;
}
