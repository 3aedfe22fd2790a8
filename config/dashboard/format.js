// Small helpers: elements, texts, numbers.
const $ = (id) => document.getElementById(id);

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function number(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 10 ** digits) return Math.round(value).toLocaleString("en-US").replaceAll(",", "\u202f");
  return size === 0 ? "0" : String(Number(value.toPrecision(digits)));
}

const axis = (value) => (Math.abs(value) >= 10_000 ? `${number(value / 1000)} k` : number(value));
const percent = (share, digits = 0) => (share === null || share === undefined ? "–" : `${(100 * share).toFixed(digits)} %`);
const policyName = (id) => (id >>> 0).toString(16).padStart(8, "0");
const clock = (seconds) => new Date(1000 * seconds).toTimeString().slice(0, 8);
const duration = (seconds) => (seconds < 120 ? `${Math.round(seconds)} s` : seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`);

// At most one call per so many ms, the last one always.
function paced(period, action) {
  let due = 0, timer = 0;
  return () => {
    const now = performance.now();
    if (timer) return;
    if (now >= due) {
      due = now + period;
      action();
    } else {
      timer = setTimeout(() => { timer = 0; due = performance.now() + period; action(); }, due - now);
    }
  };
}
