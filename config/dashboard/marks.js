// Colours of the theme, canvases that fit their boxes, and the marks of robots.
const COLOURS = ["ink", "soft", "faint", "paper", "panel", "line", "zone", "blue", "orange", "green", "purple", "red"];
let theme = {};

function readTheme() {
  const style = getComputedStyle(document.documentElement);
  theme = Object.fromEntries(COLOURS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

const DENSEST = 2; // pixels per CSS pixel

// Keeps a canvas as sharp as its box is large, and calls back when that changes.
function fitted(canvas, changed) {
  const fit = { context: canvas.getContext("2d"), width: 0, height: 0, ratio: 1 };
  new ResizeObserver(([entry]) => {
    fit.ratio = Math.min(devicePixelRatio || 1, DENSEST);
    fit.width = entry.contentRect.width;
    fit.height = entry.contentRect.height;
    canvas.width = Math.round(fit.width * fit.ratio);
    canvas.height = Math.round(fit.height * fit.ratio);
    changed();
  }).observe(canvas);
  return fit;
}

const POLLED = 1, HEARD = 2, SUSPENDED = 4, GONE = 8, TRUE = 16;
const MARKS = {
  normal: "robot", reported: "last reported", heard: "polled and heard", polled: "polled", suspended: "suspended",
};

function markOf(bits, state) {
  if (bits & GONE) return "left";
  if (bits & HEARD) return "heard";
  if (bits & POLLED) return "polled";
  if (bits & SUSPENDED) return "suspended";
  return bits & TRUE || state === 0xffff ? "normal" : "reported";
}

const KIND_COLOURS = ["blue", "purple", "green", "faint"];

function drawMark(context, mark, x, y, r, kind = 0) {
  context.beginPath();
  if (mark === "suspended") { // a cross
    context.strokeStyle = theme.red;
    context.lineWidth = Math.max(1.2, r / 2.5);
    context.moveTo(x - r, y - r); context.lineTo(x + r, y + r);
    context.moveTo(x - r, y + r); context.lineTo(x + r, y - r);
    context.stroke();
    return;
  }
  const large = mark === "heard" || mark === "polled";
  context.arc(x, y, large ? Math.max(1.45 * r, r + 1.5) : r, 0, 2 * Math.PI);
  if (mark === "polled") { // hollow until it answers
    context.fillStyle = theme.panel;
    context.fill();
    context.strokeStyle = theme.orange;
    context.lineWidth = Math.max(1.5, r / 2.2);
    context.stroke();
    return;
  }
  context.globalAlpha = mark === "reported" ? 0.45 : mark === "normal" ? 0.85 : 1;
  context.fillStyle = large ? theme.orange : theme[KIND_COLOURS[kind]];
  context.fill();
  context.globalAlpha = 1;
  if (large) {
    context.strokeStyle = kind ? theme[KIND_COLOURS[kind]] : theme.panel;
    context.lineWidth = kind ? 2 : 1;
    context.stroke();
  }
}

// Marks as pictures, which are drawn faster than circles.
function makeSprites(radius, ratio, kind) {
  const size = Math.ceil(2 * Math.max(1.45 * radius, radius + 1.5) + 4);
  return Object.fromEntries(Object.keys(MARKS).map((mark) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = size * ratio;
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    drawMark(context, mark, size / 2, size / 2, radius, kind);
    return [mark, { canvas, size }];
  }));
}
