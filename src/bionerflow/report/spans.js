"use strict";
// Corpus text is data: it enters the page through textContent alone.
const LANE = 5, ROOM = 2;

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

function stripe({colour, dashed, twice, height}, lane, between) {
  const [on, period] = between ? [1, 4] : [5, 8];
  const image = dashed || between
    ? `repeating-linear-gradient(90deg, ${colour} 0 ${on}px, transparent ${on}px ${period}px)`
    : `linear-gradient(${colour} 0 33%, ${twice ? "transparent" : colour} 33% 66%, ${colour} 66%)`;
  return `${image} 0 calc(100% - ${lane * LANE}px) / 100% ${between ? 1 : height}px no-repeat`;
}

// A text with its mentions {spans, colour, dashed, twice, height, title, label}; offsets are code points.
// Between the fragments of a mention its line goes on, dotted; so it does below the label of another.
function drawn(text, mentions) {
  const letters = Array.from(text), lane = lanes(mentions);
  const cuts = new Set([0, letters.length]);
  for (const {spans} of mentions) spans.flat().forEach(cut => cuts.add(cut));
  const places = [...cuts].sort((a, b) => a - b), line = element("p", "text");
  line.lang = /[\u4e00-\u9fff]/.test(text) ? "zh" : "en";
  const found = mentions.map((mention, j) => ({mention, lane: lane[j], end: mention.spans[mention.spans.length - 1][1]}));
  places.slice(0, -1).forEach((start, i) => {
    const next = places[i + 1], piece = letters.slice(start, next).join("");
    const reaching = found.filter(({mention: {spans}, end}) => spans[0][0] <= start && start < end)
      .map(one => ({...one, covers: one.mention.spans.some(([a, b]) => a <= start && start < b)}));
    if (!reaching.length) return line.append(piece);
    const covering = reaching.filter(({covers}) => covers).map(({mention}) => mention);
    const segment = underlined(element("span", "segment", piece), reaching);
    segment.title = covering.map(({title}) => title).join("; ");
    line.append(segment);
    const ending = reaching.filter(({mention, end}) => mention.label && end === next);
    if (!ending.length) return;
    const label = underlined(element("span", "label"), reaching.filter(({end}) => end > next));
    label.dataset.label = ending.map(({mention}) => mention.label).join(", ");
    line.append(label);
  });
  return line;
}

// Draws the mentions' lines below an element; where there are many, its row gets the room for them.
function underlined(made, reaching) {
  const depth = Math.max(...reaching.map(({lane}) => lane), -1) + 1;
  made.style.background = reaching.map(({mention, lane, covers}) => stripe(mention, depth - 1 - lane, !covers)).join(", ");
  made.style.paddingBottom = `${depth * LANE}px`;
  if (depth > ROOM) made.style.lineHeight = `calc(2.1em + ${2 * (depth - ROOM) * LANE}px)`;
  return made;
}
